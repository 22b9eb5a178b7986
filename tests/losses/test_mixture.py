"""Mixtures with a covariance for each code are those of `gaedist.mixtures`, compared by its engine."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.mixtures.diagonal import Diagonal, Spherical
from gaedist.mixtures.distance import squared_distance
from gaedist.mixtures.mixture import Mixture, normal

torch = pytest.importorskip("torch", reason="losses need the extra torch")
losses = pytest.importorskip("gaedist.losses", reason="losses need the extra torch")


def sample(n, dim, seed=0):
    return np.random.default_rng((n, dim, seed)).normal(size=(n, dim))


def variances(n, dim, seed=5):
    return np.exp(0.7 * sample(n, dim, seed) - 1)


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (1, 4), (2, 1), (40, 3), (30, 64), (20, 512)])
@pytest.mark.parametrize("family", ["spherical", "radial", "diagonal"])
def test_mean_fields(family, n, dim):
    x, y = sample(n, dim), sample(n + 2, dim, 1)
    expected = gaedist.score(x, sigma="mean-field", covariance=family)
    assert_allclose(
        losses.gaussian_mixture(torch.tensor(x), family, scale="log"),
        expected.log_value,
        rtol=1e-10,
        atol=1e-10,
    )
    expected = gaedist.compare(x, y, sigma="mean-field", covariance=family)
    found = losses.gaussian_mixture(torch.tensor(x), family, torch.tensor(y), family, scale="log")
    assert_allclose(found, expected.log_value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("n", "dim"), [(1, 2), (30, 3), (25, 64), (12, 512)])
def test_posteriors(n, dim):
    mu, v = sample(n, dim), variances(n, dim)
    expected = gaedist.score(mu, sigma=np.sqrt(v), covariance="diagonal")
    found = losses.gaussian_mixture(torch.tensor(mu), torch.tensor(v), scale="value")
    assert_allclose(found, expected.value, rtol=1e-10)
    one_each = losses.gaussian_mixture(torch.tensor(mu), torch.tensor(v[:, 0]), scale="value")
    assert_allclose(
        one_each, gaedist.score(mu, sigma=np.sqrt(v[:, 0]), covariance="spherical").value, rtol=1e-10
    )


@pytest.mark.parametrize(("n", "dim"), [(1, 2), (30, 3), (25, 64)])
@pytest.mark.parametrize("sigma", [0.5, "prior"])
def test_smoothed_posteriors(sigma, n, dim):
    mu, v = sample(n, dim), variances(n, dim)
    s = float(dim) if sigma == "prior" else sigma**2
    expected = squared_distance(Mixture(mu, Diagonal(v + s)), normal(dim, variance=1 + s), unit=s)
    found = losses.gaussian_mixture(torch.tensor(mu), torch.tensor(v), sigma=sigma, scale="log")
    assert_allclose(found, expected.log_value, rtol=1e-10, atol=1e-10)


def test_posteriors_of_no_width_are_points():
    x = torch.tensor(sample(20, 4))
    found = losses.gaussian_mixture(x, torch.full((20,), 1e-300, dtype=torch.double), sigma=1.5)
    assert_allclose(found, losses.gaussian(x, sigma=1.5, scale="value"), rtol=1e-12)


def dense(x, v, y, w):
    """Return the mean overlap of two mixtures with a variance for each axis, from differences of codes."""
    both, apart = v[:, np.newaxis] + w, x[:, np.newaxis] - y
    return np.exp(-0.5 * (np.log(both / 2) + apart**2 / both).sum(2)).mean()


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("columns", [1, 9])
def test_codes_far_from_zero_and_from_each_other(columns, far):
    # one code of four moves the mean, and all of them are far from 0
    x, y = sample(4, 9), sample(3, 9, 1)
    v, w = (variances(n, 9)[:, :columns] for n in (4, 3))
    x[0] += far
    for moved in (0.0, far):
        p, q = x + moved, y + moved
        expected = dense(p, v, p, v) + dense(q, w, q, w) - 2 * dense(p, v, q, w)
        found = losses.gaussian_mixture(*(torch.tensor(part) for part in (p, v, q, w)))
        assert_allclose(found, expected, rtol=1e-10)


def test_a_prior_that_is_a_mixture():
    x, v, centers, widths = sample(20, 3), variances(20, 3), 2 * sample(4, 3, 1), variances(4, 1)[:, 0]
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    prior = Mixture(centers, Spherical(widths[:, np.newaxis]), weights / 10)
    promoted = Mixture(centers, Diagonal(np.repeat(widths[:, np.newaxis], 3, axis=1)), weights / 10)
    expected = squared_distance(Mixture(x, Diagonal(v)), prior, unit=1.0)
    same = squared_distance(Mixture(x, Diagonal(v)), promoted, unit=1.0)
    assert_allclose(same.log_value, expected.log_value, rtol=1e-12)
    tensors = [torch.tensor(part) for part in (x, v, centers, widths)]
    found = losses.gaussian_mixture(*tensors, y_weights=torch.tensor(weights), scale="log")
    assert_allclose(found, expected.log_value, rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((torch.ones(3, 2), torch.ones(3, 4)), {}, r"a tensor \(3,\) or \(3, 2\), or a family; got \(3, 4\)"),
        ((torch.ones(3, 2), 1.0), {}, "or a family; got float"),
        ((torch.ones(3, 2), "full"), {}, "the mean field must be one of spherical, radial, diagonal"),
        ((torch.ones(3, 2), "radial", torch.ones(3, 2)), {}, "y needs variances too. Give y_variances"),
        ((torch.ones(3, 2), "radial", torch.ones(3, 2), torch.ones(3)), {}, "go with radial ones only"),
        ((torch.ones(3, 2), "radial"), {"scale": "z"}, "scale z needs a null distribution"),
        ((torch.ones(3, 2), "radial"), {"y_weights": torch.ones(3)}, "belong to y. Give y"),
        (
            (torch.ones(3, 2), "radial", torch.ones(3, 2), "radial"),
            {"y_weights": torch.ones(4)},
            "weights must be a tensor of 3 positive numbers",
        ),
    ],
)
def test_mistakes_are_explained(arguments, options, message):
    with pytest.raises(gaedist.GaedistError, match=message):
        losses.gaussian_mixture(*arguments, **options)
