"""Results do not depend on threads, dtype, memory order, row order, rotations, or how calls are split.

This holds for every metric, covariance family, rule for σ, target and method of the registries.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose
from results import bits
from samples import sample

import gaedist
from gaedist.engine import METHODS, PRECISIONS
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE
from gaedist.mixtures.families import FAMILIES
from gaedist.mixtures.targets import TARGETS
from gaedist.smoothing.rules import RULES

DIM = 3  # in which every method can sum
SIZE = 150
LARGE = 2100  # summed in several tiles, by compiled code
FEW = gaedist.Parameters(directions=50)

ROUNDING = {"rtol": 1e-11, "atol": 1e-13}
"""Of sums whose terms of size 1 are computed with other coordinates, or added in another order."""
ROUNDING_OF_Z = {"rtol": 1e-8}
"""The same, magnified by the ratio of the terms to the null standard deviation."""


@dataclass(frozen=True)
class Case:
    """A way to call the library.

    Attributes
    ----------
    measure : callable
        From two samples and the fields of a `Run` to a result. Scores and σ are of the first sample.
    rotates : bool
        Rotations of the codes do not change the value.
    turns_axes : bool
        Another order of the axes does not change the value.
    exact : bool
        The value is a function of the points, not of random numbers or the path of a search.
    size : int
        Points at which threads share the work.
    """

    measure: Callable
    rotates: bool = True
    turns_axes: bool = True
    exact: bool = True
    size: int = LARGE


def of_score(sigma=1.0, metric="gaussian", method="auto", precision="double", **options):
    def measure(x, y, **run):
        run = gaedist.Run(method=method, precision=precision, **run)
        return gaedist.score(x, sigma=sigma, metric=metric, parameters=few(metric), run=run, **options)

    return measure


def of_compare(sigma=1.0, metric="gaussian", **options):
    def measure(x, y, **run):
        run = gaedist.Run(**run)
        return gaedist.compare(x, y, sigma=sigma, metric=metric, parameters=few(metric), run=run, **options)

    return measure


def of_sigma(rule):
    return lambda x, y, **run: gaedist.sigma(x, sigma=rule, run=gaedist.Run(**run))


def few(metric):
    return FEW if is_sliced(metric) else None


def is_sliced(metric):
    return "directions" in ONE_SAMPLE[metric].parameters


def rule_of(family):
    return "median" if family == "constant" else "mean-field"


METRIC_CASES = {
    f"score by {name}": Case(of_score(metric=name), not is_sliced(name), not is_sliced(name))
    for name in ONE_SAMPLE
}
COMPARE_CASES = {
    f"compare by {name}": Case(of_compare(metric=name), not is_sliced(name), not is_sliced(name))
    for name in TWO_SAMPLE
}
FAMILY_CASES = {
    f"score with {family} σ": Case(of_score(rule_of(family), covariance=family), family != "diagonal")
    for family in FAMILIES
}
COMPARE_FAMILY_CASES = {
    f"compare with {family} σ": Case(of_compare(rule_of(family), covariance=family), family != "diagonal")
    for family in FAMILIES
}
OTHER_CASES = {
    **{f"target {target}": Case(of_score(target=target)) for target in TARGETS},
    **{f"method {method}": Case(of_score(method=method), exact=method != "sample") for method in METHODS},
    **{
        f"precision {precision}": Case(of_score(precision=precision), exact=precision == "double")
        for precision in PRECISIONS
    },
    "estimator u of scores": Case(of_score(target="smoothed", estimator="u")),
    "estimator u of comparisons": Case(of_compare(estimator="u")),
    "permutations": Case(of_compare(permutations=19), exact=False),
    "simulated": Case(of_score("mean-field", null="monte-carlo", replicates=9, cache=False)),
}
SIGMA_CASES = {
    f"sigma by {rule}": Case(of_sigma(rule), exact=not row.searched, size=270 if row.searched else LARGE)
    for rule, row in RULES.items()
}

SEARCH_CASES = {
    "search of radial σ": Case(of_score("optimize", covariance="radial"), exact=False, size=270),
    "search of joint σ": Case(of_compare("joint"), exact=False, size=270),
}
"""Slow searches, for the test of threads by hand only: they read codes in the same way as the others, and
`smoothing/test_optimize.py` tests short ones."""

TWO = COMPARE_CASES | COMPARE_FAMILY_CASES
CASES = METRIC_CASES | FAMILY_CASES | OTHER_CASES | TWO | SIGMA_CASES

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def those(cases, **properties):
    found = {n: c for n, c in cases.items() if all(getattr(c, p) == v for p, v in properties.items())}
    return pytest.mark.parametrize("case", found.values(), ids=found)


def two_samples(n=SIZE):
    """Two samples that differ from N(0, I) and from each other, with a repeated point and one at 0."""
    x, y = sample("shifted", n, DIM), sample("heavy-tailed", n - 30, DIM, seed=1)
    x[1], x[2] = 0, x[0]
    return x, y


def assert_equal_values(found, expected):
    """Compare what was measured, but for the random labels of a null distribution."""
    if isinstance(found, gaedist.SigmaResult):
        assert_allclose(np.sort(found.array, axis=0), np.sort(expected.array, axis=0), **ROUNDING)
        return
    assert_allclose(found.value, expected.value, **ROUNDING)
    if isinstance(found, gaedist.CompareResult):
        assert (found.expected is None) == (expected.expected is None)
        if found.expected is not None:
            assert_allclose(found.expected, expected.expected, **ROUNDING)
    elif expected.z is not None:
        assert_allclose(found.z, expected.z, **ROUNDING_OF_Z)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=pytest.mark.slow if name in SEARCH_CASES else [])
        for name, case in (CASES | SEARCH_CASES).items()
    ],
)
def test_threads_leave_every_bit(case):
    x, y = two_samples(case.size)
    one, two = (case.measure(x, y, threads=threads) for threads in (1, 2))
    assert bits(one) == bits(two)


@every_case
@pytest.mark.parametrize("dtype", ["f4", ">f8"])
def test_codes_of_other_types_are_the_doubles_that_they_are(case, dtype):
    x, y = (codes.astype(dtype) for codes in two_samples())
    assert bits(case.measure(x, y)) == bits(case.measure(x.astype(float), y.astype(float)))


def strided(codes):
    return np.repeat(np.repeat(codes, 2, axis=0), 3, axis=1)[::2, ::3]


def backwards(codes):
    return np.flip(np.flip(codes).copy())


def read_only(codes):
    codes = codes.copy()
    codes.flags.writeable = False
    return codes


LAYOUTS = [np.asfortranarray, strided, backwards, read_only, np.ndarray.tolist]


@every_case
def test_memory_order_leaves_every_bit(case):
    x, y = two_samples()
    expected = bits(case.measure(x, y))
    for layout in LAYOUTS:
        assert bits(case.measure(layout(x), layout(y))) == expected
    np.testing.assert_array_equal(x, two_samples()[0])  # and codes are not written to


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "constant"])
def test_memory_order_and_type_of_sigma_leave_every_bit(family):
    x, _ = two_samples()
    chosen = gaedist.sigma(x, covariance=family).array.astype(np.float32)
    expected = bits(gaedist.score(x, sigma=chosen.astype(float), covariance=family))
    for layout in (np.asarray, np.asfortranarray, backwards, read_only):
        assert bits(gaedist.score(x, sigma=layout(chosen), covariance=family)) == expected


@those(CASES, exact=True)
def test_order_of_rows_does_not_matter(case):
    rng, (x, y) = np.random.default_rng(2), two_samples()
    assert_equal_values(case.measure(rng.permutation(x), rng.permutation(y)), case.measure(x, y))


@those(METRIC_CASES | FAMILY_CASES | OTHER_CASES | TWO, exact=True, rotates=True)
def test_rotations_do_not_matter(case):
    x, y = two_samples()
    assert_equal_values(case.measure(x @ rotation(), y @ rotation()), case.measure(x, y))


@those(METRIC_CASES | FAMILY_CASES | TWO, rotates=False)
def test_rotations_matter_along_axes_and_directions(case):
    x, y = two_samples()
    assert abs(case.measure(x @ rotation(), y @ rotation()).value / case.measure(x, y).value - 1) > 1e-4


def rotation():
    return np.linalg.qr(np.random.default_rng(3).normal(size=(DIM, DIM)))[0]


@those(METRIC_CASES | FAMILY_CASES | OTHER_CASES | TWO, exact=True, turns_axes=True)
def test_order_and_signs_of_axes_do_not_matter(case):
    x, y = two_samples()
    found = case.measure(*(codes[:, [2, 0, 1]] * [1, -1, -1] for codes in (x, y)))
    assert_equal_values(found, case.measure(x, y))


@those(TWO)
def test_which_sample_comes_first_does_not_matter(case):
    x, y = two_samples()
    assert_equal_values(case.measure(y, x), case.measure(x, y))


def test_a_score_by_several_metrics_is_that_by_each():
    x, _ = two_samples()
    together = gaedist.scores(x, metric=[*reversed(ONE_SAMPLE)], parameters=FEW)
    assert [r.metric for r in together] == [*reversed(ONE_SAMPLE)]
    for found in together:
        assert_equal_values(found, METRIC_CASES[f"score by {found.metric}"].measure(x, None))


def test_a_comparison_by_several_metrics_is_that_by_each():
    x, y = two_samples()
    together = gaedist.compares(x, y, metric=[*reversed(TWO_SAMPLE)], parameters=FEW)
    assert [r.metric for r in together] == [*reversed(TWO_SAMPLE)]
    for found in together:
        assert_equal_values(found, COMPARE_CASES[f"compare by {found.metric}"].measure(x, y))


SIGMAS = [0.5, "median", 1.0, "silverman"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_score_for_several_sigmas_is_that_for_each(target):
    x, _ = two_samples()
    for found, sigma in zip(gaedist.scores(x, SIGMAS, target=target), SIGMAS, strict=True):
        assert_equal_values(found, gaedist.score(x, sigma=sigma, target=target))


@pytest.mark.parametrize("permutations", [0, 19])
def test_a_comparison_for_several_sigmas_is_that_for_each(permutations):
    x, y = two_samples()
    together = gaedist.compares(x, y, SIGMAS, permutations=permutations)
    for found, sigma in zip(together, SIGMAS, strict=True):
        alone = gaedist.compare(x, y, sigma=sigma, permutations=permutations)
        assert_equal_values(found, alone)
        assert found.p_value == alone.p_value
