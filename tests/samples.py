"""Seven kinds of samples, for tests and tables of what metrics detect."""

import numpy as np


def _mixture(rng, n, dim):
    """Four tight clusters whose mean is 0 and whose covariance is I, along and across the first two axes."""
    x = rng.normal(size=(n, dim))
    axes = min(2, dim)
    signs = rng.choice([-1.0, 1.0], size=(n, axes))
    x[:, :axes] = np.sqrt(0.9) * signs + np.sqrt(0.1) * x[:, :axes]
    return x


SAMPLES = {
    "normal": lambda rng, n, dim: rng.normal(size=(n, dim)),
    "shrunk": lambda rng, n, dim: 0.9 * rng.normal(size=(n, dim)),
    "stretched": lambda rng, n, dim: 1.1 * rng.normal(size=(n, dim)),
    "shifted": lambda rng, n, dim: 0.2 + rng.normal(size=(n, dim)),
    "collapsed": lambda rng, n, dim: 0.01 * rng.normal(size=(n, dim)),
    "heavy-tailed": lambda rng, n, dim: rng.standard_t(5, size=(n, dim)) * np.sqrt(3 / 5),
    "mixture": _mixture,
}
"""Name → function of a generator, n and D that draws (n, D). The last two have mean 0 and covariance I."""


def sample(name, n, dim, seed=0):
    return SAMPLES[name](np.random.default_rng((seed, dim)), n, dim)
