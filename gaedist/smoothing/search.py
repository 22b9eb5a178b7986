"""The search for σ: L-BFGS-B on logarithms of the variances, from several starts.

Three things make it fast, each measured in tests/bench/README.md: the loss is −log(1 − d²), whose gradient
does not vanish where d² is 1 to the last digit; each coordinate is scaled by the square root of the density
at its point, to which its curvature is proportional; and the scale is updated as the search proceeds.
"""

import math
from typing import Any, cast

import numpy as np

from gaedist.engine import Run
from gaedist.errors import ClusterError, GaedistError
from gaedist.mixtures.covariance import Covariance, PerPointCovariance, Pullback
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.families import PROMOTIONS, promoted
from gaedist.numerics import Array
from gaedist.smoothing.bandwidths import best_constant
from gaedist.smoothing.mean_field import MEAN_FIELDS
from gaedist.smoothing.objectives import Evaluation, Objective

_SCOUTING = 12  # iterations from each start
_AGREEMENT = 1e-2  # two starts that differ by more than this (relative) after scouting both continue
_RACE = (20, 40)  # iterations of both, before the better one continues alone
_ROUNDS = (20, 40, 80, 160, 320)  # iterations between updates of the scale, after that
_WINDOW = 10  # iterations
_TOLERANCE = 1e-3  # the search ends at a smaller relative decrease within a window
_STALLED = 1e-6  # or within one iteration
_MEMORY = 20  # pairs of vectors that L-BFGS-B keeps
_BOX = 4.0  # bound on coordinates, logarithms of variances, between updates of the scale
_PLATEAU = 100.0  # above the best loss, the loss reported where covariances are not valid in doubles
_MIN_DENSITY = 1e-15  # relative to the largest; points of lower density are scaled as if they had this


