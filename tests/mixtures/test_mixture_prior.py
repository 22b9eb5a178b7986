"""A mixture prior: its density under a kernel, its points made of normal numbers, and its bandwidth are those
of SciPy's normal distributions; weights and shapes that do not fit are refused.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gaedist.errors import GaedistError
from gaedist.mixtures.mixture_prior import MixturePrior

WEIGHTS = np.array([0.2, 0.5, 0.3])
MEANS = np.array([[-2.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
ROOTS = np.random.default_rng(0).normal(size=(3, 2, 2)) + np.eye(2)
COVS = {
    "constant": np.asarray(0.7),
    "spherical": np.array([0.5, 1.0, 2.0]),
    "diagonal": np.array([[0.5, 1.0], [1.0, 2.0], [0.1, 3.0]]),
    "full": ROOTS @ ROOTS.transpose(0, 2, 1),
}


def matrices(family):
    """Return the covariances as matrices, (3, 2, 2)."""
    covs = COVS[family]
    if family == "full":
        return covs
    if covs.ndim < 2:
        covs = np.broadcast_to(covs, 3)[:, np.newaxis] * np.ones(2)
    return np.array([np.diag(variances) for variances in covs])


@pytest.mark.parametrize("family", COVS)
def test_family(family):
    assert MixturePrior.of(WEIGHTS, MEANS, COVS[family]).density.covariance.name == family


@pytest.mark.parametrize("family", COVS)
def test_bandwidth_is_the_root_of_the_trace_of_the_covariance(family):
    mean = WEIGHTS @ MEANS
    second = sum(w * (c + np.outer(m, m)) for w, m, c in zip(WEIGHTS, MEANS, matrices(family), strict=True))
    expected = np.sqrt(np.trace(second - np.outer(mean, mean)))
    assert_allclose(MixturePrior.of(WEIGHTS, MEANS, COVS[family]).bandwidth, expected, rtol=1e-12)


@pytest.mark.parametrize("family", COVS)
def test_points_have_the_marginals_of_the_mixture(family):
    prior = MixturePrior.of(WEIGHTS, MEANS, COVS[family])
    points = prior.pushed(np.random.default_rng(1).normal(size=(20000, 3)))
    for direction in ([1.0, 0.0], [0.0, 1.0], [0.6, -0.8]):
        means = MEANS @ direction
        sds = np.sqrt([np.dot(direction, c @ direction) for c in matrices(family)])

        def cdf(t, means=means, sds=sds):
            return stats.norm.cdf((t[:, np.newaxis] - means) / sds) @ WEIGHTS

        assert stats.kstest(points @ direction, cdf).pvalue > 1e-3


def test_digests_tell_mixtures_apart():
    digests = {
        MixturePrior.of(weights, MEANS + shift, covs).digest
        for weights in (WEIGHTS, None)
        for shift in (0, 1e-15)
        for covs in COVS.values()
    }
    assert len(digests) == 16
    assert MixturePrior.of(WEIGHTS.copy(), MEANS.copy(), COVS["full"].copy()).digest in digests


def test_weights_are_equal_by_default_and_normalised_in_single_precision():
    assert_allclose(MixturePrior.of(None, MEANS, COVS["full"]).weights, 1 / 3)
    single = np.float32([0.1, 0.2, 0.7]).astype(float)
    assert MixturePrior.of(single, MEANS, COVS["full"]).weights.sum() == pytest.approx(1, rel=1e-15)


@pytest.mark.parametrize(
    ("weights", "means", "covs", "message"),
    [
        ([0.2, 0.5, 0.2], MEANS, 1.0, "weights must be 3 positive numbers with sum 1; .* sum 0.9"),
        ([0.5, 0.5], MEANS, 1.0, "weights must be 3 positive numbers"),
        ([0.5, 0.6, -0.1], MEANS, 1.0, "minimum -0.1"),
        (WEIGHTS, MEANS[0], 1.0, r"means must be a \(K, D\) array, not empty; got shape 2"),
        (
            WEIGHTS,
            MEANS,
            np.eye(2),
            r"shape \(3,\), \(3, 2\) or \(3, 2, 2\), or be one number; got shape 2 × 2",
        ),
        (WEIGHTS, MEANS, -np.ones(3), "variances must lie between"),
        (WEIGHTS, MEANS, -COVS["full"], "covariance 0 is not positive definite"),
        (WEIGHTS, MEANS, ROOTS, "covariance 0 is not symmetric"),
    ],
)
def test_refused(weights, means, covs, message):
    with pytest.raises(GaedistError, match=message):
        MixturePrior.of(np.asarray(weights), np.asarray(means), np.asarray(covs))
