"""The rules that choose σ, from one sample or from two together.

`RULES` is the registry that the command line, the docs and the tests iterate over. `JOINT` is not in it: it
needs two samples, and chooses the σ of both (`gaedist.smoothing.smooth.smooth_both`).
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
from gaedist.smoothing.posterior import PosteriorSigma

Sigma = float | str | ArrayLike | PosteriorSigma
"""A standard deviation, the name of a rule, an array as `gaedist sigma` writes it, or those of posteriors."""

JOINT = "joint"
"""The rule that minimises the distance between two samples over the σ of both."""


@dataclass(frozen=True)
class Rule:
    """A way to choose σ.

    Attributes
    ----------
    about : str
        A phrase for help texts.
    definition : str
        What is computed, with its formula.
    reference : str
        The source.
    find : callable
        Function of the samples, the family and the run. Returns the covariances of the first sample, or an
        `Optimum` that holds them.
    pooled : bool
        Whether the rule gives one σ for all points, and for two samples the one of the pooled points.
    depends_on_codes : bool
        Whether σ depends on the codes, and not only on n and D.
    searched : bool
        Whether σ minimises the distance itself, so that null distributions for a given σ do not apply.
    """

    about: str
    definition: str
    reference: str
    find: Callable[[tuple[Array, ...], str, Run], Covariance | Optimum]
    pooled: bool = False
    depends_on_codes: bool = True
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


def _bandwidth(name: str) -> Rule:
    bandwidth = BANDWIDTHS[name]

    def find(samples: tuple[Array, ...], family: str, run: Run) -> Covariance:
        return promoted(Constant(bandwidth.find(samples, run) ** 2), family, samples[0])

    return Rule(
        bandwidth.about,
        bandwidth.definition,
        bandwidth.reference,
        find,
        pooled=True,
        depends_on_codes=bandwidth.depends_on_codes,
    )


_PAPER = "J. Duda, Gaussian Auto-Encoder, 2018, arXiv:1811.04751"

RULES: dict[str, Rule] = {
    "mean-field": Rule(
        about="from each point's position, as if the others were N(0, I)",
        definition="Σ_i minimises ∫ (N(x_i, Σ_i) − N(0, I))², Eq. (9)",
        reference=f"{_PAPER}, sec. II.D",
        find=_mean_field,
    ),
    "mean-field-approx": Rule(
        about="quick approximation of mean-field",
        definition="σ_i = 1 + |x_i|²/(2D), Eq. (10)",
        reference=f"{_PAPER}, sec. II.D",
        find=_approximate,
    ),
    "optimize": Rule(
        about="minimises the distance to N(0, I) over the σ of every point",
        definition="the Σ_i minimise the distance to N(0, I): Eq. (7) if spherical, else Eq. (6)",
        reference=f"{_PAPER}, sec. II.C",
        find=_optimize,
        searched=True,
    ),
    "best": Rule(
        about="the one σ that minimises the distance to N(0, I)",
        definition="σ minimises the distance to N(0, I), Eq. (7)",
        reference=f"{_PAPER}, sec. II.C",
        find=_best,
        pooled=True,
        searched=True,
    ),
    **{name: _bandwidth(name) for name in BANDWIDTHS},
}
"""Name → rule."""


def is_pooled(rule: str) -> bool:
    """Return whether a rule gives one σ for all points, also of two samples."""
    return rule in RULES and RULES[rule].pooled


def listed(sigmas: Iterable[Sigma]) -> list[Sigma]:
    """Return several σ as a list; raise `GaedistError` for a single one."""
    if isinstance(sigmas, str) or not isinstance(sigmas, Iterable):
        raise GaedistError(f"several σ must be given as a list, such as [1.0, 'median']; got {sigmas!r}.")
    return list(sigmas)


def is_number(sigma: Sigma) -> bool:
    """Return whether σ is a single number, not the name of a rule or an array."""
    return isinstance(sigma, (int, float, np.number)) or (isinstance(sigma, np.ndarray) and sigma.ndim == 0)


def is_repeatable(sigma: Sigma) -> bool:
    """Return whether σ can be determined for another sample too: it is a number or a rule, not an array."""
    return isinstance(sigma, str) or is_number(sigma)


def family_of(sigma: Sigma, covariance: str | None) -> str:
    """Return the name of the family in which σ will be given; for an array, one that contains it.

    Parameters
    ----------
    sigma : float, str or array_like
        A number, a rule (or `JOINT`), or an array.
    covariance : str, optional
        The family the user chose. When not given: constant where σ is the same for all points, else
        spherical; full for an array, whose own family depends on the codes too.

    Raises
    ------
    GaedistError
        For an unknown rule or family, or a constant covariance with a rule that gives each point its own σ.
    """
    if covariance is not None:
        check_choice("covariance", covariance, FAMILIES)
    if not isinstance(sigma, str):
        return covariance or (Constant.name if is_number(sigma) else Full.name)
    check_choice("sigma", sigma, [*RULES, JOINT])
    family = covariance or (Constant.name if is_pooled(sigma) else Spherical.name)
    if family == Constant.name and sigma != "optimize" and not is_pooled(sigma):
        raise GaedistError(
            f"sigma {sigma} gives each point its own σ, which a constant covariance cannot hold. "
            f"Use one of {', '.join(MEAN_FIELDS)}."
        )
    return family
