"""How far are two samples from each other?"""

import time
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gaedist.covariances import SigmaSummary
from gaedist.engine import Run
from gaedist.errors import check_choice
from gaedist.mixtures import SquaredDistance, kde, squared_distance, to_linear
from gaedist.version import __version__


@dataclass(frozen=True)
class PermutationNull:
    """What permuted labels would give.

    Attributes
    ----------
    method : str
        ``none``: no permutations were made.
    replicates : int, optional
        Number of permutations.
    """

    method: str = "none"
    replicates: int | None = None


@dataclass(frozen=True)
class CompareResult:
    """A squared distance between two samples.

    What does not apply is None; what is beyond a double is inf, with its logarithm in ``log_value``.

    Attributes
    ----------
    n, m, dim : int
        Sizes of the samples and their dimension.
    metric, covariance : str
        What was measured, with which covariance family.
    value, log_value : float
        Eq. (5), squared and times (4πσ²)^(D/2), and its natural logarithm.
    sigma : SigmaSummary
        The standard deviations used.
    expected : float
        Mean value over all assignments of the pooled points to samples of n and m: what two samples of
        one law would give.
    null : PermutationNull
        The permutations behind the p-value.
    p_value : float, optional
        None without permutations.
    method, precision, threads, seconds, version
        How it was computed.
    """

    n: int
    m: int
    dim: int
    metric: str
    value: float
    log_value: float
    covariance: str
    sigma: SigmaSummary
    expected: float
    null: PermutationNull
    p_value: float | None
    method: str
    precision: str
    threads: int
    seconds: float
    version: str


METRICS = ("gaussian",)
"""What `compare` can measure."""


def compare(
    x: ArrayLike,
    y: ArrayLike,
    *,
    sigma: float = 1.0,
    covariance: str = "constant",
    metric: str = "gaussian",
    run: Run | None = None,
) -> CompareResult:
    """Measure the squared L2 distance between two samples, both Gaussian-smoothed.

    Implements Eq. (5).

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like
        The samples.
    sigma : float
        Standard deviation σ of the smoothing kernel.
    covariance : str
        Family of the kernel's covariances, one of `gaedist.covariances.FAMILIES`.
    metric : str
        One of `METRICS`.
    run : Run, optional
        Threads, method, precision and progress.

    Returns
    -------
    CompareResult
        Distances are multiplied by (4πσ²)^(D/2), so that a single point has ⟨p, p⟩ = 1.

    Raises
    ------
    GaedistError
        If a sample is no non-empty, finite, real 2-D array, their dimensions differ, or σ is not
        positive and finite.
    """
    run = run or Run()
    check_choice("metric", metric, METRICS)
    began = time.perf_counter()
    p, q = kde(x, sigma=sigma, covariance=covariance), kde(y, sigma=sigma, covariance=covariance)
    distance = squared_distance(p, q, unit=p.covariance.variance, run=run)
    n, m = len(p.centers), len(q.centers)
    return CompareResult(
        n=n,
        m=m,
        dim=p.dim,
        metric=metric,
        value=to_linear(distance.log_value),
        log_value=distance.log_value,
        covariance=p.covariance.name,
        sigma=SigmaSummary.of("given", p.covariance.sigmas()),
        expected=_permutation_mean(distance, n, m),
        null=PermutationNull(),
        p_value=None,
        method="pairs",
        precision=run.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )


def _permutation_mean(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the mean of Eq. (5) over all assignments of the pooled points, (1 − k̄)(1/n + 1/m).

    k̄ is the mean kernel of two different points of the pooled sample: each assignment gives the pairs
    within X, within Y and between them this mean, and a point with itself gives 1.
    """
    pairs = (
        n * n * to_linear(distance.pp.log_pairs)
        + m * m * to_linear(distance.qq.log_pairs)
        + 2 * n * m * to_linear(distance.pq.log_pairs)
    )
    return max(0.0, 1 - pairs / ((n + m) * (n + m - 1))) * (1 / n + 1 / m)
