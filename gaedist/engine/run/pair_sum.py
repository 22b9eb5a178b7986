"""A sum over pairs of points, as a job for the engine, and what comes of it."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from gaedist.engine.compiled.integrands import Integrand
from gaedist.engine.run.run import DOUBLE, PAIRS
from gaedist.numerics import Array

ROUNDING = 1e-14
"""Relative error of a sum over all pairs, in double."""


@dataclass(frozen=True, eq=False)
class PairSum:
    """Σ_ij exp(log_scale) 2^exponent(x_i, y_j), over all i and j, or over i > j when ``y`` is None.

    Attributes
    ----------
    integrand : Integrand
        One of `gaedist.engine.compiled.integrands`.
    x, y : (n, D) and (m, D) arrays of double
        The points; ``y`` is None for the pairs of one sample.
    params_x, params_y : (P, n) and (P, m) arrays of double
        The integrand's parameters of each point.
    log_scale : float
        Natural logarithm of what all terms have in common. It is kept apart, as it may nearly cancel
        with the caller's normalisation.
    steepness : float
        Upper bound of |d exponent / d |x − y|²|, which decides how precise |x − y|² has to be; 0 for an
        integrand that reads no products.
    log_spread : float, optional
        Natural logarithm of the standard deviation of the sum over samples of N(0, I), where it is known.
    varied : int
        How many of the parameters, after the first, the sum may be differentiated by.
    """

    integrand: Integrand
    x: Array
    y: Array | None
    params_x: Array
    params_y: Array | None
    log_scale: float
    steepness: float
    varied: int = 0
    log_spread: float | None = None


@dataclass(frozen=True)
class Provenance:
    """How a sum was made, or several.

    Attributes
    ----------
    method : str
        One of `METHODS`, but ``auto``, or what stands for another way to a value.
    precision : str
        One of `PRECISIONS`.
    rounding : float
        Bound of its error, relative to it; or, over two samples, relative to the geometric mean of the sums
        over each, which may be much more.
    """

    method: str = PAIRS
    precision: str = DOUBLE
    rounding: float = ROUNDING

    def combined(self, other: "Provenance") -> "Provenance":
        """Return how two sums were made: by what is not usual, if either was."""
        return Provenance(
            other.method if self.method == PAIRS else self.method,
            other.precision if self.precision == DOUBLE else self.precision,
            max(self.rounding, other.rounding),
        )


BY_PAIRS = Provenance()
"""As by default."""


class PairTotal(NamedTuple):
    """The logarithm of a sum over exp(log_scale), how it was made, and that of its standard error."""

    log: float
    provenance: Provenance = BY_PAIRS
    log_error: float = -math.inf
