"""A sum over pairs of points as the engine receives it, and the total that it returns."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from gaedist.engine.compiled.integrands import Integrand
from gaedist.engine.run.run import DOUBLE, PAIRS
from gaedist.numerics import Array

ROUNDING = 1e-14
"""Relative rounding error of a sum over all pairs in double precision."""


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
        The parameters of the integrand at each point.
    log_scale : float
        Natural logarithm of a factor common to all terms, without which the total is returned.
    steepness : float
        Upper bound of |d exponent / d |x − y|²|, which decides how precise |x − y|² has to be; 0 for an
        integrand that reads no products.
    varied : int
        Number of parameters, after the first, by which the sum can be differentiated.
    log_spread : float, optional
        Natural logarithm of the standard deviation of the sum over samples of N(0, I), where it is known.
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
    """How a value was computed.

    Attributes
    ----------
    method : str
        One of `METHODS` except ``auto``, or, for a value without sums over pairs, another word.
    precision : str
        One of `PRECISIONS`.
    rounding : float
        Bound of the relative error of the sum. For a sum over two samples it is relative to the geometric
        mean of the sums over each sample, which may be much larger than the sum.
    device : str, optional
        The PyTorch device that computed it, if one did.
    """

    method: str = PAIRS
    precision: str = DOUBLE
    rounding: float = ROUNDING
    device: str | None = None

    @classmethod
    def of_several(cls, *parts: "Provenance") -> "Provenance":
        """Return the provenance of a value computed from several sums.

        Method and precision are the first that differ from ``pairs`` and ``double``.
        """
        return cls(
            next((part.method for part in parts if part.method != PAIRS), PAIRS),
            next((part.precision for part in parts if part.precision != DOUBLE), DOUBLE),
            max(part.rounding for part in parts),
            next((part.device for part in parts if part.device), None),
        )


BY_PAIRS = Provenance()
"""Every pair, in double precision: the default."""


class PairTotal(NamedTuple):
    """The value of a `PairSum`, without its factor exp(log_scale).

    Attributes
    ----------
    log : float
        Natural logarithm of the sum; −inf for a sum without terms.
    provenance : Provenance
        How it was computed.
    log_error : float
        Natural logarithm of its standard error; −inf unless it is an estimate.
    """

    log: float
    provenance: Provenance = BY_PAIRS
    log_error: float = -math.inf
