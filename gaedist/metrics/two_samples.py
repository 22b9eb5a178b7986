"""The distances between two samples that the paper measures itself against, one row each.

A row plans what it needs of both samples, pair sums or directions, so that all that are asked for share
their passes; what comes of it is a value, its mean over all labels of the pooled points, and a way to permute
those.

Most are the mean of a kernel over pairs within X and within Y, less twice that between them. Over all
assignments of the pooled points each of these has the mean k̄ of the kernel over different points, so that the
value has the mean 0; or (k(0) − k̄)(1/n + 1/m), if points are paired with themselves as well.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gaedist.engine import (
    PairTotal,
    Plan,
    Profile,
    Provenance,
    Run,
    Shape,
    Slices,
    Transport,
    mean_and_error,
    random_directions,
)
from gaedist.errors import GaedistError
from gaedist.kernels.phi_d import phi_d_series
from gaedist.metrics.apart import Apart
from gaedist.metrics.base import Metric
from gaedist.metrics.discrepancies import (
    CRAMER_WOLD_UNIT,
    approximate_stretch,
    mmd_kernel,
    pair_mean,
    radial_sum,
)
from gaedist.metrics.parameters import DIRECTIONS, Parameters, silverman_gamma
from gaedist.null.permutations import PermutationLaw, permuted_kernel, permuted_transport, pooled
from gaedist.numerics import Array


@dataclass(frozen=True)
class TwoSample(Metric):
    """A metric of two samples that is not the paper's.

    Attributes
    ----------
    plan : callable
        From both samples, the parameters and the run to what it needs.
    """

    plan: Callable[[Array, Array, Parameters, Run], Plan[Apart]]


@dataclass(frozen=True)
class _Kernel:
    """A kernel, and what is made of its means.

    Attributes
    ----------
    profile : Profile
        What the engine sums.
    peak : float
        k(0), where points meet themselves.
    factor : float
        Of the value; negative for a kernel that grows with the distance.
    unbiased : bool
        Points do not meet themselves.
    """

    profile: Profile
    peak: float = 0.0
    factor: float = 1.0
    unbiased: bool = False

    def plan(self, x: Array, y: Array, used: Parameters, run: Run) -> Plan[Apart]:
        """Plan the mean over pairs within each sample, less twice that between them."""
        n, m = len(x), len(y)
        few, many = sorted((x, y), key=len)  # as the gaussian metric does, to share its pass

        def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Apart:
            logs = [total.log for total in totals]
            within = [
                pair_mean(log, size, self.peak, unbiased=self.unbiased)
                for log, size in zip(logs, (n, m), strict=False)
            ]
            value = self.factor * math.fsum([*within, -2 * math.exp(logs[2]) / (n * m)])
            if not self.unbiased:  # by rounding
                value = max(0.0, value)
            return Apart(value, _log(value), self._expected(logs, n, m), permute, used)

        def permute(replicates: int) -> PermutationLaw:
            pool, smaller = pooled(x, y)
            return permuted_kernel(
                radial_sum(self.profile, pool),
                smaller,
                replicates=replicates,
                unbiased=self.unbiased,
                peak=self.peak,
                factor=self.factor,
                run=run,
            )

        jobs = [radial_sum(self.profile, x), radial_sum(self.profile, y), radial_sum(self.profile, few, many)]
        return Plan(finish, jobs)

    def _expected(self, logs: Sequence[float], n: int, m: int) -> float:
        """Return the mean over all assignments, as the module's docstring has it."""
        if self.unbiased:
            return 0.0
        mean = 2 * math.fsum(map(math.exp, logs)) / ((n + m) * (n + m - 1))
        return max(0.0, self.factor * (self.peak - mean)) * (1 / n + 1 / m)


def _log(value: float) -> float | None:
    return math.log(value) if value > 0 else None if value < 0 else -math.inf


