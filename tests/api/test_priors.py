"""With a Gaussian prior codes are whitened, and everything is as for N(0, I); with a mixture the distance is
that of quadrature, its null distribution that of samples of the mixture. Words speak of the prior.
"""

import math
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from results import bits
from samples import sample

from gaedist import Parameters, Prior, Run, compare, compares, diagnose, score, scores, sigma
from gaedist.api.priors import in_its_units, worded
from gaedist.diagnostics.registry import CHECKS
from gaedist.errors import GaedistError
from gaedist.files.codes import Latents
from gaedist.metrics.registry import METRICS, ONE_SAMPLE
from gaedist.null import monte_carlo

RNG = np.random.default_rng(0)
LOWER = np.tril(RNG.normal(size=(4, 4)), -1) + np.diag([0.5, 2.0, 1.0, 3.0])
SHIFT = np.array([3.0, -1.0, 0.0, 10.0])
TURNED = LOWER @ np.linalg.qr(RNG.normal(size=(4, 4)))[0]
ROTATES = [
    name
    for name, metric in METRICS.items()
    if name in ONE_SAMPLE and not metric.parameters.count("directions")
]
FEW = Parameters(directions=50)
WORDS = "prior", "verdict"


def prior_of(root, shift=SHIFT):
    return Prior(shift, cov=root @ root.T)


def numbers(result, names=("value", "z", "p_value", "effect")):
    """Return what of a result must not depend on units; NaN for None."""
    return np.array([math.nan if (found := getattr(result, n)) is None else found for n in names])


# A Gaussian prior


