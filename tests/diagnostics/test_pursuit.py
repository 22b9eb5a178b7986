"""A pursuit finds the axes of independent components, and a direction among thirty."""

import numpy as np
import pytest

from gaedist.diagnostics.pursuit import pursue


def whitened(z):
    return (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T


@pytest.mark.parametrize("kind", ["clusters", "heavy", "skewed"])
def test_components(kind):
    rng = np.random.default_rng(3)
    z = rng.normal(size=(4000, 8))
    component = {
        "clusters": rng.choice([-1.0, 1.0], size=4000) + 0.2 * rng.normal(size=4000),
        "heavy": rng.standard_t(4, size=4000),
        "skewed": rng.exponential(size=4000),
    }[kind]
    z[:, 5] = (component - component.mean()) / component.std()
    found = pursue(whitened(z), rng)
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-10
    assert np.abs(found[:, 5]).max() > 0.95


def test_a_hidden_direction():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3000, 30))
    z[:, 7] = np.sign(z[:, 7]) * 0.95 + 0.31 * rng.normal(size=3000)
    assert np.abs(pursue(whitened(z), rng)[:, 7]).max() > 0.95
