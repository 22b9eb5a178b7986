"""The engine's profiles, functions of a squared distance, as differentiable tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from gaedist.engine import Profile, Shape
from gaedist.losses.pairs import Points, Terms, squares
from gaedist.numerics import Array


def profile_terms(profile: Profile) -> Terms:
    """Return the terms Σ_k f(rate_k |x − y|²) of pairs of points."""

    def terms(p: Points, q: Points) -> Tensor:
        return profile_of(profile, squares(p[0], q[0]))

    return terms


def profile_of(profile: Profile, squared: Tensor) -> Tensor:
    """Return Σ_k f(rate_k r²) of squared distances."""
    function = _FUNCTIONS[profile.shape]
    parts = [function(squared, rate, profile.rest) for rate in profile.rates or (1.0,)]
    return sum(parts[1:], start=parts[0])


def _root(squared: Tensor) -> Tensor:
    """Return r, with gradient 0 at r = 0, where it has a cusp."""
    at_cusp = squared <= 0  # not so for what is not a number
    return torch.where(at_cusp, 0.0, torch.where(at_cusp, 1.0, squared).sqrt())


def _above_one(squared: Tensor, rate: float) -> Tensor:
    """Return 1 + rate r² in one pass."""
    return torch.add(squared.new_ones(()), squared, alpha=rate)


def _series(squared: Tensor, rate: float, rest: Sequence[float]) -> Tensor:
    z = _above_one(squared, rate).reciprocal()
    return z.sqrt() * polynomial(2 * z - 1, np.array(rest[1:]))


class _Polynomial(torch.autograd.Function):
    """A polynomial by Horner's rule, whose derivative is one too: nothing but its argument is kept."""

    generate_vmap_rule = True

    @staticmethod
    def forward(t: Tensor, coefficients: Array) -> Tensor:
        """Return the value; coefficients from the highest power."""
        found = torch.full_like(t, float(coefficients[0]))
        for coefficient in coefficients[1:].tolist():
            found = found * t + coefficient
        return found

    @staticmethod
    def setup_context(
        ctx: torch.autograd.function.FunctionCtx, inputs: tuple[Tensor, Array], output: Tensor
    ) -> None:
        """Keep the argument."""
        t, ctx.coefficients = inputs
        ctx.save_for_backward(t)
        ctx.save_for_forward(t)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient times the derivative."""
        return gradient * _derivative(ctx), None

    @staticmethod
    def jvp(ctx: torch.autograd.function.FunctionCtx, tangent: Tensor, _: None) -> Tensor:
        """Return the derivative times the tangent."""
        return tangent * _derivative(ctx)


def _derivative(ctx: torch.autograd.function.FunctionCtx) -> Tensor:
    """Return the derivative of the polynomial that a context keeps."""
    (t,), degree = ctx.saved_tensors, len(ctx.coefficients) - 1
    powers = np.arange(degree, 0, -1)
    return polynomial(t, powers * ctx.coefficients[:-1] if degree else np.zeros(1))


def polynomial(t: Tensor, coefficients: Array) -> Tensor:
    """Return the polynomial with these coefficients, from the highest power."""
    return _Polynomial.apply(t, coefficients)


_FUNCTIONS: dict[Shape, Callable[[Tensor, float, Sequence[float]], Tensor]] = {
    Shape.POWER: lambda squared, rate, rest: torch.exp(-math.log(2) * rate * squared),
    Shape.ROOT: lambda squared, rate, rest: _root(squared),
    Shape.INVERSE: lambda squared, rate, rest: _above_one(squared, rate).reciprocal(),
    Shape.INVERSE_ROOT: lambda squared, rate, rest: _above_one(squared, rate).rsqrt(),
    Shape.INVERSE_POWER: lambda squared, rate, rest: _above_one(squared, rate) ** -rest[0],
    Shape.ROOT_POWER: lambda squared, rate, rest: torch.exp(-math.log(2) * rate * _root(squared)),
    Shape.SERIES: _series,
}
"""Shape → the function of r², its rate, and the rest of the profile's numbers."""
