"""The parameters of metrics other than those of Gaussian smoothing, and their defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from types import MappingProxyType
from typing import Any

from gaedist.errors import GaedistError, check_choice, check_count
from gaedist.kernels.radial import KERNELS

RATIONAL = "rational-quadratic"
"""The kernel that takes α."""

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "beta": 1.0,
        "kernel": "inverse-quadratic",
        "scales": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
        "alpha": 2.0,
        "directions": 1000,
    }
)
"""Parameter → default; the default of γ depends on the sizes of the samples."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of metrics; None for a default. Each metric takes those that its row names.

    Attributes
    ----------
    beta : float, optional
        β, the standard deviation of the weight over frequencies; 1/(β√2) is the equivalent σ. 1 by default.
    gamma : float, optional
        γ, the variance by which the Cramér–Wold distance smooths; (4/(3n))^(2/5) by default.
    kernel : str, optional
        Radial kernel of the maximum mean discrepancy, one of `gaedist.kernels.radial.KERNELS`;
        inverse-quadratic by default.
    scales : sequence of float, optional
        The kernel is summed over C = 2D times each scale. 0.1, 0.2, 0.5, 1, 2, 5 and 10 by default.
    alpha : float, optional
        α of the rational-quadratic kernel, 2 by default.
    directions : int, optional
        Number of random directions of a sliced metric, 1000 by default.

    Raises
    ------
    GaedistError
        For a value that is out of range.
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
            raise GaedistError(
                f"alpha is for the {RATIONAL} kernel, not {self.kernel or DEFAULTS['kernel']}."
            )
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
        """The names of the parameters that are set."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]

    def used(self, *names: str, gamma: float | None = None) -> "Parameters":
        """Return the named parameters, with defaults for those that are not set, and None for all others.

        Parameters
        ----------
        *names : str
            Fields of this class. α is left out unless the kernel takes it.
        gamma : float, optional
            The default of γ, which depends on the sizes of the samples.
        """
        defaults = {**DEFAULTS, "gamma": gamma}
        found = {
            name: defaults[name] if getattr(self, name) is None else getattr(self, name) for name in names
        }
        if found.get("kernel") != RATIONAL:
            found.pop("alpha", None)
        return Parameters(**found)


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) <= most:
        raise GaedistError(f"{name} must be a number from {least:g} to {most:g}; got {value!r}.")


NONE = Parameters()
"""The parameters of a metric that takes none."""