@pytest.mark.parametrize("kind", ["normal", "shifted", "heavy-tailed"])
@pytest.mark.parametrize("metric", ONE_SAMPLE)
def test_scores_are_affine_invariant(metric, kind):
    x = sample(kind, 150, 4)
    parameters = FEW if "directions" in ONE_SAMPLE[metric].parameters else None
    expected = score(x, metric=metric, parameters=parameters)
    found = score(x @ LOWER.T + SHIFT, metric=metric, parameters=parameters, prior=prior_of(LOWER))
    assert_allclose(numbers(found), numbers(expected), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("metric", ROTATES)
def test_scores_that_rotate_do_not_depend_on_the_root_of_the_covariance(metric):
    x = sample("shifted", 150, 4)
    found = score(x @ TURNED.T + SHIFT, metric=metric, prior=prior_of(TURNED))
    assert_allclose(numbers(found), numbers(score(x, metric=metric)), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rule", ["median", "prior", "best", "mean-field", "optimize"])
def test_rules_for_sigma_are_affine_invariant(rule):
    x = sample("heavy-tailed", 60, 4)
    found, expected = score(x @ LOWER.T + SHIFT, sigma=rule, prior=prior_of(LOWER)), score(x, sigma=rule)
    assert_allclose(numbers(found, ["value"]), numbers(expected, ["value"]), rtol=1e-10)
    assert_allclose(found.sigma.median, expected.sigma.median, rtol=1e-6)


def test_a_default_score_has_its_companion():
    x = sample("shifted", 300, 4)
    found, expected = score(x @ LOWER.T + SHIFT, prior=prior_of(LOWER)), score(x)
    assert_allclose(found.p_combined, expected.p_combined, rtol=1e-10)
    assert_allclose(found.companion.z, expected.companion.z, rtol=1e-10)


def test_every_check_is_affine_invariant():
    x = sample("mixture", 400, 4)
    x[7] = x[11]
    found, expected = diagnose(x @ LOWER.T + SHIFT, prior=prior_of(LOWER)), diagnose(x)
    assert [check.name for check in found.checks] == list(CHECKS)
    for one, other in zip(found.checks, expected.checks, strict=True):
        names = "p_value", "p_adjusted", "effect", "statistic"
        assert_allclose(numbers(one, names), numbers(other, names), rtol=1e-10, atol=1e-10, err_msg=one.name)
        assert one.found == other.found
    assert_allclose(found.kl.total, expected.kl.total, rtol=1e-10)


def test_copies_are_found_in_whitened_codes():
    x = sample("normal", 800, 4)
    x[790:] = x[:10]
    found = diagnose(x @ TURNED.T + SHIFT, prior=prior_of(TURNED), checks=["points"])
    assert found.sizes.duplicates == diagnose(x).sizes.duplicates == 10


@pytest.mark.parametrize("metric", [name for name, row in METRICS.items() if row.two_sample])
def test_comparisons_are_affine_invariant(metric):
    x, y = sample("normal", 60, 4), sample("shifted", 50, 4, 1)
    parameters = FEW if "directions" in METRICS[metric].parameters else None
    options = {"metric": metric, "parameters": parameters, "permutations": 19}
    found = compare(x @ LOWER.T + SHIFT, y @ LOWER.T + SHIFT, prior=prior_of(LOWER), **options)
    expected = compare(x, y, **options)
    assert_allclose(numbers(found, ["value", "p_value"]), numbers(expected, ["value", "p_value"]), rtol=1e-9)


def test_sigma_of_a_prior_is_for_a_score_with_it():
    x, prior = sample("normal", 60, 4) @ LOWER.T + SHIFT, prior_of(LOWER)
    found = sigma(x, prior=prior)
    by_rule, by_array = score(x, sigma="mean-field", prior=prior), score(x, sigma=found.array, prior=prior)
    assert_allclose(by_array.value, by_rule.value, rtol=1e-12)
    assert found.prior == by_rule.prior == prior.summary


@pytest.mark.parametrize("cov", [1.0, np.ones(4), np.eye(4)])
def test_n_0_i_changes_no_bit(cov):
    x, prior = sample("heavy-tailed", 200, 4), Prior(0.0, cov=cov)

    def plain(results):
        return [{name: value for name, value in bits(r).items() if name not in WORDS} for r in results]

    names = ["gaussian", "energy", "mardia-kurtosis"]
    assert plain(scores(x, metric=names, prior=prior)) == plain(scores(x, metric=names))
    assert plain([score(x, prior=prior)]) == plain([score(x)])
    assert plain(compares(x, x[::2], metric=["gaussian", "energy"], prior=prior)) == plain(
        compares(x, x[::2], metric=["gaussian", "energy"])
    )
    one, other = diagnose(x, prior=prior), diagnose(x)
    assert [(c.log_p, c.statistic, c.effect, c.where) for c in one.checks] == [
        (c.log_p, c.statistic, c.effect, c.where) for c in other.checks
    ]


def test_the_value_is_that_of_whitened_codes():
    """Under the kernel s C, d² of the codes to N(c, C) is |C|^(−1/2) times that of whitened codes."""
    x, s = sample("shifted", 40, 3), 0.6
    root, shift = LOWER[:3, :3], SHIFT[:3]
    codes, cov = x @ root.T + shift, root @ root.T
    whitened = score(codes, sigma=math.sqrt(s), prior=prior_of(root, shift))
    mixture = Prior(means=[shift], covs=[cov])
    as_they_are = score(codes, sigma=np.tile(s * cov, (40, 1, 1)), prior=mixture)
    assert_allclose(as_they_are.value, whitened.value / math.sqrt(np.linalg.det(cov)), rtol=1e-10)


# Words


@pytest.mark.parametrize("kind", ["normal", "shifted"])
def test_words_speak_of_the_prior(kind):
    x, prior = sample(kind, 300, 4) @ LOWER.T + SHIFT, prior_of(LOWER)
    for result in (score(x, prior=prior), diagnose(x, prior=prior)):
        assert "N(0, I)" not in str(result)
        assert "prior" in result.verdict
        assert result.prior.units == "whitened"
    plain = sample(kind, 300, 4)
    assert score(x, prior=prior).verdict == worded(score(plain).verdict, prior)


def test_worded():
    prior = Prior(0.0, cov=1.0)
    text = "Not N(0, I): all. N(0, I) gives these. See gaedist diagnose FILE."
    expected = "Not the prior: all. The prior gives these. See gaedist diagnose FILE --prior PRIOR."
    assert worded(text, prior) == expected
    assert worded(text, None) == text


# Memory


def test_codes_of_the_caller_are_left_alone():
    x = sample("normal", 50, 4)
    kept, latents = x.copy(), Latents(x, "codes.npy", None, 0)
    prior = prior_of(LOWER)
    for codes in (x, latents, x.astype("f4")):
        score(codes, prior=prior)
        diagnose(codes, prior=prior)
        compare(codes, codes, prior=prior)
    assert_array_equal(x, kept)


def test_codes_from_a_file_are_whitened_in_place():
    x = sample("normal", 50, 4)
    assert in_its_units(prior_of(LOWER), x, replace(Latents(x, "a", None, 0), disposable=True)) is x
    y = sample("normal", 50, 4)
    assert in_its_units(prior_of(LOWER), y, "codes.npy") is y
    single = y.astype("f4")
    assert in_its_units(prior_of(LOWER), y, single) is y
    assert in_its_units(prior_of(LOWER), y, y) is not y
    assert in_its_units(None, y, y) is y


# A mixture prior

W, C1, V1 = np.array([0.3, 0.7]), np.array([[-1.5], [0.8]]), np.array([0.4, 1.7])
C2 = np.array([[-1.0, 0.5], [1.0, 0.0]])
COV2 = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.5, -0.1], [-0.1, 2.0]]])


