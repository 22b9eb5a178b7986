"""Sums by NumPy, one block of pairs after the other, relative to their largest term.

`dense_total` sums Gaussians over so few pairs that loading compiled code would take longer than the sum; it
agrees with `gaussian_tiling` to a relative error of 1e-13. `profile_log` is for terms that underflow.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from gaedist.engine.compiled.integrands import Gaussian, Profile, Shape
from gaedist.engine.run.pair_sum import PairSum, PairTotal
from gaedist.engine.run.run import AUTO, DOUBLE, PAIRS, Run
from gaedist.engine.run.threads import limited_blas
from gaedist.numerics import Array, squared_distances, squared_norms

_MAX_PAIRS, _MAX_REPEATED = 1 << 21, 1 << 19
_MAX_PRODUCTS = 1 << 24  # pairs times dimensions
_BLOCK_PAIRS = 1 << 18  # pairs in memory at once, unless _BLOCK_ROWS rows have more
_BLOCK_ROWS = 128
_MAX_GRAM_ERROR = 1e-14  # of an exponent; beyond it |x − y|² is computed from differences


def is_small(job: PairSum, run: Run) -> bool:
    """Return whether a sum of Gaussians is over few pairs, or over all pairs with a single point.

    False for a run that asks for another method or precision.
    """
    if run.method not in (AUTO, PAIRS) or run.precision != DOUBLE:
        return False
    n, m = len(job.x), len(job.x if job.y is None else job.y)
    pairs = n * (n - 1) // 2 if job.y is None else n * m
    most = _MAX_REPEATED if run.repeats or run.device else _MAX_PAIRS
    few = pairs <= most and pairs * job.x.shape[1] <= _MAX_PRODUCTS
    return isinstance(job.integrand, Gaussian) and (few or min(n, m) == 1)


def dense_total(job: PairSum) -> PairTotal:
    """Return the sum, computed relative to its largest term so that it does not underflow."""
    with limited_blas():
        return PairTotal(_log_total(_exponents(job)))


def profile_log(job: PairSum) -> float:
    """Return the logarithm of the sum of a profile, right also where every term underflows.

    Takes several times as long as compiled code.
    """
    assert isinstance(job.integrand, Profile)
    y, profile = job.x if job.y is None else job.y, job.integrand
    rows = max(1, _BLOCK_PAIRS // len(y))

    def logs() -> Iterator[Array]:
        for i in range(0, len(job.x), rows):
            end = min(len(job.x), i + rows) if job.y is None else len(y)
            squares = squared_distances(job.x[i : i + rows], y[:end])
            if job.y is None:
                squares = squares[np.tri(len(squares), end, i - 1, dtype=bool)]
            for rate in profile.rates or (1.0,):
                yield _LOGS[profile.shape](squares, rate, profile.rest)

    return _log_total(logs())


def _log_total(blocks: Iterable[Array]) -> float:
    """Return the logarithm of the sum of all exp(e), over blocks of exponents e, which are overwritten."""
    peaks, sums = [], []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for exponents in blocks:
            peak = float(exponents.max(initial=-math.inf))
            if peak > -math.inf:
                peaks.append(peak)
                exponents -= peak
                sums.append(float(np.exp(exponents, out=exponents).sum()))
    if not peaks:
        return -math.inf
    highest = max(peaks)
    total = math.fsum(part * math.exp(peak - highest) for part, peak in zip(sums, peaks, strict=True))
    return math.log(total) + highest


def _log_plus(squares: Array, rate: float) -> Array:
    """Return log(1 + rate r²), where the product may overflow."""
    return np.asarray(np.logaddexp(0.0, math.log(rate) + np.log(squares)))


_LOGS: dict[Shape, Callable[[Array, float, tuple[float, ...]], Array]] = {
    Shape.POWER: lambda squares, rate, rest: -math.log(2) * rate * squares,
    Shape.ROOT: lambda squares, rate, rest: 0.5 * np.log(squares),
    Shape.INVERSE: lambda squares, rate, rest: -_log_plus(squares, rate),
    Shape.INVERSE_ROOT: lambda squares, rate, rest: -0.5 * _log_plus(squares, rate),
    Shape.INVERSE_POWER: lambda squares, rate, rest: -rest[0] * _log_plus(squares, rate),
    Shape.ROOT_POWER: lambda squares, rate, rest: -math.log(2) * rate * np.sqrt(squares),
    Shape.SERIES: lambda squares, rate, rest: (
        -0.5 * _log_plus(squares, rate) + math.log(abs(np.polyval(rest[1:], -1.0)))
    ),
}
"""Shape → the natural logarithm of its terms; of a series, which underflows only far away, its limit."""


def _exponents(job: PairSum) -> Iterator[Array]:
    """Yield the natural logarithms of the terms of the sum, one block of pairs after the other."""
    x, y = job.x, job.x if job.y is None else job.y
    weights_x = math.log(2) * job.params_x[0]
    weights_y = weights_x if job.params_y is None else math.log(2) * job.params_y[0]
    if len(x) < len(y):  # so that blocks have few columns and many rows
        x, y, weights_x, weights_y = y, x, weights_y, weights_x
    rows = max(_BLOCK_ROWS, _BLOCK_PAIRS // len(y)) if job.y is not None else _BLOCK_ROWS
    for i in range(0, len(x), rows):
        end = min(len(x), i + rows) if job.y is None else len(y)
        exponents = _squares(x[i : i + rows], y[:end], job.steepness)
        exponents *= -math.log(2) * job.steepness
        exponents += weights_x[i : i + rows, np.newaxis]
        exponents += weights_y[:end]
        if job.y is None:  # each pair once
            yield exponents[:, i:][np.tri(len(exponents), k=-1, dtype=bool)]
            exponents = exponents[:, :i]
        yield exponents


def _squares(x: Array, y: Array, steepness: float) -> Array:
    """Return |x_i − y_j|², (n, m), precise enough to be multiplied by the steepness in an exponent."""
    center = y.mean(axis=0)
    near_x, near_y = x - center, y - center
    norms_x, norms_y = squared_norms(near_x), squared_norms(near_y)
    if not steepness * (norms_x.max() + norms_y.max()) * np.finfo(float).eps < _MAX_GRAM_ERROR:
        return squared_distances(x, y)
    squares = np.asarray(near_x @ near_y.T)
    squares *= -2
    squares += norms_x[:, np.newaxis]
    squares += norms_y
    np.maximum(squares, 0, out=squares)
    return squares
