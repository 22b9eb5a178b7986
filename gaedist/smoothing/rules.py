"""The rules that choose σ, from one sample or from two as one.

`RULES` is their registry; `JOINT` looks at two samples apart, and stands beside it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.diagonal import Constant, Spherical
from gaedist.mixtures.families import FAMILIES, promoted
from gaedist.mixtures.full import Full
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import BANDWIDTHS
from gaedist.smoothing.mean_field import MEAN_FIELDS, approximate_mean_field
from gaedist.smoothing.optimize import Optimum, optimize

Sigma = float | str | ArrayLike
"""A standard deviation, the name of a rule, or an array as `gaedist sigma` writes it."""

JOINT = "joint"


@dataclass(frozen=True)
class Rule:
    """A way to choose σ.

    Attributes
    ----------
    about : str
        What it does, and where it comes from.
    find : callable
        From the sample or both samples, the family and the run to the covariances of the first, or to an
        `Optimum` that holds them.
    pooled : bool
        It gives one σ for all points, of two samples too.
    of_codes : bool
        σ depends on the codes, and not on their number alone.
    searched : bool
        It minimises the distance, so that the law of the distance at a given σ is not its law.
    """

    about: str
    find: Callable[[tuple[Array, ...], str, Run], Covariance | Optimum]
    pooled: bool = False
    of_codes: bool = True
    searched: bool = False


def _mean_field(samples: tuple[Array, ...], family: str, run: Run) -> Covariance:
    return MEAN_FIELDS[family](samples[0])


def _approximate(samples: tuple[Array, ...], family: str, run: Run) -> Covariance:
    return promoted(approximate_mean_field(samples[0]), family, samples[0])


def _optimize(samples: tuple[Array, ...], family: str, run: Run) -> Optimum:
    return optimize(samples[0], family, run)


def _best(samples: tuple[Array, ...], family: str, run: Run) -> Optimum:
    pooled = np.concatenate(samples) if len(samples) > 1 else samples[0]
    found = optimize(pooled, Constant.name, run)
    return replace(found, covariances=(promoted(found.covariances[0], family, samples[0]),))


def _plug_in(name: str) -> Rule:
    def find(samples: tuple[Array, ...], family: str, run: Run) -> Covariance:
        sigma = BANDWIDTHS[name].find(samples, run)
        return promoted(Constant(sigma**2), family, samples[0])

    return Rule(BANDWIDTHS[name].about, find, pooled=True, of_codes=BANDWIDTHS[name].of_codes)


RULES: dict[str, Rule] = {
    "mean-field": Rule("each point as if the others were N(0, I), Eq. (9)", _mean_field),
    "mean-field-approx": Rule("1 + |x|²/(2D), Eq. (10)", _approximate),
    "optimize": Rule("least Eq. (7), or (6), over all points together", _optimize, searched=True),
    "best": Rule("the one σ of least Eq. (7)", _best, pooled=True, searched=True),
    **{name: _plug_in(name) for name in BANDWIDTHS},
}
"""Name → rule."""


def is_pooled(rule: str) -> bool:
    """Tell whether a rule gives one σ for all points, of two samples too."""
    return rule in RULES and RULES[rule].pooled


def listed(sigmas: Iterable[Sigma]) -> list[Sigma]:
    """Return several σ as a list; raise `GaedistError` for what is one."""
    if isinstance(sigmas, str) or not isinstance(sigmas, Iterable):
        raise GaedistError(f"several σ must come as a list, such as [1.0, 'median']; got {sigmas!r}.")
    return list(sigmas)


def is_number(sigma: Sigma) -> bool:
    """Tell whether σ is one number, and no rule or array."""
    return isinstance(sigma, (int, float, np.number)) or (isinstance(sigma, np.ndarray) and sigma.ndim == 0)


def is_repeatable(sigma: Sigma) -> bool:
    """Tell whether σ can be had for another sample: from a number or a rule, and no array."""
    return isinstance(sigma, str) or is_number(sigma)


def family_of(sigma: Sigma, covariance: str | None) -> str:
    """Return the family that a rule or a number will give, or a family that holds a given array.

    Raises
    ------
    GaedistError
        If there is no such rule or family, or they do not go together.
    """
    if covariance is not None:
        check_choice("covariance", covariance, FAMILIES)
    if not isinstance(sigma, str):
        return covariance or (Constant.name if is_number(sigma) else Full.name)
    check_choice("sigma", sigma, [*RULES, JOINT])
    family = covariance or (Constant.name if is_pooled(sigma) else Spherical.name)
    if family == Constant.name and sigma != "optimize" and not is_pooled(sigma):
        raise GaedistError(
            f"sigma {sigma} differs from point to point, and a constant covariance does not. "
            f"Use {', '.join(MEAN_FIELDS)}."
        )
    return family