def quadrature(x, prior_pdf, sigma, unit):
    """Return ∫ (f − q)² (4π unit)^(D/2) by quadrature in one or two dimensions."""
    dim = x.shape[1]

    def f(points):
        squares = ((points[:, np.newaxis] - x) ** 2).sum(axis=2)
        return np.exp(-squares / (2 * sigma**2)).mean(axis=1) / (2 * math.pi * sigma**2) ** (dim / 2)

    if dim == 1:

        def integrand(t):
            point = np.array([[t]])
            return float((f(point) - prior_pdf(point))[0] ** 2)

        found = integrate.quad(integrand, -15, 15, limit=400, epsabs=1e-13, epsrel=1e-12)[0]
    else:
        axis = np.linspace(-12, 12, 361)  # the trapezoid rule is exact to rounding for sums of Gaussians
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        found = float(((f(grid) - prior_pdf(grid)) ** 2).sum()) * (axis[1] - axis[0]) ** 2
    return found * (4 * math.pi * unit) ** (dim / 2)


@pytest.mark.parametrize("target", ["normal", "smoothed"])
def test_one_dimension_by_quadrature(target):
    x, s = np.random.default_rng(1).normal(size=(15, 1)), 0.7
    extra = s**2 if target == "smoothed" else 0.0

    def pdf(points):
        return stats.norm.pdf((points - C1.T) / np.sqrt(V1 + extra)) / np.sqrt(V1 + extra) @ W

    found = score(x, sigma=s, target=target, prior=Prior(weights=W, means=C1, covs=V1))
    assert_allclose(found.value, quadrature(x, pdf, s, s**2 if extra else 1.0), rtol=1e-9)


@pytest.mark.parametrize("target", ["normal", "smoothed"])
@pytest.mark.parametrize("covs", [COV2, COV2.diagonal(axis1=1, axis2=2), V1])
def test_two_dimensions_by_quadrature(target, covs):
    x, s = np.random.default_rng(2).normal(size=(12, 2)), 0.6
    extra = s**2 if target == "smoothed" else 0.0
    full = covs if covs.ndim == 3 else [np.diag(np.broadcast_to(c, 2)) for c in covs]

    def pdf(points):
        return sum(
            w * stats.multivariate_normal(m, c + extra * np.eye(2)).pdf(points)
            for w, m, c in zip(W, C2, full, strict=True)
        )

    found = score(x, sigma=s, target=target, prior=Prior(weights=W, means=C2, covs=covs))
    assert_allclose(found.value, quadrature(x, pdf, s, s**2 if extra else 1.0), rtol=1e-9)


@pytest.mark.parametrize("dim", [3, 512])
@pytest.mark.parametrize("target", ["normal", "smoothed"])
@pytest.mark.parametrize("form", ["number", "variances", "axes", "matrices"])
def test_one_round_component_is_the_gaussian_prior(dim, target, form):
    """With C = v I both differ by v^(−D/2), at most; to the smoothed target, whose unit is σ², not at all."""
    if dim == 512 and form == "matrices":
        form = "axes"
    v, shift = 2.5, np.full(dim, 3.0)
    covs = {"number": v, "variances": [v], "axes": np.full((1, dim), v), "matrices": v * np.eye(dim)[None]}
    x = math.sqrt(v) * sample("stretched", 30, dim) + shift
    gaussian = score(x, sigma=1.5, target=target, prior=Prior(shift, var=v))
    options = {"sigma": 1.5 * math.sqrt(v), "target": target}
    mixture = score(x, prior=Prior(weights=[1.0], means=[shift], covs=covs[form]), **options)
    log_unit = -dim / 2 * math.log(v) if target == "normal" else 0.0
    assert_allclose(mixture.log_value, gaussian.log_value + log_unit, rtol=1e-9)


def test_n_0_i_as_a_mixture_has_the_same_value():
    x = sample("normal", 100, 3)
    found = score(x, prior=Prior(means=np.zeros((1, 3)), covs=1.0), target="normal")
    assert_allclose(found.value, score(x, target="normal").value, rtol=1e-12)
    assert found.prior.units == "codes"
    assert found.companion is None


