import math
from bisect import bisect_left
from functools import cache

import mpmath
import numpy as np
import ot
import pingouin
import pytest
from numpy.testing import assert_allclose
from samples import sample
from scipy.spatial.distance import cdist
from scipy.special import hyp1f1, ndtri
from scipy.stats import binom, chi2, energy_distance, ncx2, norm, ortho_group
from sklearn.metrics.pairwise import rbf_kernel

from gaedist import GaedistError, score, scores
from gaedist.api.score import METRICS
from gaedist.engine import Run, random_directions
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.parameters import Parameters
from gaedist.metrics.rivals import RIVALS
from gaedist.null.distributions import WIDE
from gaedist.report.verdicts import NO_VERDICT, verdict_of

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SEED, COUNT = 5, 7
FEW = Parameters(directions=COUNT)
HOW = {"directions": ["sliced-wasserstein", "sliced-epps-pulley"]}
HOW |= {"moments": ["kl", "mardia-skewness", "mardia-kurtosis"]}
SLICED = ("sliced-wasserstein", "sliced-epps-pulley")
SINGULAR = ("henze-zirkler", "kl")


def measured(name, x, **options):
    parameters = FEW if name in SLICED else None
    return score(x, metric=name, **{"parameters": parameters, "run": Run(seed=SEED), **options})


# Slow twins, from the formulas of FORMULAS §8


def hyp(a, half, z):
    """₁F₁(a; half; z)."""
    return np.vectorize(lambda one: float(mpmath.hyp1f1(a, half, mpmath.mpf(float(one)))))(z)


