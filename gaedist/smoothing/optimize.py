"""σ by iterative minimisation of the distance, secs. II.B and II.C.

L-BFGS-B on logarithms of the variances. Three things make it quick, each measured in tests/bench/README.md:
the objective is −log(1 − d²), which has a slope also where d² is 1 to the last digit; each point's
coordinates are scaled by the root of the density there, its part in the curvature; and that scale is
renewed as the search goes on.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Covariance, Movable, Pullback
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import LIFTS, promoted
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import best_constant
from gaedist.smoothing.mean_field import MEAN_FIELDS, check_reach
from gaedist.smoothing.objectives import Between, Objective, Point, Score

_SCOUTING = 12  # iterations from each start
_AGREEMENT = 1e-2  # relative difference of two starts by then, from which on both go on
_RACE = (20, 40)  # iterations of these, before the better one goes on alone
_ROUNDS = (20, 40, 80, 160, 320)  # iterations between renewals of the scale, after that
_WINDOW = 10  # iterations
_TOLERANCE = 1e-3  # relative decrease in a window that ends the search
_STALLED = 1e-6  # relative decrease in one iteration that does
_MEMORY = 20  # pairs of vectors that L-BFGS-B keeps
_BOX = 4.0  # that a coordinate may move between renewals: a logarithm of a variance
_PLATEAU = 100.0  # above the best loss, where there is none
_FAINTEST = 1e-15  # part of the largest density below which a point is not scaled up further


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where a search for σ ended.

    Attributes
    ----------
    covariances : tuple of Covariance
        Of the sample, or of each of the samples.
    iterations, evaluations : int
        Of all starts together. An evaluation is a pass over all pairs.
    gradient_norm : float
        Of −log(1 − d²), or of log d² between samples, in coordinates of unit curvature: half its square is
        the decrease that a quadratic model still expects.
    converged : bool
        The search ended by its own rule.
    interrupted : bool
        Ctrl-C ended it, and this is the best it had.
    at_bounds : int, optional
        Points with a σ at a bound, where there are bounds.
    """

    covariances: tuple[Covariance, ...]
    iterations: int
    evaluations: int
    gradient_norm: float
    converged: bool
    interrupted: bool
    at_bounds: int | None = None


def optimize(codes: Array, family: str, run: Run) -> Optimum:
    """Return the covariances of a family that minimise Eq. (7), or Eq. (6), over all points.

    Starts are the optima of the families within this one, the best constant first, and the mean field times
    its variance; the mean field itself is looked at. So the end is never above any of them.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C comes before there is anything to return.
    """
    check_reach(codes)
    search = _Search(Score(codes, replace(run, progress=None)), run)
    interrupted = False
    try:
        search.minimum(family)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    (best,) = cast(tuple[Covariance], search.best)
    return search.optimum((promoted(best, family, codes),), interrupted)


def optimize_jointly(x: Array, y: Array, family: str, factor: float, run: Run) -> Optimum:
    """Return the covariances of both samples that minimise the distance between them, within bounds.

    Implements the minimisation of sec. II.B. Without bounds it has the trivial infimum 0, at σ → ∞, for any
    two samples. So each σ stays within ``factor`` of its mean field.
    """
    for codes in (x, y):
        check_reach(codes)
    start = tuple(MEAN_FIELDS[family](codes) for codes in (x, y))
    search = _Search(Between(x, y, replace(run, progress=None)), run)
    interrupted = False
    try:
        search.minimum_between(start, factor)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    return search.optimum(cast(tuple[Covariance, ...], search.best), interrupted)


