"""The knobs of the metrics: what a user may set, and what it is by default."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Real

from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.kernels.radial import KERNELS

BETA, KERNEL, ALPHA, DIRECTIONS = 1.0, "inverse-quadratic", 2.0, 1000
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Defaults."""

DEFAULTS = {"beta": BETA, "kernel": KERNEL, "scales": SCALES, "alpha": ALPHA, "directions": DIRECTIONS}
"""Parameter → default; that of γ depends on the sizes of the samples."""

RATIONAL = "rational-quadratic"
"""The kernel that takes α."""


@dataclass(frozen=True)
class Parameters:
    """What a metric is to be computed with; None for its default. A metric takes those that it names.

    Attributes
    ----------
    beta : float, optional
        β, the standard deviation of the weight of frequencies: 1/√2 over σ. 1 by default.
    gamma : float, optional
        γ, the variance by which the Cramér–Wold distance smooths; (4/(3n))^(2/5) by default.
    kernel : str, optional
        Of the maximum mean discrepancy, one of `gaedist.kernels.radial.KERNELS`; by default
        inverse-quadratic.
    scales : sequence of float, optional
        Of the kernel, summed over: C = 2D times each. 0.1, 0.2, 0.5, 1, 2, 5 and 10 by default.
    alpha : float, optional
        α of the rational-quadratic kernel, 2 by default.
    directions : int, optional
        How many random directions a sliced distance is the mean over, 1000 by default.
    """

    beta: float | None = None
    gamma: float | None = None
    kernel: str | None = None
    scales: Sequence[float] | None = None
    alpha: float | None = None
    directions: int | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a value that is out of range."""
        for name, least, most in (("beta", 1e-6, 1e6), ("gamma", 1e-12, 1e12), ("alpha", 0.05, 50)):
            _check_number(name, getattr(self, name), least, most)
        if self.kernel is not None:
            check_choice("kernel", self.kernel, KERNELS)
        if self.alpha is not None and self.kernel != RATIONAL:
            raise GaedistError(f"alpha is for the {RATIONAL} kernel, not {self.kernel or KERNEL}.")
        if self.directions is not None:
            check_count("directions", self.directions, 1)
        if self.scales is not None:
            if isinstance(self.scales, str) or not isinstance(self.scales, Sequence) or not self.scales:
                raise GaedistError(f"scales must be a list of numbers; got {self.scales!r}.")
            for scale in self.scales:
                _check_number("scale", scale, 1e-12, 1e12)
            object.__setattr__(self, "scales", tuple(map(float, self.scales)))

    @property
    def given(self) -> list[str]:
        """The names of those that are set."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) <= most:
        raise GaedistError(f"{name} must be a number from {least:g} to {most:g}; got {value!r}.")


def silverman_gamma(*sizes: int) -> float:
    """Return γ = (4/(3n))^(2/5), Silverman's rule in one dimension; of two samples by their harmonic mean."""
    return float((4 / 3 * sum(1 / n for n in sizes) / len(sizes)) ** 0.4)


NONE = Parameters()
"""Those of a metric that takes none."""