class Search:
    """A search from several starts: the best covariances so far, and counts over all evaluations."""

    def __init__(self, objective: Objective, run: Run) -> None:
        self.objective, self.run = objective, run
        self.best: tuple[Covariance, ...] | None = None
        self.best_loss = math.inf
        self.iterations = self.evaluations = 0
        self.gradient_norm = math.nan
        self.converged = False
        self.at_bounds: int | None = None
        self.minima: dict[str, Covariance] = {}  # by family
        self.start_scale = 1.0  # of the mean field, where a search starts from it

    def record(self, loss: float, covariances: tuple[Covariance, ...]) -> None:
        """Count an evaluation, keep the covariances if they are the best so far, and report the status."""
        self.evaluations += 1
        if loss < self.best_loss:
            self.best, self.best_loss = covariances, loss
        if self.run.status:
            shown = self.objective.describe(self.best_loss)
            self.run.status(f"{covariances[0].name} σ, {self.evaluations} evaluations, {shown}")

    def minimise(self, family: str) -> Covariance:
        """Minimise over a family, after the families that it contains."""
        codes = self.objective.samples[0]
        if family in self.minima:
            return self.minima[family]
        if family == Constant.name:
            self.converged = True
            found = best_constant(codes, self.objective.run, lambda loss, c: self.record(loss, (c,)))
            self.start_scale = min(1.0, found.variance)
            self.minima[family] = found
            return found
        starts = [
            promoted(self.minimise(below), family, codes) for below, above in PROMOTIONS if above == family
        ]
        mean_field = MEAN_FIELDS[family](codes)
        candidates = self.scout(mean_field, [*starts, mean_field.scaled(self.start_scale)])
        loss, reached, self.converged = candidates[0]
        apart = _AGREEMENT * self.objective.resolution(loss)
        candidates = [candidates[0], *(other for other in candidates[1:2] if other[0] - loss > apart)]
        if len(candidates) > 1:
            for iterations in _RACE:
                candidates = [self.descend(place, iterations) for _, place, _ in candidates]
            loss, reached, self.converged = min(candidates, key=lambda candidate: candidate[0])
        for iterations in _ROUNDS:
            before = loss
            if self.converged:
                break
            loss, reached, ended = self.descend(reached, iterations)
            self.converged = ended or before - loss < _TOLERANCE * self.objective.resolution(loss)
        self.minima[family] = reached[0]
        return reached[0]

    def scout(
        self, mean_field: PerPointCovariance, starts: list[Covariance]
    ) -> list[tuple[float, tuple[PerPointCovariance, ...], bool]]:
        """Descend a few iterations from each start, and evaluate the mean field.

        Returns the results of `descend`, lowest loss first. A start whose covariances are not valid in double
        precision is skipped, unless all are.
        """
        found, failure = [], None
        for start in starts:
            try:
                found.append(self.descend((cast(PerPointCovariance, start),), _SCOUTING))
            except ClusterError:
                raise
            except GaedistError as error:
                failure = error
        if failure and not found:
            raise failure
        self.evaluate((mean_field,), np.zeros(self._coordinate_count((mean_field,))))
        return sorted(found, key=lambda candidate: candidate[0])

    def minimise_within(self, start: tuple[PerPointCovariance, ...], factor: float) -> None:
        """Minimise over the covariances of two samples, each σ within a factor of the start."""
        limits = [
            np.tile(c.max_displacement(x.shape[1], factor)[:, np.newaxis], len(x))
            for c, x in zip(start, self.objective.samples, strict=True)
        ]
        limit = np.concatenate([part.ravel() for part in limits])
        z = np.zeros_like(limit)
        loss = math.inf
        for iterations in _ROUNDS:
            before = loss
            loss, z, self.converged = self.descend_from(start, z, -limit, limit, iterations)
            if self.converged or before - loss < _TOLERANCE:
                self.converged = True
                break
        if self.evaluate(start, limit)[0].loss < loss:  # all covariances as wide as allowed
            _, z, self.converged = self.descend_from(start, limit, -limit, limit, _ROUNDS[-1])
        touching = _split(np.abs(z) >= limit * (1 - 1e-9), start, self.objective.samples)
        self.at_bounds = sum(int(part.any(axis=0).sum()) for part in touching)

    def descend(
        self, base: tuple[PerPointCovariance, ...], iterations: int
    ) -> tuple[float, tuple[PerPointCovariance, ...], bool]:
        """Minimise from these covariances; return the loss, the covariances, and whether it converged."""
        samples, size = self.objective.samples, self._coordinate_count(base)
        box = np.full(size, _BOX)
        loss, z, ended = self.descend_from(base, np.zeros(size), -box, box, iterations)
        return loss, tuple(c for c, _ in _displaced(base, z, samples)), ended

    def _coordinate_count(self, base: tuple[PerPointCovariance, ...]) -> int:
        """Return the number of coordinates of all samples."""
        samples = self.objective.samples
        return sum(len(c.curvatures(x.shape[1])) * len(x) for c, x in zip(base, samples, strict=True))

    def descend_from(
        self, base: tuple[PerPointCovariance, ...], z: Array, low: Array, high: Array, iterations: int
    ) -> tuple[float, Array, bool]:
        """Minimise over displacements z of the base, within bounds; return loss, z, and convergence."""
        from scipy.optimize import minimize

        samples = self.objective.samples
        first, _ = self.objective_at(base, z)
        scale = np.concatenate(
            [
                np.sqrt(np.outer(c.curvatures(x.shape[1]), np.maximum(d, _MIN_DENSITY * d.max()))).ravel()
                for c, x, d in zip(base, samples, first.densities, strict=True)
            ]
        )
        losses = [first.loss]

        def loss_and_gradient(scaled: Array) -> tuple[float, Array]:
            found, gradient = self.evaluate(base, scaled / scale)
            losses.append(found.loss)
            return found.loss, gradient / scale

        resolution = self.objective.resolution(first.loss)
        ftol = _STALLED * resolution / max(abs(first.loss), 1.0)
        window: list[float] = []

        def stop_if_slow(_scaled: Array) -> None:
            self.iterations += 1
            window.append(min(losses))
            if len(window) > _WINDOW:
                decrease = window[-_WINDOW - 1] - window[-1]
                if decrease < _TOLERANCE * self.objective.resolution(window[-1]):
                    raise StopIteration

        found = minimize(
            loss_and_gradient,
            z * scale,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([low * scale, high * scale], axis=1),
            callback=stop_if_slow,
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

    def evaluate(self, base: tuple[PerPointCovariance, ...], z: Array) -> tuple[Evaluation, Array]:
        """Return `objective_at`, or a high constant where the covariances are not valid in doubles."""
        try:
            return self.objective_at(base, z)
        except ClusterError:
            raise
        except GaedistError:
            return Evaluation(self.best_loss + _PLATEAU, (), ()), np.zeros_like(z)

    def objective_at(self, base: tuple[PerPointCovariance, ...], z: Array) -> tuple[Evaluation, Array]:
        """Return the objective at a displacement z of the base, and its gradient with respect to z."""
        displaced = _displaced(base, z, self.objective.samples)
        covariances = tuple(covariance for covariance, _ in displaced)
        found = self.objective(covariances)
        self.record(found.loss, covariances)
        parts = zip(displaced, found.gradients, self.objective.samples, strict=True)
        gradient = [
            pull_back(covariance.constrained_gradient(part, x)).ravel()
            for (covariance, pull_back), part, x in parts
        ]
        return found, np.concatenate(gradient)


def _displaced(
    base: tuple[PerPointCovariance, ...], z: Array, samples: tuple[Array, ...]
) -> list[tuple[PerPointCovariance, Pullback]]:
    """Return the covariances at a displacement z of the base, with their `Pullback`, for each sample."""
    displaced = []
    for covariance, x, part in zip(base, samples, _split(z, base, samples), strict=True):
        found, pull_back = covariance.displaced(part)
        displaced.append((found.constrained(x), pull_back))
    return displaced


def _split(z: Any, base: tuple[PerPointCovariance, ...], samples: tuple[Array, ...]) -> list[Any]:
    """Split a vector into an array (Q, n) for each sample."""
    shapes = [(len(c.curvatures(x.shape[1])), len(x)) for c, x in zip(base, samples, strict=True)]
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(z, ends), shapes, strict=True)]
