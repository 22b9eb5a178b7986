"""The maximum mean discrepancy with a radial kernel, which the Wasserstein auto-encoder minimises."""

from collections.abc import Sequence
from functools import lru_cache

from gaedist.engine import PairTotal, Profile, Run
from gaedist.errors import GaedistError
from gaedist.kernels.radial import KERNELS, squared_lengths
from gaedist.kernels.shifts import ShiftCurve
from gaedist.metrics.base import Metric
from gaedist.metrics.kernel_metrics import (
    Kernel,
    KernelOneSample,
    KernelTwoSample,
    mean_about,
    pair_mean,
    radial_sum,
)
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.metrics.parameters import DEFAULTS, Parameters
from gaedist.null.distributions import KernelLimit
from gaedist.null.kernel_spectrum import PairMoments
from gaedist.numerics import Array

_LEAST_MEAN = (
    1e-140  # of a kernel over N(0, I): its square, in the null distribution, is in the range of a double
)

_PARAMETERS = ("kernel", "scales", "alpha")


class MmdOneSample(KernelOneSample):
    """The unbiased squared discrepancy from N(0, I)."""

    def __init__(self, x: Array, options: ScoreOptions, run: Run) -> None:
        """Plan the sum over pairs; raise `GaedistError` for a single point, or a mean kernel below 1e-140."""
        if len(x) < 2:
            raise GaedistError("an unbiased mean over pairs of points needs two points; got one.")
        self.n, self.dim = x.shape
        self.x, self.used = x, options.parameters.used(*_PARAMETERS)
        self.moments = mmd_moments(self.dim, self.used)
        check_width(self.moments)
        self.pairs = [radial_sum(mmd_profile(self.dim, self.used), x)]

    def terms(self, totals: Sequence[PairTotal]) -> list[float]:
        """Return the mean over pairs, −2 times the mean over points, and the constant."""
        mixture = self.moments.scale_mixture
        pair = pair_mean(totals[0].log, self.n, mixture.peak, unbiased=True)
        return [pair, -2 * mean_about(mixture, self.x), self.moments.mean]

    def shift_curve(self) -> ShiftCurve:
        """Return the curve of the kernel."""
        return ShiftCurve.of_kernel(self.moments.scale_mixture, self.dim)

    def null_distribution(self) -> KernelLimit:
        """Return the limit of a degenerate U-statistic, with its exact standard deviation."""
        return KernelLimit.of(self.n, self.moments, unbiased=True)


class MmdTwoSample(KernelTwoSample):
    """The unbiased squared discrepancy between two samples."""

    def __init__(self, x: Array, y: Array, options: CompareOptions, run: Run) -> None:
        """Plan the sums over pairs; raise `GaedistError` for a single point."""
        if min(len(x), len(y)) < 2:
            raise GaedistError(
                f"an unbiased mean needs two points in each sample; got {len(x)} and {len(y)}."
            )
        used = options.parameters.used(*_PARAMETERS)
        self.kernel = Kernel(mmd_profile(x.shape[1], used), unbiased=True, used=used)
        self.prepare(x, y, run)


def check_width(moments: PairMoments) -> None:
    """Raise `GaedistError` for a kernel so narrow that its null distribution leaves the range of a double."""
    if moments.mean < _LEAST_MEAN:
        raise GaedistError(
            f"the kernel is so narrow that its mean over N(0, I) at D = {moments.dim} is below "
            f"{_LEAST_MEAN:g}. Take a larger --scale (scales=)."
        )


def mmd_profile(dim: int, used: Parameters) -> Profile:
    """Return the sum of the kernels over scales, as the engine takes it."""
    return KERNELS[str(used.kernel)].profile(dim, squared_lengths(dim, used.scales or ()), _alpha(used))


@lru_cache(maxsize=64)
def mmd_moments(dim: int, used: Parameters) -> PairMoments:
    """Return the moments of the sum of the kernels under N(0, I)."""
    squares = squared_lengths(dim, used.scales or ())
    return PairMoments(dim, KERNELS[str(used.kernel)].scale_mixture(dim, squares, _alpha(used)))


def _alpha(used: Parameters) -> float:
    """Return α, which only the rational quadratic kernel reads."""
    return float(DEFAULTS["alpha"]) if used.alpha is None else used.alpha


METRIC = Metric(
    name="mmd",
    summary="squared maximum mean discrepancy (the WAE loss), unbiased",
    formula="""\
mean over i ≠ j of k(x_i, x_j) − 2 mean over i of E k(x_i, Y) + E k(Y, Y'), with Y and Y' from N(0, I).
Two samples: mean over i ≠ j of k(x_i, x_j) + the same for y − 2 mean over i and j of k(x_i, y_j).
k is a radial kernel summed over C = 2D times each --scale. Unbiased: 0 on average where there is no
difference, and negative about half the time.""",
    detects="mean and covariance in any dimension; shape in few dimensions",
    reference="I. Tolstikhin, O. Bousquet, S. Gelly and B. Schölkopf, Wasserstein Auto-Encoders, ICLR 2018, "
    "arXiv:1711.01558; A. Gretton et al., A Kernel Two-Sample Test, JMLR 13 (2012) 723",
    null="limit of a degenerate U-statistic (weighted sum of χ²), exact mean and sd",
    parameters=_PARAMETERS,
    one_sample=MmdOneSample,
    two_sample=MmdTwoSample,
)
