"""How far are two samples from each other?"""

import math
import time
from dataclasses import dataclass

from numpy.typing import ArrayLike

from gaedist.covariances import meet
from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice
from gaedist.mixtures import Mixture, SquaredDistance, signed_sum, squared_distance, to_linear
from gaedist.rules import JOINT, Sigma, is_number
from gaedist.smoothing import FACTOR, LARGEST_FACTOR, SigmaSummary, smooth_both
from gaedist.variances import Constant
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
        The squared distance and its natural logarithm: Eq. (5), times (4πσ²)^(D/2), where both samples
        have the same constant σ; else the distance of sec. II.B times (4π)^(D/2).
    sigma : SigmaSummary
        The standard deviations used, of both samples together.
    expected : float, optional
        Mean value over all assignments of the pooled points, with their σ, to samples of n and m: what
        two samples of one law would give. None where the σ of a point may depend on its whole sample.
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
    expected: float | None
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
    sigma: Sigma = 1.0,
    sigma_b: Sigma | None = None,
    covariance: str | None = None,
    sigma_factor: float = FACTOR,
    metric: str = "gaussian",
    run: Run | None = None,
) -> CompareResult:
    """Measure the squared L2 distance between two samples, both Gaussian-smoothed.

    Implements Eq. (5), and the distance of sec. II.B for covariances that differ from point to point.

    Parameters
    ----------
    x, y : (n, D) and (m, D) array_like
        The samples.
    sigma : float, str or array_like
        Standard deviation σ of the smoothing kernel, or where those of all points come from: the name of
        one of `gaedist.smoothing.RULES`, each sample by itself, an array as `gaedist.sigma` gives it, or
        ``joint``, which minimises the distance over the σ of both.
    sigma_b : float, str or array_like, optional
        The same for ``y``, if it differs.
    covariance : str, optional
        Family of the kernel's covariances, one of `gaedist.covariances.FAMILIES`; by default the
        narrowest that fits σ.
    sigma_factor : float
        By how much ``joint`` may change a σ from its mean field. Without a bound it would end at σ → ∞,
        where any two samples are at no distance.
    metric : str
        One of `METRICS`.
    run : Run, optional
        Threads, method, precision and progress.

    Returns
    -------
    CompareResult
        A distance at the same constant σ is multiplied by (4πσ²)^(D/2), so that a single point has
        ⟨p, p⟩ = 1; others by (4π)^(D/2), as scores are.

    Raises
    ------
    GaedistError
        If a sample is no non-empty, finite, real 2-D array, their dimensions differ, or σ is not
        positive and finite or does not fit.
    """
    run = run or Run()
    check_choice("metric", metric, METRICS)
    began = time.perf_counter()
    if not isinstance(sigma_factor, (int, float)) or not 1 < sigma_factor < LARGEST_FACTOR:
        raise GaedistError(
            f"sigma_factor must be above 1, and below {LARGEST_FACTOR:g}; got {sigma_factor!r}."
        )
    if not isinstance(sigma, str) and not is_number(sigma) and sigma_b is None:
        raise GaedistError("an array of σ belongs to the first sample. Give sigma_b (--sigma-b) too.")
    if isinstance(sigma, str) and sigma == JOINT and sigma_b is not None:
        raise GaedistError(f"{JOINT} chooses σ of both samples. Leave out sigma_b (--sigma-b).")
    sigmas = sigma, sigma if sigma_b is None else sigma_b
    smoothing = smooth_both(x, y, sigmas, covariance, run, factor=sigma_factor)
    p, q = smoothing.mixtures
    distance = squared_distance(p, q, unit=_unit(p, q), run=run)
    n, m = len(p.centers), len(q.centers)
    return CompareResult(
        n=n,
        m=m,
        dim=p.dim,
        metric=metric,
        value=to_linear(distance.log_value),
        log_value=distance.log_value,
        covariance=meet(p.covariance.name, q.covariance.name),
        sigma=smoothing.summary,
        expected=_permutation_mean(distance, n, m) if smoothing.by_point else None,
        null=PermutationNull(),
        p_value=None,
        method="pairs",
        precision=run.precision,
        threads=run.used_threads,
        seconds=time.perf_counter() - began,
        version=__version__,
    )


def _unit(p: Mixture, q: Mixture) -> float:
    """Return σ² if both samples have the same constant σ, else 1."""
    s, t = p.covariance, q.covariance
    return s.variance if isinstance(s, Constant) and isinstance(t, Constant) and s == t else 1.0


def _permutation_mean(distance: SquaredDistance, n: int, m: int) -> float:
    """Return the mean distance over all assignments of the pooled points, (s̄ − k̄)(1/n + 1/m).

    k̄ is the mean overlap of two different points of the pooled sample, and s̄ that of a point with itself:
    each assignment gives the pairs within X, within Y and between them the first of these means.
    """
    log_n, log_m, log_all, log_rest = math.log(n), math.log(m), math.log(n + m), math.log(n + m - 1)
    pp, qq, pq = distance.pp, distance.qq, distance.pq
    sign, log_mean = signed_sum(
        (1, 2 * log_n + pp.log_self - log_all),
        (1, 2 * log_m + qq.log_self - log_all),
        (-1, 2 * log_n + pp.log_pairs - log_all - log_rest),
        (-1, 2 * log_m + qq.log_pairs - log_all - log_rest),
        (-2, log_n + log_m + pq.log_pairs - log_all - log_rest),
    )
    return to_linear(log_mean + math.log(1 / n + 1 / m)) if sign > 0 else 0.0