@pytest.mark.parametrize("target", ["normal", "smoothed"])
def test_the_null_distribution_is_that_of_samples_of_the_mixture(target):
    """E d² = ⟨N(0, σ²I), same⟩/n + (1 − 1/n)⟨q_σ, q_σ⟩ + ⟨q, q⟩ − 2⟨q_σ, q⟩, with dense normal densities."""
    prior, n, s = Prior(weights=W, means=C2, covs=COV2), 40, 0.8

    def inner(extra):
        return sum(
            W[i]
            * W[j]
            * stats.multivariate_normal(C2[i] - C2[j], COV2[i] + COV2[j] + extra * np.eye(2)).pdf([0, 0])
            for i in range(2)
            for j in range(2)
        )

    own = 1 / (4 * math.pi * s**2)
    widths = (2 * s**2, 2 * s**2, 2 * s**2) if target == "smoothed" else (2 * s**2, 0.0, s**2)
    pair, same, cross = map(inner, widths)
    unit = 4 * math.pi * (s**2 if target == "smoothed" else 1.0)
    expected = unit * (own / n + (1 - 1 / n) * pair + same - 2 * cross)
    options = {"sigma": s, "target": target, "prior": prior, "null": "monte-carlo", "replicates": 200}
    found, other = (
        score(x, **options, run=Run(threads=1)) for x in (prior.sample(n), sample("normal", n, 2))
    )
    assert abs(found.null.mean - expected) < 4 * found.null.sd / math.sqrt(200)
    assert found.p_value > 0.02
    assert other.p_value < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("target", ["normal", "smoothed"])
def test_p_values_of_samples_of_the_mixture_are_uniform(target):
    prior = Prior(weights=W, means=C2, covs=COV2)
    options = {"sigma": 1.0, "target": target, "prior": prior, "null": "monte-carlo"}
    p_values = [score(prior.sample(50, seed=seed), **options).p_value for seed in range(100, 600)]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_the_null_distribution_is_cached_for_each_mixture(monkeypatch):
    prior = Prior(weights=W, means=C2, covs=COV2)
    x, options = prior.sample(20), {"null": "monte-carlo", "replicates": 9}
    first = score(x, prior=prior, **options)
    with monkeypatch.context() as patch:
        patch.setattr(monte_carlo, "_values", None)
        assert score(x, prior=Prior(weights=W, means=C2, covs=COV2), **options).p_value == first.p_value
    other = score(x, prior=Prior(weights=W, means=C2 + 1, covs=COV2), **options)
    assert other.null.mean != first.null.mean


def test_auto_simulates_a_mixture(simulation_unasked, monkeypatch):
    simulation_unasked()
    monkeypatch.setattr("gaedist.api.score.REPLICATES", 99)
    prior = Prior(weights=W, means=C2, covs=COV2)
    found = score(prior.sample(20), prior=prior)
    assert found.null.method == "monte-carlo"
    assert found.verdict == "No difference from the prior detected"


def test_the_bandwidth_prior_is_that_of_the_mixture():
    prior = Prior(weights=W, means=C2, covs=COV2)
    found = score(prior.sample(20), prior=prior, sigma="prior", target="smoothed")
    assert (found.sigma.rule, found.sigma.median) == ("prior", prior.mixture.bandwidth)


def test_permuted_rows_and_threads_do_not_matter():
    prior = Prior(weights=W, means=C2, covs=COV2)
    x = sample("normal", 600, 2)
    found = score(x, prior=prior, run=Run(threads=1))
    assert score(x, prior=prior, run=Run(threads=2)).value == found.value
    assert_allclose(score(x[::-1], prior=prior).value, found.value, rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, p: score(x, prior=p, metric="mmd"),
            "a mixture prior is for gaussian, not for mmd. .* sample PRIOR",
        ),
        (lambda x, p: scores(x, prior=p, metric="all"), "a mixture prior is for gaussian, not for"),
        (lambda x, p: diagnose(x, prior=p), "diagnose needs a Gaussian prior, and the prior is a mixture"),
        (lambda x, p: compare(x, x, prior=p), "compare needs a Gaussian prior"),
        (lambda x, p: sigma(x, prior=p), "sigma needs a Gaussian prior"),
        (lambda x, p: score(x, prior=p, sigma="silverman"), "a rule for N(0, I), not for a mixture prior"),
        (lambda x, p: score(x, prior=p, sigma="best"), "a rule for N(0, I), not for a mixture prior"),
        (lambda x, p: score(x, prior=p, null="closed-form"), "a mixture prior has no closed form"),
        (lambda x, p: score(x[:, :1], prior=p), "a prior in 2 dimensions, and the codes have 1"),
        (lambda x, p: score(x, prior=p, run=Run(method="sample")), "method sample needs a score whose"),
        (lambda x, p: score(x, prior=3), "prior must be a gaedist.Prior or the name of a file"),
    ],
)
def test_refused(call, message):
    with pytest.raises(GaedistError, match=message.replace("(", r"\(").replace(")", r"\)")):
        call(sample("normal", 20, 2), Prior(weights=W, means=C2, covs=COV2))


def test_every_result_has_its_prior():
    for kind in (
        type(score([[0.0]])),
        type(diagnose([[0.0]])),
        type(compare([[0.0]], [[1.0]])),
        type(sigma([[0.0]])),
    ):
        assert "prior" in [field.name for field in fields(kind)]
