"""How fast the terms of a sum fall with the distance of two points: bounds by which far tiles are skipped.

The exponent (log2) of a term at distance r is at most w + ``constant`` − ``rate`` r², or − ``rate`` r, with w
from the weights of both points. With a covariance for each point it is, with v the largest variances and
δ = |Σ|^(1/D) of the points,

    |Σ + Γ|^(1/D) ≥ |Σ|^(1/D) + |Γ|^(1/D)    Minkowski's inequality,
    exponent ≤ w + constant − D/2 log2(δ + δ') − ½ log2(e) r²/(v + v').
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gaedist.engine.compiled.integrands import Diagonal, Gaussian, Profile, Radial, Shape, Spherical
from gaedist.engine.run.pair_sum import PairSum
from gaedist.numerics import HALF_LOG2_E, Array


class Fall(NamedTuple):
    """A bound of the exponent of a term; ``root`` if it falls with the distance, not with its square."""

    rate: float
    constant: float = 0.0
    root: bool = False


Widths = tuple[Array, Array]
"""v and δ of each point, (n,)."""


def _spherical(params: Array, dim: int) -> Widths:
    return params[1], params[1]


def _radial(params: Array, dim: int) -> Widths:
    along, across = params[1], params[2]
    return np.maximum(along, across), np.exp((np.log(along) + (dim - 1) * np.log(across)) / dim)


def _diagonal(params: Array, dim: int) -> Widths:
    variances = params[1 : 1 + dim]
    return variances.max(axis=0), np.exp(np.log(variances).mean(axis=0))


WIDTHS: dict[type, tuple[Callable[[Array, int], Widths], Callable[[Any], float]]] = {
    Spherical: (_spherical, lambda kind: kind.half_dim * kind.log2_typical),
    Radial: (_radial, lambda kind: (kind.half_rest + 1) * kind.log2_typical),
    Diagonal: (_diagonal, lambda kind: 0.5 * kind.log2_typical),
}
"""Integrand → v and δ from the parameters of the points, and the constant."""


def falls_of(job: PairSum, factors: Sequence[float], profiles: Sequence[Profile]) -> list[Fall]:
    """Return the bound of each sum that a pass makes, or none if the terms of one may fall slowly."""
    kind = job.integrand
    if profiles:
        rates = {profile: min(profile.rates, default=0.0) for profile in profiles}
        if not all(profile.shape in (Shape.POWER, Shape.ROOT_POWER) for profile in profiles):
            return []
        return [
            Fall(rates[profile], float(np.log2(len(profile.rates))), profile.shape == Shape.ROOT_POWER)
            for profile in profiles
        ]
    if isinstance(kind, Gaussian):
        return [Fall(kind.rate * float(factor)) for factor in factors]
    if type(kind) in WIDTHS and len(factors) == 1:
        return [Fall(HALF_LOG2_E, WIDTHS[type(kind)][1](kind))]
    return []


def widths_of(job: PairSum, params: Array) -> Widths | None:
    """Return the widths of points, or None if all have the same."""
    found = WIDTHS.get(type(job.integrand))
    return found and found[0](params, job.x.shape[1])