def gauss_legendre(function, last, panels=60):
    """∫ of a function from 0 to ``last``."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.linspace(0, last, panels + 1)
    r = (edges[:-1, np.newaxis] + (nodes + 1) / 2 * np.diff(edges)[:, np.newaxis]).ravel()
    return float(function(r) @ np.tile(weights, panels)) * last / panels / 2


def mean_about(kernel, dim, square):
    """E k(|x − Y|²) over Y of N(0, I): |x − Y|² is of the non-central χ² law of |x|²."""
    last = math.sqrt(square) + math.sqrt(dim) + 12
    return gauss_legendre(lambda r: kernel(r * r) * 2 * r * ncx2.pdf(r * r, dim, square), last)


def prior_mean(kernel, dim):
    """E k(|Y − Y'|²), where |Y − Y'|²/2 is of the χ² law."""
    return gauss_legendre(lambda r: kernel(2 * r * r) * 2 * r * chi2.pdf(r * r, dim), math.sqrt(dim) + 12)


TAIL_TWINS = {
    "gaussian": lambda q, c, dim, alpha: np.exp(-q / c),
    "inverse-quadratic": lambda q, c, dim, alpha: c / (c + q),
    "inverse-multiquadric": lambda q, c, dim, alpha: 1 / np.sqrt(1 + q / c),
    "rational-quadratic": lambda q, c, dim, alpha: (1 + q / (alpha * c)) ** -alpha,
    "laplace": lambda q, c, dim, alpha: np.exp(-np.sqrt(q / c)),
    "cramer-wold": lambda q, c, dim, alpha: hyp1f1(0.5, dim / 2, -dim * q / (2 * c)),
}


def mmd(x, kernel="inverse-quadratic", scales=SCALES, alpha=2.0):
    n, dim = x.shape

    def k(q):
        return sum(TAIL_TWINS[kernel](q, 2 * dim * scale, dim, alpha) for scale in scales)

    dense = k(cdist(x, x, "sqeuclidean"))
    pair = (dense.sum() - np.trace(dense)) / (n * (n - 1))
    about = [mean_about(k, dim, square) for square in (x**2).sum(axis=1)]
    return pair - 2 * np.mean(about) + prior_mean(k, dim)


def epps_pulley(x, beta):
    """n ∫ |ψ − e^(−|t|²/2)|² N(t; 0, β²I) dt, from the dense matrix, in long doubles."""
    n, dim = x.shape
    x, b = x.astype(np.longdouble), np.longdouble(beta) ** 2
    within = sum(np.subtract.outer(column, column) ** 2 for column in x.T)
    pair, cross = np.exp(-b * within / 2).mean(), np.exp(-b * (x**2).sum(axis=1) / (2 * (1 + b))).mean()
    half = np.longdouble(dim) / 2
    return float(n * (pair - 2 * (1 + b) ** -half * cross + (1 + 2 * b) ** -half))


def henze_zirkler(x):
    n, dim = x.shape
    centered = x - x.mean(axis=0)
    factor = np.linalg.cholesky(np.cov(x.T, ddof=0).reshape(dim, dim))
    beta = ((2 * dim + 1) * n / 4) ** (1 / (dim + 4)) / math.sqrt(2)
    return epps_pulley(np.linalg.solve(factor, centered.T).T, beta)


def divergence(x):
    mean, covariance = x.mean(axis=0), np.cov(x.T, ddof=0).reshape(x.shape[1], x.shape[1])
    return (np.trace(covariance) + mean @ mean - x.shape[1] - np.linalg.slogdet(covariance)[1]) / 2


def along(x, count=COUNT, seed=SEED):
    return x @ random_directions(x.shape[1], count, seed).T


def wasserstein(t):
    n = len(t)
    z = ndtri(np.arange(n + 1) / n)
    return np.mean(t**2) + 1 - 2 * np.sort(t) @ (norm.pdf(z[:-1]) - norm.pdf(z[1:]))


def sliced_wasserstein_values(x):
    return [wasserstein(t) for t in along(x).T]


def sliced_epps_pulley_values(x, beta=1.0):
    return [epps_pulley(t[:, np.newaxis], beta) for t in along(x).T]


def cramer_wold(x, gamma=None, projected=lambda dim, s: hyp(0.5, dim / 2, -s)):
    n, dim = x.shape
    gamma = (4 / (3 * n)) ** 0.4 if gamma is None else gamma
    pair = projected(dim, cdist(x, x, "sqeuclidean") / (4 * gamma)).mean()
    cross = projected(dim, (x**2).sum(axis=1) / (2 + 4 * gamma)).mean()
    brackets = gamma**-0.5 * pair + (1 + gamma) ** -0.5 - 2 * (gamma + 0.5) ** -0.5 * cross
    return brackets / (2 * math.sqrt(math.pi))


def approximate(dim, s):
    return (1 + 4 * s / (2 * dim - 3)) ** -0.5


def energy(x):
    dim = x.shape[1]
    unit = math.sqrt(2) * math.gamma((dim + 1) / 2) / math.gamma(dim / 2)  # E|Y|
    about = unit * hyp(-0.5, dim / 2, -(x**2).sum(axis=1) / 2)
    return 2 * about.mean() - math.sqrt(2) * unit - cdist(x, x).mean()


TWINS = {
    "bhep": lambda x: epps_pulley(x, 1.0),
    "henze-zirkler": henze_zirkler,
    "kl": divergence,
    "mmd": mmd,
    "sliced-wasserstein": lambda x: np.mean(sliced_wasserstein_values(x)),
    "cramer-wold": cramer_wold,
    "cramer-wold-approx": lambda x: cramer_wold(x, projected=approximate),
    "sliced-epps-pulley": lambda x: np.mean(sliced_epps_pulley_values(x)),
    "energy": energy,
    "mardia-skewness": lambda x: ((x @ x.T) ** 3).mean(),
    "mardia-kurtosis": lambda x: ((x**2).sum(axis=1) ** 2).mean(),
}
"""Name → from a sample to what the metric is by default."""


CASES = [
    (name, n, dim)
    for name in RIVALS
    for n, dim in ((40, 1), (9, 3), (25, 8), (70, 20))
    if (name, dim) != ("cramer-wold-approx", 1)  # there is none
]


@pytest.mark.parametrize(("name", "n", "dim"), CASES)
def test_values_are_those_of_slow_twins(name, n, dim):
    # the largest errors, of what terms of size 1 leave: mmd 1.7e-12, cramer-wold 8e-13, bhep 3e-13
    for kind in ("normal", "shifted", "heavy-tailed"):
        x = sample(kind, n, dim)
        found = measured(name, x, null="none")
        assert_allclose(found.value, TWINS[name](x), rtol=1e-11 if name == "mmd" else 3e-12)


def test_there_is_a_twin_of_every_metric_and_every_tail():
    assert list(TWINS) == list(RIVALS)
    assert list(TAIL_TWINS) == list(KERNELS)


@pytest.mark.parametrize("dim", [1, 2, 8, 32])
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_of_mmd(kernel, dim):
    # the largest errors were 4e-12 where 7 kernels leave 1e-3, and 7e-12 where one leaves 1e-6
    x = sample("heavy-tailed", 15, dim)
    alpha = 0.3 if kernel == "rational-quadratic" else None
    for scales, power in ((None, None), ([0.05], None), ([1.0, 3.0], alpha)):
        parameters = Parameters(kernel=kernel, scales=scales, alpha=power)
        found = score(x, metric="mmd", parameters=parameters, null="none")
        assert_allclose(found.value, mmd(x, kernel, scales or SCALES, power or 2.0), rtol=2e-11)


@pytest.mark.parametrize("dim", [1, 5])
def test_knobs(dim):
    x = sample("heavy-tailed", 30, dim)
    for beta in (0.2, 2.5):
        parameters = Parameters(beta=beta, directions=COUNT)
        expected = epps_pulley(x, beta)
        assert_allclose(measured("bhep", x, parameters=Parameters(beta=beta)).value, expected, rtol=1e-11)
        found = measured("sliced-epps-pulley", x, parameters=parameters)
        assert_allclose(found.value, np.mean(sliced_epps_pulley_values(x, beta)), rtol=1e-12)
        assert found.parameters == (parameters if dim > 1 else found.parameters)
    for gamma in (0.01, 3.0):
        parameters = Parameters(gamma=gamma)
        found = score(x, metric="cramer-wold", parameters=parameters)
        assert_allclose(found.value, cramer_wold(x, gamma), rtol=1e-11)
        assert found.parameters == parameters
        if dim > 1:
            found = score(x, metric="cramer-wold-approx", parameters=parameters)
            assert_allclose(found.value, cramer_wold(x, gamma, approximate), rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "values"), [(SLICED[0], sliced_wasserstein_values), (SLICED[1], sliced_epps_pulley_values)]
)
def test_the_error_of_a_sliced_distance_is_that_of_a_mean_over_directions(name, values):
    x = sample("shifted", 30, 4)
    assert_allclose(measured(name, x).value_se, np.std(values(x), ddof=1) / math.sqrt(COUNT), rtol=1e-11)
    assert measured(name, x[:, :1]).value_se == 0
    others = {measured(name, x, run=Run(seed=seed)).value for seed in range(3)}
    assert len(others) == 3


def test_defaults_are_reported():
    x = sample("normal", 50, 3)
    found = {r.metric: r.parameters for r in scores(x, metric="all", parameters=FEW, null="none")}
    assert found["bhep"] == Parameters(beta=1.0)
    assert found["mmd"] == Parameters(kernel="inverse-quadratic", scales=SCALES)
    assert found["cramer-wold"] == found["cramer-wold-approx"]
    assert found["cramer-wold"].gamma == pytest.approx((4 / 150) ** 0.4)
    assert found["sliced-wasserstein"] == FEW
    assert found["sliced-epps-pulley"] == Parameters(beta=1.0, directions=COUNT)
    assert found["henze-zirkler"].beta == pytest.approx((7 * 50 / 4) ** (1 / 7) / math.sqrt(2))
    assert found["kl"] == found["energy"] == found["mardia-skewness"] == Parameters()
    rational = score(x, metric="mmd", parameters=Parameters(kernel="rational-quadratic"))
    assert rational.parameters.alpha == 2.0


# Peers


@pytest.mark.parametrize(
    ("kind", "n", "dim"), [("normal", 60, 2), ("heavy-tailed", 60, 3), ("mixture", 90, 5)]
)
def test_henze_zirkler_agrees_with_pingouin(kind, n, dim):
    x = 3 + sample(kind, n, dim) @ np.diag(np.arange(1, dim + 1))
    found, expected = measured("henze-zirkler", x), pingouin.multivariate_normality(x)
    assert_allclose(found.value, expected.hz, rtol=1e-12)
    assert found.null.method == "log-normal"
    assert_allclose(found.p_value, expected.pval, rtol=1e-9)


def test_sliced_wasserstein_agrees_with_pot():
    # along each direction, against 2·10⁵ quantiles, which lack 2e-5 of the second moment
    x, directions = sample("shifted", 50, 3), random_directions(3, COUNT, SEED)
    quantiles = ndtri((np.arange(200_000) + 0.5) / 200_000)
    expected = [ot.wasserstein_1d(t, quantiles, p=2) for t in (x @ directions.T).T]
    found = measured("sliced-wasserstein", x)
    assert_allclose(found.value, np.mean(expected), rtol=1e-3)
    # against points of N(0, I), whose own distance to it is of the order 1e-5 times a logarithm
    reference = np.random.default_rng(1).normal(size=(100_000, 3))
    assert_allclose(
        found.value, ot.sliced_wasserstein_distance(x, reference, projections=directions.T) ** 2, rtol=0.03
    )


def test_the_pairs_of_a_gaussian_mmd_agree_with_scikit_learn():
    x = sample("mixture", 80, 4)
    scale, dim = 0.7, 4
    c = 2 * dim * scale
    dense = rbf_kernel(x, gamma=1 / c)
    pair = (dense.sum() - np.trace(dense)) / (80 * 79)
    about = (1 + 2 / c) ** (-dim / 2) * np.exp(-(x**2).sum(axis=1) / (c + 2)).mean()
    found = measured("mmd", x, parameters=Parameters(kernel="gaussian", scales=[scale]))
    assert_allclose(found.value, pair - 2 * about + (1 + 4 / c) ** (-dim / 2), rtol=1e-11)


@pytest.mark.parametrize("kind", ["normal", "shifted", "heavy-tailed"])
def test_energy_agrees_with_scipy(kind):
    # scipy gives the square root, of a distance to 10⁶ quantiles
    x = sample(kind, 40, 1)
    quantiles = ndtri((np.arange(1_000_000) + 0.5) / 1_000_000)
    assert_allclose(measured("energy", x).value, energy_distance(x[:, 0], quantiles) ** 2, rtol=1e-4)


# Properties


@cache
def of_all(kind="shifted", n=300, dim=5):
    return {r.metric: r for r in of(sample(kind, n, dim))}


def of(x, **options):
    options = {"metric": list(RIVALS), "parameters": FEW, "run": Run(seed=SEED), **options}
    return scores(x, **options)


def test_rotations_leave_all_but_the_sliced_ones_alone():
    turn = ortho_group.rvs(5, random_state=3)
    turned = {r.metric: r for r in of(sample("shifted", 300, 5) @ turn)}
    for name, found in of_all().items():
        if name in SLICED:
            assert abs(turned[name].value / found.value - 1) > 1e-4
        else:
            assert_allclose(turned[name].value, found.value, rtol=1e-11)
            assert_allclose(turned[name].z, found.z, rtol=1e-9)


def test_the_order_of_rows_does_not_matter():
    order = np.random.default_rng(2).permutation(300)
    for found in of(sample("shifted", 300, 5)[order]):
        assert_allclose(found.value, of_all()[found.metric].value, rtol=1e-12)


def test_single_precision_is_taken_as_the_double_that_it_is():
    x = sample("shifted", 100, 4).astype(np.float32)
    for single, double in zip(of(x), of(x.astype(float)), strict=True):
        assert single.value == double.value
        assert single.p_value == double.p_value


def test_threads_leave_bits_alone():
    x = sample("heavy-tailed", 1100, 6)
    one, two = (of(x, null="none", run=Run(threads=threads)) for threads in (1, 2))
    assert [r.value for r in one] == [r.value for r in two]
    assert [r.value_se for r in one] == [r.value_se for r in two]


def test_several_metrics_are_what_each_is_alone_in_the_order_asked():
    x, names = sample("shifted", 300, 5), [*reversed(METRICS)]
    together = of(x, metric=[*names, names[0]])
    assert [r.metric for r in together] == names
    for found in together:
        alone = measured(found.metric, x)
        assert_allclose(found.value, alone.value, rtol=1e-12)
        assert_allclose(found.z, alone.z, rtol=1e-9)


def test_all_is_every_metric_and_gaussian_has_a_result_for_each_sigma():
    x = sample("normal", 50, 3)
    found = scores(x, [0.5, 1.0], metric="all", parameters=FEW, null="none")
    assert [r.metric for r in found] == ["gaussian", *METRICS]
    assert found[0].sigma != found[1].sigma
    twice = scores(x, metric=["kl", "all"], parameters=FEW, null="none")
    assert [r.metric for r in twice] == ["kl", *(name for name in METRICS if name != "kl")]


def test_what_does_not_apply_to_a_rival_is_none():
    for found in of_all().values():
        assert (found.target, found.estimator, found.covariance, found.sigma, found.terms) == (None,) * 5
        assert found.log_value == pytest.approx(math.log(found.value))
        assert found.method == next((how for how in HOW if found.metric in HOW[how]), "pairs")
        assert found.two_sided is RIVALS[found.metric].two_sided
    negative = [score(sample("normal", 60, 3, seed), metric="mmd") for seed in range(6)]
    assert any(found.value < 0 for found in negative)
    assert all((found.log_value is None) == (found.value < 0) for found in negative)


# Codes that some metrics cannot take


@pytest.mark.parametrize(
    ("x", "failing"),
    [
        (np.zeros((300, 3)), set(SINGULAR)),
        (2 + np.zeros((300, 3)), set(SINGULAR)),
        (sample("normal", 300, 3)[:, [0, 1, 1]], set(SINGULAR)),
        (sample("normal", 3, 3), set(SINGULAR)),
        (sample("normal", 1, 3), {*SINGULAR, "mmd"}),
        (np.zeros((300, 1)), {*SINGULAR, "cramer-wold-approx"}),
    ],
    ids=["at 0", "at a point", "flat", "n = D", "n = 1", "on a line"],
)
def test_metrics_that_codes_cannot_have_are_told_and_the_others_go_on(x, failing):
    failed = {}
    results = of(x, metric="all", failed=failed.__setitem__)
    assert set(failed) == failing
    assert [r.metric for r in results] == [name for name in METRICS if name not in failing]
    for name in SINGULAR:
        assert "covariance is singular" in str(failed[name])
        with pytest.raises(GaedistError, match="covariance is singular"):
            score(x, metric=name)
    for found in results:
        assert math.isfinite(found.value)
        assert math.isfinite(found.z)
        assert found.p_value is None or 0 < found.p_value <= 1


def test_collapsed_codes_are_improbable():
    results = of(np.zeros((300, 3)), metric=[name for name in RIVALS if name not in SINGULAR])
    p_values = {found.metric: found.p_value for found in results}
    assert p_values.pop("mardia-skewness") > 0.9  # 0 is its least value, and its best
    assert all(p < 1e-12 for p in p_values.values())


def test_messages_name_what_is_wrong():
    x = sample("normal", 3, 3)
    for name in SINGULAR:
        with pytest.raises(GaedistError, match=r"it takes 4 points.*; got 3\."):
            score(x, metric=name)
    with pytest.raises(GaedistError, match=r"do not vary along 2 of 3 directions\. Take another metric"):
        score(sample("normal", 50, 3) * [1, 0, 0], metric="kl")
    with pytest.raises(GaedistError, match="takes two points; got one"):
        score(x[:1], metric="mmd")
    with pytest.raises(GaedistError, match=r"no value in one dimension.*Take cramer-wold\."):
        score(x[:, :1], metric="cramer-wold-approx")


@pytest.mark.parametrize(
    ("metric", "parameters", "message"),
    [
        ("bhep", {"gamma": 1.0}, "gamma is for cramer-wold and cramer-wold-approx, not for bhep"),
        (["kl", "energy"], {"beta": 1.0}, "beta is for bhep and sliced-epps-pulley, not for kl, energy"),
        (
            "gaussian",
            {"directions": 9},
            "directions is for sliced-wasserstein and sliced-epps-pulley, not for",
        ),
        ("henze-zirkler", {"beta": 1.0}, "beta is for .* not for henze-zirkler"),
        ("energy", {"kernel": "laplace"}, "kernel is for mmd, not for energy"),
        ("energy", {"scales": [1.0]}, "scales? is for mmd, not for energy"),
        ("mmd", {"alpha": 1.0}, "alpha is for the rational-quadratic kernel, not inverse-quadratic"),
        (
            "mmd",
            {"alpha": 1.0, "kernel": "laplace"},
            "alpha is for the rational-quadratic kernel, not laplace",
        ),
        ([], {}, "no metric is given. Take one of gaussian, bhep"),
        ("entropy", {}, "metric must be one of gaussian, bhep, .*, all; got 'entropy'"),
        (["kl", "entropy"], {}, "metric must be one of .* got 'entropy'"),
    ],
)
def test_parameters_that_no_metric_takes(metric, parameters, message):
    with pytest.raises(GaedistError, match=message):
        scores(sample("normal", 20, 3), metric=metric, parameters=Parameters(**parameters))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"beta": 0.0}, r"beta must be a number from 1e-06 to 1e\+06; got 0.0"),
        ({"beta": math.nan}, "beta must be a number from .* got nan"),
        ({"beta": True}, "beta must be a number from .* got True"),
        ({"beta": "1"}, "beta must be a number from .* got '1'"),
        ({"gamma": -1.0}, r"gamma must be a number from 1e-12 to 1e\+12; got -1.0"),
        ({"gamma": math.inf}, "gamma must be a number from .* got inf"),
        ({"alpha": 0.01}, "alpha must be a number from 0.05 to 50; got 0.01"),
        ({"alpha": 51}, "alpha must be a number from 0.05 to 50; got 51"),
        ({"kernel": "round"}, "kernel must be one of gaussian, .*; got 'round'"),
        ({"directions": 0}, "directions must be .* 0"),
        ({"directions": 2.5}, "directions must be .* 2.5"),
        ({"scales": []}, r"scales must be a list of numbers; got \[\]"),
        ({"scales": 1.0}, "scales must be a list of numbers; got 1.0"),
        ({"scales": "1"}, "scales must be a list of numbers; got '1'"),
        ({"scales": [1.0, 0.0]}, r"scale must be a number from 1e-12 to 1e\+12; got 0.0"),
        ({"scales": [None, "a"]}, "scale must be a number .* got 'a'"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(GaedistError, match=message):
        Parameters(**parameters)


@pytest.mark.parametrize(
    "options",
    [{"sigma": 0.5}, {"sigma": "median"}, {"target": "smoothed"}, {"covariance": "constant"}],
)
def test_options_of_the_gaussian_metric_are_for_it_alone(options):
    x = sample("normal", 20, 3)
    with pytest.raises(
        GaedistError, match="sigma, covariance, target and estimator are for gaussian, not for kl"
    ):
        score(x, metric="kl", **options)
    sigma = options.get("sigma", 1.0)
    rest = {name: value for name, value in options.items() if name != "sigma"}
    assert [r.metric for r in scores(x, [sigma], metric=["kl", "gaussian"], **rest)] == ["kl", "gaussian"]


# What N(0, I) itself scores

SAMPLES, SIZE, DIM = 300, 60, 3
LINES = Parameters(directions=50)


def normal_sample(k):
    return np.random.default_rng((11, k)).normal(size=(SIZE, DIM))


def of_normal(k, metric, **options):
    """Measure sample k of N(0, I), along directions of its own."""
    run = Run(seed=k, threads=1)
    return scores(normal_sample(k), metric=metric, parameters=LINES, run=run, **options)


@cache
def normal_values():
    """From each metric to its values for samples of N(0, I)."""
    found = [of_normal(k, list(RIVALS), null="none") for k in range(SAMPLES)]
    return {name: np.array([row[i].value for row in found]) for i, name in enumerate(RIVALS)}


def judged(name, k):
    parameters = LINES if "directions" in RIVALS[name].takes else None
    return score(normal_sample(k), metric=name, parameters=parameters, run=Run(seed=k, threads=1))


@pytest.mark.parametrize("name", RIVALS)
def test_means_and_standard_deviations_are_those_of_normal_samples(name):
    values, null = normal_values()[name], judged(name, 0).null
    z = (values - null.mean) / null.sd
    assert abs(z.mean()) < 4 / math.sqrt(SAMPLES)
    # mean z² within 4 of its standard errors; henze-zirkler's moments are those of the limit
    assert abs((z**2).mean() - 1) < 4 * (z**2).std() / math.sqrt(SAMPLES)


@pytest.mark.parametrize("name", RIVALS)
def test_normal_samples_are_rejected_as_often_as_promised(name):
    # p falls as the value rises, so that few of them are needed to count those below 0.05
    order = np.argsort(-normal_values()[name])
    ranks = range(SAMPLES)

    def p_value(rank):
        return judged(name, order[rank]).p_value

    if RIVALS[name].two_sided:
        half = SAMPLES // 2
        rejected = bisect_left(ranks, 0.05, hi=half, key=p_value)
        rejected += SAMPLES - bisect_left(ranks, True, lo=half, key=lambda rank: p_value(rank) < 0.05)
    else:
        rejected = bisect_left(ranks, 0.05, key=p_value)
    low, high = binom.interval(0.999, SAMPLES, 0.05)
    assert low <= rejected <= high


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS)
def test_p_values_are_uniform(name):
    p = np.array([judged(name, k).p_value for k in range(1000)])
    for nominal in (0.01, 0.05, 0.2, 0.5, 0.8):
        low, high = binom.interval(0.9999, len(p), nominal)
        assert low <= (p < nominal).sum() <= high, nominal


@pytest.mark.parametrize("name", RIVALS)
def test_where_a_law_cannot_be_trusted_there_is_a_note(name):
    found = score(sample("normal", 9, 3), metric=name, parameters=FEW if name in SLICED else None)
    assert (found.null.method, found.p_value) == ("closed-form", None)
    assert "--null monte-carlo" in found.null.note
    assert math.isfinite(found.z)


def test_no_law_is_asked_for():
    for found in of(sample("normal", 50, 3), null="none"):
        assert (found.null.method, found.null.mean, found.z, found.p_value) == ("none", None, None, None)


REPLICATES = 150


def test_monte_carlo_agrees_with_the_closed_form_and_reuses_its_replicates(monkeypatch):
    x = sample("normal", 60, 2)
    closed = of(x)
    options = {"null": "monte-carlo", "replicates": REPLICATES, "cache": False}
    simulated = of(x, **options)
    for found, exact in zip(simulated, closed, strict=True):
        null = found.null
        assert (found.value, null.method, null.replicates) == (exact.value, "monte-carlo", REPLICATES)
        assert abs(null.mean - exact.null.mean) < 4 * exact.null.sd / math.sqrt(REPLICATES)
        # skewness 2 makes the standard error of a standard deviation 1.4 times 1/√R at most
        assert_allclose(null.sd, exact.null.sd, rtol=4 * 1.4 / math.sqrt(REPLICATES))
        assert_allclose(found.z, (found.value - null.mean) / null.sd, rtol=1e-9)
        assert_allclose(found.p_value, exact.p_value, atol=4 * 0.5 / math.sqrt(REPLICATES))
        step = found.p_value * (REPLICATES + 1) / (2 if found.two_sided else 1)
        assert step == pytest.approx(round(step)) or found.p_value == 1

    def never(*arguments):
        raise AssertionError("the replicates are simulated again")

    monkeypatch.setattr("gaedist.null.monte_carlo._values", never)
    again = of(sample("shifted", 60, 2), **options)
    assert [r.null.mean for r in again] == [r.null.mean for r in simulated]
    with pytest.raises(AssertionError, match="simulated again"):
        score(x, metric="bhep", parameters=Parameters(beta=0.5), **options)


def test_replicates_do_not_depend_on_knobs_that_a_metric_does_not_take(monkeypatch):
    x = sample("normal", 30, 2)
    options = {"null": "monte-carlo", "replicates": 5, "cache": False}
    first = score(x, metric="kl", **options)
    monkeypatch.setattr("gaedist.null.monte_carlo._values", None)
    second = scores(x, metric=["kl"], **options)[0]
    assert second.null == first.null
    with pytest.raises(GaedistError, match="add --null monte-carlo"):
        score(x, metric="kl", replicates=9)
    with pytest.raises(GaedistError, match="null must be one of"):
        score(x, metric="kl", null="guess")


# Many dimensions and wide kernels, where rounding of terms could pass for a difference


@pytest.mark.parametrize("dim", [64, 150, 300])
@pytest.mark.parametrize("metric", ["bhep", "henze-zirkler"])
def test_normal_samples_in_many_dimensions_are_not_called_different(metric, dim):
    result = score(np.random.default_rng(dim).normal(size=(400, dim)), metric=metric)
    assert abs(result.z) < 5
    assert verdict_of(result) == NO_VERDICT


@pytest.mark.parametrize("metric", ["bhep", "henze-zirkler"])
def test_simulated_laws_in_many_dimensions_see_what_the_value_has_lost(metric):
    options = {"metric": metric, "null": "monte-carlo", "replicates": 99, "cache": False}
    normal = np.random.default_rng(5).normal(size=(400, 120))
    assert score(normal, **options).value == pytest.approx(1, abs=1e-12)
    assert 0.02 < score(normal, **options).p_value < 0.98
    close = np.concatenate([normal[:200], normal[:200] + 0.01 * normal[200:]])  # each point with another
    assert score(close, **options).p_value == 0.01


@pytest.mark.parametrize(
    ("metric", "parameters"),
    [
        ("mmd", Parameters(scales=[1e11])),
        ("cramer-wold", Parameters(gamma=1e12)),
        ("cramer-wold-approx", Parameters(gamma=1e11)),
    ],
)
def test_kernels_so_wide_that_rounding_rules_are_said_to_be(metric, parameters):
    x = np.random.default_rng(7).normal(size=(300, 20))
    result = score(x, metric=metric, parameters=parameters)
    assert (result.z, result.p_value, result.null.note) == (None, None, WIDE)
    simulated = score(x, metric=metric, parameters=parameters, null="monte-carlo", replicates=9, cache=False)
    assert simulated.p_value is None
    assert score(x + 1e7, metric=metric, parameters=parameters).z > 10


def test_metrics_of_pairs_share_one_pass_over_the_tiles():
    x, totals = np.random.default_rng(8).normal(size=(3000, 3)), []
    pairs = ["gaussian", "bhep", "mmd", "cramer-wold", "cramer-wold-approx", "energy"]
    for metric in (["energy"], pairs):
        seen = []
        scores(x, metric=metric, run=Run(progress=lambda *counts, seen=seen: seen.append(counts)))
        totals.append(seen[-1][0])
    assert totals[0] == 12 * 13 // 2
    # beside it, 12 tiles for each of two φ_D of points; what Gaussians do with the prior takes no tiles
    assert totals[1] == totals[0] + 2 * 12
