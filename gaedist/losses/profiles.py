"""The engine's profiles, functions of a squared distance, as differentiable tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gaedist.engine import Profile, Shape
from gaedist.losses.explicit import Explicit
from gaedist.losses.pairs import Points, Terms, squares


def profile_terms(profile: Profile) -> Terms:
    """Return the terms Σ_k f(rate_k |x − y|²) of pairs of points."""

    def terms(p: Points, q: Points) -> Tensor:
        return profile_of(profile, squares(p[0], q[0]))

    return terms


def profile_of(profile: Profile, squared: Tensor) -> Tensor:
    """Return Σ_k f(rate_k r²) of squared distances."""
    formula, rates, rest = _FORMULAS[profile.shape], profile.rates or (1.0,), profile.rest

    def value(squared: Tensor) -> Tensor:
        t = _root(squared) if formula.of_root else squared
        if len(rates) == 1:
            return formula.value(t, rates[0], rest)
        total = torch.zeros_like(t)
        for rate in rates:
            total.add_(formula.value(t, rate, rest))
        return total

    slope_of = formula.slope
    if slope_of is None or (len(rates) == 1 and profile.shape is not Shape.SERIES):
        return value(squared)  # autograd takes no more passes

    def with_slope(squared: Tensor) -> tuple[Tensor, Tensor]:
        t = _root(squared) if formula.of_root else squared
        total = formula.value(t, rates[0], rest)
        direction, factor = slope_of(total, t, rates[0], rest)
        slope = direction * factor
        for rate in rates[1:]:
            found = formula.value(t, rate, rest)
            total.add_(found)
            direction, factor = slope_of(found, t, rate, rest)
            slope.add_(direction, alpha=factor)
        return total, slope.mul_(_root_slope(t)) if formula.of_root else slope

    return Explicit(value, lambda gradient, squared, slope: (gradient * slope,), with_slope)(squared)


@dataclass(frozen=True)
class _Formula:
    """A shape as a function of t, which is r² or r.

    Attributes
    ----------
    value : callable
        From t, the rate and the rest of the profile's numbers to the value, by differentiable operations.
    slope : callable, optional
        From the value, t, the rate and the rest to two factors of the derivative, a tensor and a number.
    of_root : bool
        t is r.
    """

    value: Callable[[Tensor, float, Sequence[float]], Tensor]
    slope: Callable[[Tensor, Tensor, float, Sequence[float]], tuple[Tensor, float]] | None = None
    of_root: bool = False


def _root(squared: Tensor) -> Tensor:
    """Return r, with gradient 0 at r = 0, where it has a cusp."""
    at_cusp = squared <= 0  # not so for what is not a number
    return torch.where(at_cusp, 0.0, torch.where(at_cusp, 1.0, squared).sqrt())


def _root_slope(root: Tensor) -> Tensor:
    """Return the derivative of r by r²."""
    return torch.where(root == 0, math.inf, root).reciprocal_().mul_(0.5)


def _above_one(squared: Tensor, rate: float) -> Tensor:
    """Return 1 + rate r² in one pass."""
    return torch.add(squared.new_ones(()), squared, alpha=rate)


def _series(squared: Tensor, rate: float, rest: Sequence[float]) -> Tensor:
    """Return √z P(2z − 1) of z = 1/(1 + rate r²)."""
    z = _above_one(squared, rate).reciprocal()
    return z.sqrt() * _polynomial(2 * z - 1, rest[1:])


def _series_slope(value: Tensor, squared: Tensor, rate: float, rest: Sequence[float]) -> tuple[Tensor, float]:
    """Return −rate z² (P/(2√z) + 2√z P') as z (√z P + 4 z √z P') times −rate/2."""
    z, coefficients = _above_one(squared, rate).reciprocal_(), rest[1:]
    powers = range(len(coefficients) - 1, 0, -1)
    derivative = [k * c for k, c in zip(powers, coefficients, strict=False)] or [0.0]
    steep = _polynomial(2 * z - 1, derivative).mul_(z.sqrt()).mul_(z).mul_(4)
    return steep.add_(value).mul_(z), -rate / 2


def _polynomial(t: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Return the polynomial with these coefficients, from the highest power."""
    found = torch.full_like(t, coefficients[0])
    for coefficient in coefficients[1:]:
        found = found * t + coefficient
    return found


def _power(t: Tensor, rate: float, rest: Sequence[float]) -> Tensor:
    return (-math.log(2) * rate * t).exp_()


def _power_slope(value: Tensor, t: Tensor, rate: float, rest: Sequence[float]) -> tuple[Tensor, float]:
    return value, -math.log(2) * rate


_FORMULAS = {
    Shape.POWER: _Formula(_power, _power_slope),
    Shape.ROOT: _Formula(lambda t, rate, rest: t, of_root=True),
    Shape.INVERSE: _Formula(
        lambda t, rate, rest: _above_one(t, rate).reciprocal_(),
        lambda v, t, rate, rest: (v * v, -rate),
    ),
    Shape.INVERSE_ROOT: _Formula(
        lambda t, rate, rest: _above_one(t, rate).rsqrt_(),
        lambda v, t, rate, rest: (v * v * v, -rate / 2),
    ),
    Shape.INVERSE_POWER: _Formula(
        lambda t, rate, rest: _above_one(t, rate) ** -rest[0],
        lambda v, t, rate, rest: (v / _above_one(t, rate), -rest[0] * rate),
    ),
    Shape.ROOT_POWER: _Formula(_power, _power_slope, True),
    Shape.SERIES: _Formula(_series, _series_slope),
}
"""Shape → its formula."""