def _mmd(x: Array, y: Array, asked: Parameters, run: Run) -> Plan[Apart]:
    if min(len(x), len(y)) < 2:
        raise GaedistError(f"an unbiased mean takes two points in each sample; got {len(x)} and {len(y)}.")
    profile, used = mmd_kernel(x.shape[1], asked)
    return _Kernel(profile, unbiased=True).plan(x, y, used, run)


def _smoothed_lines(x: Array, y: Array, asked: Parameters, run: Run, approximate: bool) -> Plan[Apart]:
    """Return FORMULAS §8 for two samples: all four terms are smoothed by N(0, γ)."""
    dim = x.shape[1]
    gamma = silverman_gamma(len(x), len(y)) if asked.gamma is None else asked.gamma
    rate = 1 / (4 * gamma)
    if approximate:
        profile = Profile(Shape.INVERSE_ROOT, (rate * approximate_stretch(dim),))
    else:
        profile = phi_d_series(dim).profile(np.array([rate]))
    kernel = _Kernel(profile, 1.0, CRAMER_WOLD_UNIT / math.sqrt(gamma))
    return kernel.plan(x, y, Parameters(gamma=gamma), run)


def _cramer_wold(x: Array, y: Array, asked: Parameters, run: Run) -> Plan[Apart]:
    return _smoothed_lines(x, y, asked, run, approximate=False)


def _cramer_wold_approx(x: Array, y: Array, asked: Parameters, run: Run) -> Plan[Apart]:
    return _smoothed_lines(x, y, asked, run, approximate=True)


def _energy(x: Array, y: Array, asked: Parameters, run: Run) -> Plan[Apart]:
    return _Kernel(Profile(Shape.ROOT), factor=-1.0).plan(x, y, Parameters(), run)


def _sliced_wasserstein(x: Array, y: Array, asked: Parameters, run: Run) -> Plan[Apart]:
    count = DIRECTIONS if asked.directions is None else asked.directions
    directions = random_directions(x.shape[1], count, run.seed)

    def finish(totals: Sequence[PairTotal], slices: Sequence[Array]) -> Apart:
        value, error = mean_and_error(slices[0])
        return Apart(
            value,
            _log(value),
            None,
            permute,
            Parameters(directions=count),
            error,
            provenance=Provenance("directions"),
        )

    def permute(replicates: int) -> PermutationLaw:
        return permuted_transport(*pooled(x, y), directions, replicates=replicates, run=run)

    return Plan(finish, slices=[Slices(x, directions, Transport(), y)])


TWO_SAMPLE: dict[str, TwoSample] = {
    "mmd": TwoSample(
        "squared maximum mean discrepancy, unbiased, with the kernel of WAE summed over its scales",
        "mean and covariance in any dimension; shape in few",
        "Gretton et al., JMLR 13 (2012) 723; Tolstikhin et al., ICLR 2018",
        ("kernel", "scales", "alpha"),
        _mmd,
    ),
    "cramer-wold": TwoSample(
        "squared L2 distance of all projections smoothed by N(0, γ), of CWAE, with the exact φ_D",
        "mean and covariance, and shape along lines",
        "Tabor et al., JMLR 21 (2020)",
        ("gamma",),
        _cramer_wold,
    ),
    "cramer-wold-approx": TwoSample(
        "the same with φ_D(s) = (1 + 4s/(2D − 3))^(−1/2), as CWAE computes it",
        "as cramer-wold",
        "Tabor et al., JMLR 21 (2020)",
        ("gamma",),
        _cramer_wold_approx,
    ),
    "sliced-wasserstein": TwoSample(
        "W₂² along a direction, mean over directions",
        "mean, covariance and far points along lines",
        "Bonneel et al., J. Math. Imaging Vis. 51 (2015) 22",
        ("directions",),
        _sliced_wasserstein,
    ),
    "energy": TwoSample(
        "squared energy distance, 2 E|x − y| − E|x − x'| − E|y − y'|",
        "mean and scale in any dimension",
        "Székely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249",
        (),
        _energy,
    ),
}
"""Name → metric."""
