"""σ that minimises a distance, secs. II.B and II.C of the paper; the algorithm is in `search`."""

from dataclasses import dataclass, replace
from typing import cast

from gaedist.engine import Run
from gaedist.mixtures.covariance import Covariance
from gaedist.mixtures.families import promoted
from gaedist.numerics import Array
from gaedist.smoothing.mean_field import MEAN_FIELDS, check_optimizable
from gaedist.smoothing.objectives import Distance, Score
from gaedist.smoothing.search import Search


@dataclass(frozen=True, eq=False)
class Optimum:
    """The result of a search for σ.

    Attributes
    ----------
    covariances : tuple of Covariance
        The covariances found for each sample.
    iterations, evaluations : int
        Over all starts. An evaluation is a pass over all pairs.
    gradient_norm : float
        At the end, of −log(1 − d²), or of log d² between samples, in coordinates of unit curvature: half its
        square is the decrease that a quadratic model still expects.
    converged : bool
        Whether the search met its stopping rule.
    interrupted : bool
        Whether Ctrl-C ended the search, so that this is the best so far.
    at_bounds : int, optional
        Number of points with a σ at a bound, where there are bounds.
    """

    covariances: tuple[Covariance, ...]
    iterations: int
    evaluations: int
    gradient_norm: float
    converged: bool
    interrupted: bool
    at_bounds: int | None = None


def optimize(codes: Array, family: str, run: Run) -> Optimum:
    """Return the covariances of a family that minimise Eq. (6) or (7).

    The search starts from the optima of all families that this one contains, beginning with the best
    constant, and from the mean field scaled by the best constant's variance where that is below 1. It also
    evaluates the mean field itself, so the result is never worse than any of these.

    Raises
    ------
    GaedistError
        If codes are too far from 0 for an optimisation.
    KeyboardInterrupt
        If Ctrl-C comes before the first evaluation is complete.
    """
    check_optimizable(codes)
    search = Search(Score(codes, replace(run, progress=None)), run)
    interrupted = False
    try:
        search.minimise(family)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    (best,) = cast(tuple[Covariance], search.best)
    return _optimum(search, (promoted(best, family, codes),), interrupted)


def optimize_jointly(x: Array, y: Array, family: str, factor: float, run: Run) -> Optimum:
    """Return the covariances of both samples that minimise the distance between them, within bounds.

    Implements the minimisation of sec. II.B. The paper sets no bounds, but without them the infimum is 0 for
    any two samples, at σ → ∞. Here each σ stays within ``factor`` of its mean field. Raises as `optimize`.
    """
    for codes in (x, y):
        check_optimizable(codes)
    start = tuple(MEAN_FIELDS[family](codes) for codes in (x, y))
    search = Search(Distance(x, y, replace(run, progress=None)), run)
    interrupted = False
    try:
        search.minimise_within(start, factor)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    return _optimum(search, cast(tuple[Covariance, ...], search.best), interrupted)


def _optimum(search: Search, covariances: tuple[Covariance, ...], interrupted: bool) -> Optimum:
    return Optimum(
        covariances,
        search.iterations,
        search.evaluations,
        search.gradient_norm,
        search.converged and not interrupted,
        interrupted,
        search.at_bounds,
    )
