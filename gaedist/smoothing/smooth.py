"""Smoothing one sample or two by Gaussians whose σ is given or chosen by a rule: from codes to `Mixture`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gaedist.engine import Run
from gaedist.errors import check_choice, check_dims
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import FAMILIES, promoted
from gaedist.mixtures.mixture import Mixture
from gaedist.numerics import Array
from gaedist.smoothing.given import given_covariance
from gaedist.smoothing.optimize import Optimum, optimize_jointly
from gaedist.smoothing.posterior import POSTERIOR, PosteriorSigma
from gaedist.smoothing.rules import JOINT, RULES, Sigma, family_of, is_number, is_pooled

GIVEN = "given"
"""The name of the rule in results where σ is a number or an array."""

FACTOR, LARGEST_FACTOR = 2.0, 1e3
"""Default and upper bound of the factor by which `JOINT` may change a σ from its mean field."""

_LONG_PASS = 5.0  # seconds; a slower pass over all pairs is announced


@dataclass(frozen=True)
class SigmaSummary:
    """The standard deviations in use, and the course of their optimisation. What does not apply is None.

    Attributes
    ----------
    rule : str
        The rule that chose σ; ``given`` for a number or an array.
    min, median, max : float
        Of σ over all points and directions.
    iterations, evaluations : int, optional
        Of an optimisation, over all its starts; an evaluation is a pass over all pairs.
    gradient_norm : float, optional
        At the end of the optimisation. Half its square is roughly the decrease that is still possible, of
        −log(1 − d²), or of log d² for ``joint``.
    converged, interrupted : bool, optional
        Whether the optimisation met its stopping rule; whether Ctrl-C ended it, so that σ is the best so far.
    at_bounds : int, optional
        Number of points with a σ at a bound, for ``joint``.
    """

    rule: str
    min: float
    median: float
    max: float
    iterations: int | None = None
    evaluations: int | None = None
    gradient_norm: float | None = None
    converged: bool | None = None
    interrupted: bool | None = None
    at_bounds: int | None = None


@dataclass(frozen=True, eq=False)
class Smoothing:
    """One or two smoothed samples, and how their σ were chosen.

    Attributes
    ----------
    mixtures : tuple of Mixture
        The smoothed samples.
    rule : str
        Name of the rule, or of both rules if they differ.
    optimum : Optimum, optional
        The result of an optimisation; for two of them, counts are summed.
    label_independent : bool
        Whether no σ would change if points were reassigned between the two samples; for one sample, whether
        each σ depends on its own point alone.
    depends_on_codes : bool
        Whether σ depends on the codes, and not only on n and D.
    """

    mixtures: tuple[Mixture, ...]
    rule: str
    optimum: Optimum | None = None
    label_independent: bool = True
    depends_on_codes: bool = True

    @property
    def summary(self) -> SigmaSummary:
        """The standard deviations in use, and the course of an optimisation."""
        sigmas = np.concatenate([p.covariance.sigmas().ravel() for p in self.mixtures])
        found: dict[str, Any] = {}
        if self.optimum:
            names = ("iterations", "evaluations", "gradient_norm", "converged", "interrupted", "at_bounds")
            found = {name: getattr(self.optimum, name) for name in names}
        return SigmaSummary(
            self.rule, float(sigmas.min()), float(np.median(sigmas)), float(sigmas.max()), **found
        )


def smooth(codes: Array, sigma: Sigma, covariance: str | None, run: Run) -> Smoothing:
    """Smooth a sample by Gaussians.

    Parameters
    ----------
    codes : (n, D) array of double
        The sample, as `gaedist.files.codes.as_codes` returns it; it is not validated again.
    sigma : float, str or array_like
        σ, the name of one of `RULES`, or an array: standard deviations (n,) for spherical, (n, 2) for radial
        (along x, across x) and (n, D) for diagonal covariances, or full covariance matrices (n, D, D).
    covariance : str, optional
        One of `gaedist.mixtures.families.FAMILIES`; by default the narrowest that contains σ.
    run : Run
        Threads, and the callbacks for notes and status.

    Raises
    ------
    GaedistError
        If σ is not positive and finite, or has a shape that fits no family; if the chosen family does not
        contain it; or if the codes are too far from 0 for the rule.
    """
    if isinstance(sigma, str):
        check_choice("sigma", sigma, RULES)
        family = family_of(sigma, covariance)
        _warn_of_cost(codes, family, run)
        found = RULES[sigma].find((codes,), family, run)
        if isinstance(found, Optimum):
            return Smoothing((Mixture(codes, found.covariances[0]),), sigma, found, label_independent=False)
        rule = RULES[sigma]
        return Smoothing(
            (Mixture(codes, found),),
            sigma,
            label_independent=not rule.pooled,
            depends_on_codes=rule.depends_on_codes,
        )
    if isinstance(sigma, PosteriorSigma):
        mixture = Mixture(codes, sigma.covariance)
        return Smoothing((mixture,), POSTERIOR, depends_on_codes=False)
    given = given_covariance(sigma, codes, covariance)
    _warn_of_cost(codes, given.name, run)
    return Smoothing(
        (Mixture(codes, given),), GIVEN, label_independent=is_number(sigma), depends_on_codes=False
    )


def _warn_of_cost(codes: Array, family: str, run: Run) -> None:
    """Announce a pass over all pairs that will be slow because of the covariance family."""
    n, dim = codes.shape
    pairs = n * (n - 1) / 2
    seconds = FAMILIES[family].seconds_per_pair(dim) * pairs / run.all_threads
    if run.note and seconds > _LONG_PASS:
        run.note(
            f"{family} covariances need a Cholesky factor of a {dim} × {dim} matrix for each of {pairs:.3g} "
            f"pairs: about {seconds:.0f} s for a pass over all pairs."
        )


def smooth_both(
    x: Array,
    y: Array,
    sigmas: tuple[Sigma, Sigma],
    covariance: str | None,
    run: Run,
    *,
    factor: float = FACTOR,
) -> Smoothing:
    """Smooth two samples, each by its own σ, both by the bandwidth of the pooled points, or by `JOINT`.

    Parameters
    ----------
    x, y : (n, D) and (m, D) arrays of double
        The samples, as `gaedist.files.codes.as_codes` returns them; they are not validated again.
    sigmas : pair of float, str or array_like
        σ of each sample, as for `smooth`. If both are the same bandwidth, it is computed from the pooled
        points. `JOINT` in the first place chooses the σ of both.
    covariance : str, optional
        As for `smooth`.
    run : Run
        As for `smooth`.
    factor : float
        For `JOINT`, the factor by which a σ may differ from its mean field; above 1.

    Raises
    ------
    GaedistError
        As `smooth`; also if the dimensions differ.
    """
    check_dims(x.shape[1], y.shape[1])
    if isinstance(sigmas[0], str) and sigmas[0] == JOINT:
        return _joint(x, y, family_of(JOINT, covariance), factor, run)
    first, second = sigmas
    if isinstance(first, str) and isinstance(second, str) and first == second and is_pooled(first):
        return _pooled(x, y, first, covariance, run)
    p = smooth(x, first, covariance, run)
    if p.optimum and p.optimum.interrupted and isinstance(second, str) and second == "optimize":
        # Ctrl-C ended the first search, so no second one begins: its starting point is used instead
        constant = isinstance(p.mixtures[0].covariance, Constant)
        second = float(p.mixtures[0].covariance.sigmas()[0]) if constant else "mean-field"
    q = smooth(y, second, covariance, run)
    rule = p.rule if p.rule == q.rule else f"{p.rule}, {q.rule}"
    label_independent = p.label_independent and q.label_independent and _is_same(first, second)
    return Smoothing(p.mixtures + q.mixtures, rule, _together(p.optimum, q.optimum), label_independent)


def _is_same(first: Sigma, second: Sigma) -> bool:
    """Return whether points of both samples get their σ from the same number or rule."""
    if isinstance(first, str) or isinstance(second, str):
        return isinstance(first, str) and isinstance(second, str) and first == second
    if isinstance(first, PosteriorSigma) and isinstance(second, PosteriorSigma):
        return True  # each belongs to its point, whose label is permuted with it
    return is_number(first) and is_number(second) and bool(first == second)


def _pooled(x: Array, y: Array, rule: str, covariance: str | None, run: Run) -> Smoothing:
    """Smooth both by the σ of the pooled points, which does not depend on which sample a point is in."""
    family = family_of(rule, covariance)
    found = RULES[rule].find((x, y), Constant.name, run)
    optimum = found if isinstance(found, Optimum) else None
    constant = found.covariances[0] if isinstance(found, Optimum) else found
    mixtures = tuple(Mixture(codes, promoted(constant, family, codes)) for codes in (x, y))
    return Smoothing(mixtures, rule, optimum)


def _joint(x: Array, y: Array, family: str, factor: float, run: Run) -> Smoothing:
    for codes in (x, y):
        _warn_of_cost(codes, family, run)
    found = optimize_jointly(x, y, family, factor, run)
    mixtures = tuple(Mixture(codes, c) for codes, c in zip((x, y), found.covariances, strict=True))
    return Smoothing(mixtures, JOINT, found, label_independent=False)


def _together(first: Optimum | None, second: Optimum | None) -> Optimum | None:
    """Return two optimisations as one: counts are summed, and it converged if both did."""
    if first is None or second is None:
        return first or second
    return Optimum(
        first.covariances + second.covariances,
        first.iterations + second.iterations,
        first.evaluations + second.evaluations,
        max(first.gradient_norm, second.gradient_norm),
        first.converged and second.converged,
        first.interrupted or second.interrupted,
    )
