"""Sums over pairs in linear time: kernels as series of products, and the choice between these and all pairs.

`BASES` is the registry of series. What a series leaves out and what rounding does are bounded, and a sum that
might be off by more than `ERROR` is made of all pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.run.labels import Bits, LabelSums, times_labels
from gaedist.engine.run.pair_sum import ROUNDING, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import Run
from gaedist.engine.run.threads import limited_blas, limited_threads
from gaedist.engine.series.basis import ERROR, Basis, Charges
from gaedist.engine.series.fourier import Fourier
from gaedist.engine.series.hermite import Hermite
from gaedist.errors import GaedistError
from gaedist.numerics import Array

_FEW = 64  # points of one side up to which all pairs are linear as well
_PAIR_SECONDS = 1.3e-9  # of one core, for a pair in few dimensions
_LABEL_SECONDS = 3e-11  # and for each labelling of it
_LONG = 60.0  # seconds of one core for which a user is told what is missing
_BATCH = 1 << 21  # numbers of some labellings that are transformed at once
_LABELLINGS = 64  # and how many at most


BASES: dict[str, type[Basis]] = {basis.name: basis for basis in (Fourier, Hermite)}
"""Name → basis."""


def linear_sums(jobs: Sequence[PairSum], run: Run) -> dict[int, PairTotal]:
    """Return the sums that are best made so, by the id of their job.

    Raises
    ------
    GaedistError
        If the run asks for a basis that cannot serve one of them.
    """
    groups: dict[float, list[PairSum]] = {}
    for job in jobs:
        if isinstance(job.integrand, Gaussian) and min(map(len, _samples(job))) > _least(run):
            groups.setdefault(job.integrand.rate, []).append(job)
        elif run.method in BASES and not isinstance(job.integrand, Gaussian):
            raise GaedistError(
                f"method {run.method} is for Gaussian kernels with one σ for all points. "
                "Take --method auto (method=)."
            )
    found: dict[int, PairTotal] = {}
    for rate, group in groups.items():
        samples = {id(x): x for job in group for x in _samples(job)}
        pairs = sum(len(job.x) ** 2 / 2 if job.y is None else len(job.x) * len(job.y) for job in group)
        cost = _Cost(pairs * _PAIR_SECONDS, 1, ERROR / 2 * min(map(_evenness, group)))
        if basis := _choose(list(samples.values()), rate, run, cost):
            series = _Series(basis, list(samples), run)
            found |= {id(job): total for job in group if (total := series.total(job))}
    return found


def linear_labels(job: PairSum, labels: Bits, run: Run, log_unit: float) -> LabelSums | None:
    """Return what `add_labels` does, if it is best made so."""
    columns, n = 8 * labels.shape[1], len(job.x)
    if not isinstance(job.integrand, Gaussian) or n <= _least(run) or job.params_x.any():
        return None
    counts = times_labels(np.ones(n), labels)
    least = counts.min(where=counts > 0, initial=n) / n
    pairs = n**2 / 2 * (_PAIR_SECONDS + columns * _LABEL_SECONDS)
    cost = _Cost(pairs, 1 + columns, ERROR / 2 * (least - least**2 / 2) / 2)  # as in label_sums
    basis = _choose([job.x], job.integrand.rate, run, cost)
    return _Series(basis, [id(job.x)], run).label_sums(job, labels, counts, log_unit) if basis else None


def _least(run: Run) -> float:
    """Return up to how many points on one side a sum is made of all pairs."""
    return _FEW if run.method == "auto" else 1 if run.method in BASES else math.inf


def _samples(job: PairSum) -> list[Array]:
    return [job.x] if job.y is None else [job.x, job.y]


def _evenness(job: PairSum) -> float:
    """Return about what part of a sum it would be with the largest charge of each side in place of all."""
    roots = [
        float(np.exp2(params - params.max()).mean()) if params.any() else 1.0
        for params in (job.params_x, job.params_x if job.params_y is None else job.params_y)
    ]
    return min(roots) ** 2


@dataclass(frozen=True)
class _Cost:
    """What a basis has to beat.

    Attributes
    ----------
    pair_seconds : float
        What all pairs take on one core.
    sets : int
        How many sets of charges there are.
    error : float
        As in `Basis.within`.
    """

    pair_seconds: float
    sets: int
    error: float


def _choose(samples: Sequence[Array], rate: float, run: Run, cost: _Cost) -> Basis | None:
    """Return the basis that the run asks for, or the quickest that is quicker than all pairs."""
    points, dim = sum(map(len, samples)), samples[0].shape[1]
    best, least, missing = None, cost.pair_seconds, ""
    for name in [run.method] if run.method in BASES else BASES:
        reason, kind = None, BASES[name]
        first = kind.fit_seconds(points)
        if dim not in kind.dims:
            reason = f"it is for D from {kind.dims[0]} to {kind.dims[-1]}; D is {dim}"
        elif not (reason := kind.fault()):
            if run.method != name and not first < least:
                continue
            try:
                basis = kind.within(samples, rate, cost.error)
            except ValueError as error:
                reason = str(error)
            else:
                seconds = first + basis.seconds(points, cost.sets)
                if run.method == name or seconds < least:
                    best, least = basis, seconds
        else:
            missing = f"method {name} may be quicker, but {reason}."
        if reason and run.method == name:
            raise GaedistError(f"method {name} cannot be had: {reason}. Take --method auto (method=).")
    if missing and not best and run.note and cost.pair_seconds > _LONG:
        run.note(missing)
    return best


@dataclass(frozen=True, eq=False)
class _Transformed:
    """A sample, transformed.

    Attributes
    ----------
    sums : (M,) array
        F.
    own : float
        Σ_k g_k |F_k|², over all pairs of its points, each with itself among them.
    squares : float
        Of the charges: what each with itself makes.
    left_out : float
        What the series leaves out: of a sum over two samples at most the product of these.
    """

    sums: NDArray[Any]
    own: float
    squares: float
    left_out: float


class _Series:
    """Samples transformed to one basis, each once."""

    def __init__(self, basis: Basis, samples: Sequence[int], run: Run) -> None:
        self.basis, self.run = basis, run
        self.remainders = dict(zip(samples, basis.remainders, strict=True))
        self.known: dict[tuple[int, int], _Transformed] = {}

    def total(self, job: PairSum) -> PairTotal | None:
        """Return the sum of a job, unless it may be off by more than `ERROR` and pairs may do."""
        x = self.of(job.x, job.params_x)
        if job.y is None or job.params_y is None:
            left_out = x.left_out**2
            full, size = x.own, x.own - x.squares
            found = size / 2
        else:
            y = self.of(job.y, job.params_y)
            left_out = x.left_out * y.left_out
            full = size = math.sqrt(x.own * y.own)
            found = self.added(x.sums * y.sums.conj())
        error = self.basis.rounding * full + left_out
        if not error <= ERROR * size:
            if self.run.method != self.basis.name:
                return None
            bound = error / size if size > 0 else math.inf
            raise GaedistError(
                f"method {self.basis.name} may be off by {bound:.0e} of the sum over pairs here, more than "
                f"{ERROR:g}: the codes are too far apart beside σ. Take --method pairs (method=)."
            )
        log = math.log(found) if found > 0 else -math.inf
        return PairTotal(log, Provenance(self.basis.name, rounding=max(ROUNDING, error / size)))

    def label_sums(self, job: PairSum, labels: Bits, counts: Array, log_unit: float) -> LabelSums | None:
        """Return what the labels, 1 so often, single out, unless that may be off by more than `ERROR`."""
        n, unit, whole = len(job.x), math.exp(job.log_scale - log_unit), self.of(job.x, job.params_x)
        step = max(1, min(_LABELLINGS, _BATCH // whole.sums.size) // 8)  # bytes
        both, either, roundings = np.zeros((3, len(counts)))
        weighted = self.basis.weights * whole.sums.conj()
        for start in range(0, labels.shape[1], step):
            some = labels[:, start : start + step]
            sums = self.transformed(job.x, partial(_unpacked, some), 8 * some.shape[1])
            found = slice(8 * start, 8 * start + len(sums))
            own = np.array([self.squares(row) for row in sums])
            cross = (sums * weighted).real.sum(axis=1)
            both[found], either[found] = (own - counts[found]) / 2, cross - counts[found]
            errors = self.basis.rounding * (own / 2 + np.sqrt(own * whole.own)) + 2 * whole.left_out**2
            with np.errstate(divide="ignore", invalid="ignore"):
                roundings[found] = errors / (both + either)[found]
            roundings[counts == 0] = 0  # labellings that fill up the last byte
            if self.run.progress:
                self.run.progress(found.stop, len(counts))
            if not (roundings <= ERROR).all():
                return None
        return LabelSums(unit * both, unit * either, unit * (whole.own - n) / 2, float(roundings.max()))

    def of(self, x: Array, params: Array) -> _Transformed:
        """Return a sample, transformed; the parameters are log2 of the charges."""
        key = id(x), id(params) if params.any() else 0
        if key not in self.known:
            charges = np.exp2(params)
            (sums,) = self.transformed(x, lambda rows: charges[:, rows], 1)
            self.known[key] = _Transformed(
                sums,
                own=self.squares(sums),
                squares=float(charges[0] @ charges[0]),
                left_out=self.remainders[id(x)] * len(x) * float(charges.max()),
            )
        return self.known[key]

    def squares(self, sums: NDArray[Any]) -> float:
        """Return Σ_k g_k |F_k|²."""
        return self.added(sums.real**2 + sums.imag**2)

    def added(self, products: NDArray[Any]) -> float:
        """Return Σ_k g_k of the products; in pairs, where BLAS loses 2e-13 over four million."""
        return float((self.basis.weights * products.real).sum())

    def transformed(self, x: Array, charges: Charges, sets: int) -> NDArray[Any]:
        """Transform a sample, with one thread of BLAS in each of ours."""
        alone = limited_threads(1, self.run.note) if self.basis.compiled else limited_blas()
        progress = self.run.progress if sets == 1 else None  # of labellings there are several batches
        with alone:
            return self.basis.transform(x, charges, sets, self.run.used_threads, progress)


def _unpacked(labels: Bits, rows: slice) -> Array:
    """Return the labels of some points, (labellings, rows)."""
    return np.unpackbits(labels[rows], axis=1).T.astype(float)
