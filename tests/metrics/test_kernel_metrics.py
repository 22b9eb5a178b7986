"""What metrics by a radial kernel share: means over pairs and over N(0, I), and a note for wide kernels."""

import math

import numpy as np
import pytest
import twins
from numpy.testing import assert_allclose
from samples import sample
from scipy.spatial.distance import cdist

from gaedist import Parameters, Run, compare, score
from gaedist.engine import Profile, Shape, evaluate
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.kernel_metrics import KernelOneSample, mean_about, pair_mean, radial_sum
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.null.assessment import WIDE


@pytest.mark.parametrize("unbiased", [True, False])
def test_the_mean_over_pairs_is_the_mean_of_the_matrix(unbiased):
    kernel = np.exp(-cdist(*[sample("normal", 20, 3)] * 2))
    total = np.tril(kernel, -1).sum()
    others = kernel[~np.eye(20, dtype=bool)]
    expected = others.mean() if unbiased else kernel.mean()
    assert_allclose(pair_mean(math.log(total), 20, 1.0, unbiased=unbiased), expected, rtol=1e-13)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_mean_of_a_kernel_about_the_points_is_an_integral(kernel):
    x, dim, c = sample("shifted", 9, 4), 4, 5.0
    mixture = KERNELS[kernel].scale_mixture(dim, np.array([c]), 2.0)
    expected = [
        twins.mean_about(lambda q: twins.KERNELS[kernel](q, c, dim, 2.0), dim, square)
        for square in (x**2).sum(axis=1)
    ]
    assert_allclose(mean_about(mixture, x), np.mean(expected), rtol=1e-11)


@pytest.mark.parametrize("x", [sample("normal", 30, 3), sample("normal", 700, 3)], ids=["few", "many"])
def test_a_sum_over_pairs_is_over_different_points(x):
    class Distance(KernelOneSample):
        def __init__(self):
            self.pairs = [radial_sum(Profile(Shape.ROOT), x)]

        def terms(self, totals):
            return [pair_mean(totals[0].log, len(x), 0.0, unbiased=True)]

        def null_distribution(self):
            raise NotImplementedError

    (found,) = evaluate([Distance()], Run())
    assert_allclose(found.value, cdist(x, x).sum() / (len(x) * (len(x) - 1)), rtol=1e-12)
    assert found.log_rounding_scale == pytest.approx(math.log(found.value))


@pytest.mark.parametrize(
    "name", [name for name, row in ONE_SAMPLE.items() if issubclass(row.one_sample, KernelOneSample)]
)
def test_the_value_is_the_sum_of_the_terms(name):
    x = sample("shifted", 60, 3)
    applied = ONE_SAMPLE[name].for_one_sample()(x, ScoreOptions(), Run())
    terms = []
    applied.terms, original = (lambda totals: terms.extend(original(totals)) or terms), applied.terms
    (found,) = evaluate([applied], Run())
    assert found.value == math.fsum(terms)
    assert_allclose(found.log_rounding_scale, math.log(max(map(abs, terms))), rtol=1e-14)


@pytest.mark.parametrize(
    ("metric", "parameters"),
    [
        ("mmd", Parameters(scales=[1e11])),
        ("cramer-wold", Parameters(gamma=1e12)),
        ("cramer-wold-approx", Parameters(gamma=1e11)),
    ],
)
def test_a_kernel_so_wide_that_rounding_hides_the_sample_has_a_note(metric, parameters):
    x = np.random.default_rng(7).normal(size=(300, 20))
    result = score(x, metric=metric, parameters=parameters)
    assert (result.z, result.p_value, result.null.note) == (None, None, WIDE)
    simulated = score(x, metric=metric, parameters=parameters, null="monte-carlo", replicates=9, cache=False)
    assert simulated.p_value is None
    assert score(x + 1e7, metric=metric, parameters=parameters).z > 10


def test_biased_distances_are_negative_by_rounding_only():
    x = sample("normal", 60, 3)
    for metric in ("energy", "cramer-wold", "cramer-wold-approx"):
        assert compare(x, x + 1e-12, metric=metric).value >= 0
        assert compare(x, x[::-1], metric=metric).value >= 0