class _Search:
    """A search from several starts: what it has seen, and the best of it."""

    def __init__(self, objective: Objective, run: Run) -> None:
        self.objective, self.run = objective, run
        self.best: tuple[Covariance, ...] | None = None
        self.best_loss = math.inf
        self.iterations = self.evaluations = 0
        self.gradient_norm = math.nan
        self.converged = False
        self.at_bounds: int | None = None
        self.minima: dict[str, Covariance] = {}
        self.narrowing = 1.0

    def optimum(self, covariances: tuple[Covariance, ...], interrupted: bool) -> Optimum:
        """Return what the search has found."""
        return Optimum(
            covariances,
            self.iterations,
            self.evaluations,
            self.gradient_norm,
            self.converged and not interrupted,
            interrupted,
            self.at_bounds,
        )

    def see(self, loss: float, covariances: tuple[Covariance, ...]) -> None:
        """Count an evaluation, keep it if it is the best, and show how far the search is."""
        self.evaluations += 1
        if loss < self.best_loss:
            self.best, self.best_loss = covariances, loss
        if self.run.status:
            shown = self.objective.describe(self.best_loss)
            self.run.status(f"{covariances[0].name} σ, {self.evaluations} evaluations, {shown}")

    def minimum(self, family: str) -> Covariance:
        """Minimise over a family, after the families within it."""
        codes = self.objective.samples[0]
        if family in self.minima:
            return self.minima[family]
        if family == Constant.name:
            self.converged = True
            found = best_constant(codes, self.objective.run, lambda loss, seen: self.see(loss, (seen,)))
            self.narrowing = min(1.0, found.variance)
            self.minima[family] = found
            return found
        starts = [promoted(self.minimum(below), family, codes) for below, above in LIFTS if above == family]
        mean_field = MEAN_FIELDS[family](codes)
        scouts = self.scouts(mean_field, [*starts, mean_field.scaled(self.narrowing)])
        loss, reached, self.converged = scouts[0]
        apart = _AGREEMENT * self.objective.resolution(loss)
        rivals = [scouts[0], *(scout for scout in scouts[1:2] if scout[0] - loss > apart)]
        if len(rivals) > 1:
            for iterations in _RACE:
                rivals = [self.descend(place, iterations) for _, place, _ in rivals]
            loss, reached, self.converged = min(rivals, key=lambda rival: rival[0])
        for iterations in _ROUNDS:
            before = loss
            if self.converged:
                break
            loss, reached, ended = self.descend(reached, iterations)
            self.converged = ended or before - loss < _TOLERANCE * self.objective.resolution(loss)
        self.minima[family] = reached[0]
        return reached[0]

    def scouts(
        self, mean_field: Movable, starts: list[Covariance]
    ) -> list[tuple[float, tuple[Movable, ...], bool]]:
        """Look at the mean field, and go a little down from each start, those first that end lowest.

        A start that the family cannot hold in doubles is left out, if there is another.
        """
        found, refused = [], None
        for start in starts:
            try:
                found.append(self.descend((cast(Movable, start),), _SCOUTING))
            except GaedistError as error:
                refused = error
        if refused and not found:
            raise refused
        self.evaluate((mean_field,), np.zeros(self._size((mean_field,))))
        return sorted(found, key=lambda scout: scout[0])

    def minimum_between(self, start: tuple[Movable, ...], factor: float) -> None:
        """Minimise over two samples, each σ within a factor of the start."""
        reaches = [
            np.tile(c.reach(x.shape[1], factor)[:, np.newaxis], len(x))
            for c, x in zip(start, self.objective.samples, strict=True)
        ]
        reach = np.concatenate([part.ravel() for part in reaches])
        z = np.zeros_like(reach)
        loss = math.inf
        for iterations in _ROUNDS:
            before = loss
            loss, z, self.converged = self.descend_from(start, z, -reach, reach, iterations)
            if self.converged or before - loss < _TOLERANCE:
                self.converged = True
                break
        if self.evaluate(start, reach)[0].loss < loss:  # everything as wide as it may be
            _, z, self.converged = self.descend_from(start, reach, -reach, reach, _ROUNDS[-1])
        touching = _split(np.abs(z) >= reach * (1 - 1e-9), start, self.objective.samples)
        self.at_bounds = sum(int(part.any(axis=0).sum()) for part in touching)

    def descend(self, base: tuple[Movable, ...], iterations: int) -> tuple[float, tuple[Movable, ...], bool]:
        """Go down from these covariances; return the loss, where it is, and whether the search has ended."""
        samples, size = self.objective.samples, self._size(base)
        box = np.full(size, _BOX)
        loss, z, ended = self.descend_from(base, np.zeros(size), -box, box, iterations)
        return loss, tuple(c for c, _ in _moved(base, z, samples)), ended

    def _size(self, base: tuple[Movable, ...]) -> int:
        """Return how many coordinates there are."""
        samples = self.objective.samples
        return sum(len(c.curvatures(x.shape[1])) * len(x) for c, x in zip(base, samples, strict=True))

    def descend_from(
        self, base: tuple[Movable, ...], z: Array, low: Array, high: Array, iterations: int
    ) -> tuple[float, Array, bool]:
        """Minimise over coordinates z about a base, between bounds."""
        from scipy.optimize import minimize

        samples = self.objective.samples
        point, _ = self.objective_at(base, z)
        scale = np.concatenate(
            [
                np.sqrt(np.outer(c.curvatures(x.shape[1]), np.maximum(d, _FAINTEST * d.max()))).ravel()
                for c, x, d in zip(base, samples, point.densities, strict=True)
            ]
        )
        losses = [point.loss]

        def loss_and_gradient(scaled: Array) -> tuple[float, Array]:
            point, gradient = self.evaluate(base, scaled / scale)
            losses.append(point.loss)
            return point.loss, gradient / scale

        resolution = self.objective.resolution(point.loss)
        ftol = _STALLED * resolution / max(abs(point.loss), 1.0)
        window: list[float] = []

        def look(_scaled: Array) -> None:
            self.iterations += 1
            window.append(min(losses))
            if len(window) > _WINDOW:
                fallen = window[-_WINDOW - 1] - window[-1]
                if fallen < _TOLERANCE * self.objective.resolution(window[-1]):
                    raise StopIteration

        found = minimize(
            loss_and_gradient,
            z * scale,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([low * scale, high * scale], axis=1),
            callback=look,
            options={
                "maxiter": iterations,
                "maxfun": 3 * iterations,
                "maxcor": _MEMORY,
                "ftol": ftol,
                "gtol": 0.0,
            },
        )
        self.gradient_norm = float(np.linalg.norm(found.jac))
        return float(found.fun), found.x / scale, found.nit < iterations

    def evaluate(self, base: tuple[Movable, ...], z: Array) -> tuple[Point, Array]:
        """Return `objective_at`, or a high plateau where the covariances are none in doubles."""
        try:
            return self.objective_at(base, z)
        except GaedistError:
            return Point(self.best_loss + _PLATEAU, (), ()), np.zeros_like(z)

    def objective_at(self, base: tuple[Movable, ...], z: Array) -> tuple[Point, Array]:
        """Return the objective at coordinates about a base, and its gradient by them."""
        moved = _moved(base, z, self.objective.samples)
        covariances = tuple(covariance for covariance, _ in moved)
        point = self.objective(covariances)
        self.see(point.loss, covariances)
        gradient = [
            pull(covariance.tied_slopes(slopes, x)).ravel()
            for (covariance, pull), slopes, x in zip(moved, point.slopes, self.objective.samples, strict=True)
        ]
        return point, np.concatenate(gradient)


def _moved(base: tuple[Movable, ...], z: Array, samples: tuple[Array, ...]) -> list[tuple[Movable, Pullback]]:
    """Return the covariances at coordinates z, and how their derivatives become those by z."""
    moved = []
    for covariance, x, part in zip(base, samples, _split(z, base, samples), strict=True):
        found, pull = covariance.moved(part)
        moved.append((found.tied(x), pull))
    return moved


def _split(z: Any, base: tuple[Movable, ...], samples: tuple[Array, ...]) -> list[Any]:
    """Cut a vector into coordinates (Q, n) of each sample."""
    shapes = [(len(c.curvatures(x.shape[1])), len(x)) for c, x in zip(base, samples, strict=True)]
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(z, ends), shapes, strict=True)]
