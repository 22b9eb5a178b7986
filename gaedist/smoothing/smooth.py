"""A sample smoothed by Gaussians of given or chosen σ: a mixture, and what to say of its σ."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice, check_dims
from gaedist.files.codes import as_codes
from gaedist.mixtures.covariance import Covariance, Movable, check_sigma
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import FAMILIES, holds, promoted
from gaedist.mixtures.mixture import Mixture
from gaedist.numerics import Array
from gaedist.smoothing.optimize import Optimum, optimize_jointly
from gaedist.smoothing.rules import JOINT, RULES, Sigma, family_of, is_number, is_pooled

GIVEN = "given"

_PATIENCE = 5.0  # seconds of a pass without a warning

FACTOR = 2.0
"""By how much `JOINT` may change a σ from its mean field, unless told otherwise."""

LARGEST_FACTOR = 1e3


@dataclass(frozen=True)
class SigmaSummary:
    """The standard deviations of a smoothing. What does not apply is None.

    Attributes
    ----------
    rule : str
        Where they come from; ``given`` for a number or an array.
    min, median, max : float
        Over all points and directions.
    iterations, evaluations : int, optional
        Of an optimisation, over all its starts; an evaluation is a pass over all pairs.
    gradient_norm : float, optional
        At its end; half its square is about what −log(1 − d²), or log d² for ``joint``, could still fall.
    converged, interrupted : bool, optional
        Whether it ended by its own rule, or by Ctrl-C with the best it had.
    at_bounds : int, optional
        Points with a σ at a bound, for ``joint``.
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
    """Smoothed samples, and where their σ come from.

    Attributes
    ----------
    mixtures : tuple of Mixture
        One or two.
    rule : str
        Name of the rule.
    optimum : Optimum, optional
        How an optimisation went; of two, the sums.
    by_point : bool
        No σ is known to depend on other points than its own, or on which of two samples a point is in.
    of_codes : bool
        σ depends on the codes, and not on their number alone.
    """

    mixtures: tuple[Mixture, ...]
    rule: str
    optimum: Optimum | None = None
    by_point: bool = True
    of_codes: bool = True

    @property
    def summary(self) -> SigmaSummary:
        """The standard deviations in use."""
        sigmas = np.concatenate([p.covariance.sigmas().ravel() for p in self.mixtures])
        found: dict[str, Any] = {}
        if self.optimum:
            names = ("iterations", "evaluations", "gradient_norm", "converged", "interrupted", "at_bounds")
            found = {name: getattr(self.optimum, name) for name in names}
        return SigmaSummary(
            self.rule, float(sigmas.min()), float(np.median(sigmas)), float(sigmas.max()), **found
        )


def smooth(codes: ArrayLike, sigma: Sigma, covariance: str | None, run: Run) -> Smoothing:
    """Smooth a sample by Gaussians.

    Parameters
    ----------
    codes : (n, D) array_like
        The sample.
    sigma : float, str or array_like
        σ, the name of one of `RULES`, or an array: (n,) spherical, (n, 2) radial, along and across, and
        (n, D) diagonal standard deviations, or (n, D, D) full covariances.
    covariance : str, optional
        One of `gaedist.mixtures.families.FAMILIES`; by default the narrowest that fits σ.
    run : Run
        Threads, and whom to tell.

    Raises
    ------
    GaedistError
        If ``codes`` is no non-empty, finite, real 2-D array, σ is not positive and finite or of another
        shape, or the family cannot hold it.
    """
    x = as_codes(codes)
    if isinstance(sigma, str):
        check_choice("sigma", sigma, RULES)
        family = family_of(sigma, covariance)
        _warn_of_cost(x, family, run)
        found = RULES[sigma].find((x,), family, run)
        if isinstance(found, Optimum):
            return Smoothing((Mixture(x, found.covariances[0]),), sigma, found, by_point=False)
        rule = RULES[sigma]
        return Smoothing((Mixture(x, found),), sigma, by_point=not rule.pooled, of_codes=rule.of_codes)
    given = _given(sigma, x, covariance)
    _warn_of_cost(x, given.name, run)
    return Smoothing((Mixture(x, given),), GIVEN, by_point=is_number(sigma), of_codes=False)


