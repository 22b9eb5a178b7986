"""Projection pursuit: directions along which whitened points are least normal.

The fixed-point iteration of A. Hyvärinen, Fast and robust fixed-point algorithms for independent component
analysis, IEEE Trans. Neural Netw. 10 (1999) 626, doi:10.1109/72.761722, from many starts at once. They find a
hidden direction from about D² points on. Starts from the unfolded tensor of fourth cumulants need 6 D².
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gaedist.numerics import Array

_FEWEST_STARTS, _MOST_STARTS = 8, 32
_NUMBERS = 1 << 24  # in the points times the starts, between these
_STEPS = 30
_KEPT = 2  # directions of each contrast
_SAME = 0.9  # |cosine| of directions that count as one

Update = Callable[[Array], tuple[Array, Array]]
"""From projections y, (n, K), to g(y) and the mean of g′(y)."""

_LOG_COSH_MEAN, _LOG_COSH_SD = 0.3745672, 0.4426  # of log cosh under N(0, 1)


def _cubic(y: Array) -> tuple[Array, Array]:
    squares = y * y
    return squares * y, 3 * squares.mean(axis=0)


def _tanh(y: Array) -> tuple[Array, Array]:
    value = np.tanh(y)
    return value, 1 - np.square(value).mean(axis=0)


def _square(y: Array) -> tuple[Array, Array]:
    return y * y, 2 * y.mean(axis=0)


def _kurtosis(y: Array) -> Array:
    return np.asarray(np.abs(np.mean(y**4, axis=0) - 3) / np.sqrt(24))


def _log_cosh(y: Array) -> Array:
    return np.asarray(
        np.abs(np.mean(np.logaddexp(y, -y) - np.log(2), axis=0) - _LOG_COSH_MEAN) / _LOG_COSH_SD
    )


def _skewness(y: Array) -> Array:
    return np.asarray(np.abs(np.mean(y**3, axis=0)) / np.sqrt(6))


CONTRASTS: dict[str, tuple[Update, Callable[[Array], Array]]] = {
    "kurtosis": (_cubic, _kurtosis),
    "log cosh": (_tanh, _log_cosh),
    "skewness": (_square, _skewness),
}
"""Name → the step towards an extreme mean of a function, and that mean in its sd under N(0, 1)."""


def pursue(z: Array, rng: np.random.Generator) -> Array:
    """Return unit vectors, (K, D), along which whitened points z, (n, D), are least normal."""
    starts = min(_MOST_STARTS, max(_FEWEST_STARTS, _NUMBERS // z.size))
    first = _normalized(rng.standard_normal((z.shape[1], starts)))
    found: list[Array] = []
    for update, size in CONTRASTS.values():
        w = _iterated(z, first, update)
        order = np.argsort(-size(z @ w), kind="stable")
        kept = 0
        for k in order:
            if kept < _KEPT and all(abs(float(w[:, k] @ other)) < _SAME for other in found):
                found.append(w[:, k])
                kept += 1
    return np.array(found)


def _normalized(w: Array) -> Array:
    norms = np.linalg.norm(w, axis=0)
    return np.asarray(w[:, norms > 0] / norms[norms > 0])


def _iterated(z: Array, w: Array, update: Update) -> Array:
    """Repeat w ← E z g(wᵀz) − w E g′(wᵀz), normalised."""
    for _ in range(_STEPS):
        g, slope = update(z @ w)
        following = _normalized(z.T @ g / len(z) - w * slope)
        if following.shape != w.shape:
            return w
        steady = np.abs(np.einsum("ij,ij->j", w, following)).min() > 1 - 1e-6
        w = following
        if steady:
            break
    return w