def _warn_of_cost(codes: Array, family: str, run: Run) -> None:
    """Say so where a pass over all pairs takes long because of the family."""
    n, dim = codes.shape
    pairs = n * (n - 1) / 2
    seconds = FAMILIES[family].seconds_a_pair(dim) * pairs / run.used_threads
    if run.note and seconds > _PATIENCE:
        run.note(
            f"{family} covariances need a Cholesky factor for each of {pairs:.3g} pairs of {dim} × {dim} "
            f"matrices, about {seconds:.0f} s a pass."
        )


def smooth_both(
    x: ArrayLike,
    y: ArrayLike,
    sigmas: tuple[Sigma, Sigma],
    covariance: str | None,
    run: Run,
    *,
    factor: float = FACTOR,
) -> Smoothing:
    """Smooth two samples, each by its own rule, or both by `JOINT`.

    Raises
    ------
    GaedistError
        As `smooth`; for `JOINT` also if the dimensions differ, or ``factor`` is not above 1.
    """
    x, y = as_codes(x), as_codes(y)
    check_dims(x.shape[1], y.shape[1])
    if isinstance(sigmas[0], str) and sigmas[0] == JOINT:
        return _joint(x, y, family_of(JOINT, covariance), factor, run)
    first, second = sigmas
    if isinstance(first, str) and isinstance(second, str) and first == second and is_pooled(first):
        return _pooled(x, y, first, covariance, run)
    p = smooth(x, first, covariance, run)
    if p.optimum and p.optimum.interrupted and isinstance(second, str) and second == "optimize":
        # nor shall another search begin: the start of one is the best so far
        constant = isinstance(p.mixtures[0].covariance, Constant)
        second = float(p.mixtures[0].covariance.sigmas()[0]) if constant else "mean-field"
    q = smooth(y, second, covariance, run)
    rule = p.rule if p.rule == q.rule else f"{p.rule}, {q.rule}"
    by_point = p.by_point and q.by_point and _is_same(first, second)
    return Smoothing(p.mixtures + q.mixtures, rule, _together(p.optimum, q.optimum), by_point)


def _is_same(first: Sigma, second: Sigma) -> bool:
    """Tell whether points of both samples get their σ in the same way."""
    if isinstance(first, str) or isinstance(second, str):
        return isinstance(first, str) and isinstance(second, str) and first == second
    return is_number(first) and is_number(second) and bool(first == second)


def _pooled(x: Array, y: Array, rule: str, covariance: str | None, run: Run) -> Smoothing:
    """Smooth both by one σ, which no exchange of points between them would change."""
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
    return Smoothing(mixtures, JOINT, found, by_point=False)


def _together(first: Optimum | None, second: Optimum | None) -> Optimum | None:
    """Sum up two optimisations."""
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


def _given(sigma: float | ArrayLike, codes: Array, family: str | None) -> Covariance:
    try:
        array = np.asarray(sigma)
    except ValueError as error:
        raise GaedistError("sigma is no array: its rows differ in length.") from error
    if array.dtype.kind not in "fiu" or np.ma.is_masked(sigma):
        raise GaedistError(f"sigma must be a number, an array of them or a rule; got {array.dtype}.")
    if array.ndim == 0:
        constant = Constant(check_sigma(float(array)) ** 2)
        return promoted(constant, family or Constant.name, codes)
    n, dim = codes.shape
    shapes = {name: cls.stored_shape(n, dim) for name, cls in FAMILIES.items() if issubclass(cls, Movable)}
    fitting = [name for name, shape in shapes.items() if shape == array.shape]
    if not fitting:
        wanted = ", ".join(f"{shape} ({name})" for name, shape in shapes.items())
        raise GaedistError(
            f"sigma of {n} points in {dim} dimensions is {wanted}; got {array.shape}. "
            "Choose σ for the same rows."
        )
    meant = [name for name in fitting if family is None or holds(family, name)]
    if not meant:
        raise GaedistError(f"sigma is {' or '.join(fitting)}, and the {family} family cannot hold it.")
    if len(meant) > 1:
        raise GaedistError(
            f"sigma of shape {array.shape} can be {' or '.join(meant)} at D = {dim}. "
            "Say which with --covariance (covariance=); for full, write matrices."
        )
    if not np.isfinite(array).all():
        raise GaedistError(f"sigma is not finite in row {int(np.argwhere(~np.isfinite(array))[0][0])}.")
    given = cast(type[Movable], FAMILIES[meant[0]]).of_stored(np.array(array, dtype=np.float64))
    given.check(codes)
    return promoted(given, family or meant[0], codes)
