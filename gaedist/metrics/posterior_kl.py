"""The KL divergence of posteriors from N(0, I), and what part of it is information about the inputs.

M. D. Hoffman and M. J. Johnson, ELBO surgery, NIPS workshop 2016: with the aggregate posterior
q = (1/n) Σ q_i of n posteriors q_i = N(μ_i, diag s_i²),

    (1/n) Σ KL(q_i ‖ p) = I(i; z) + KL(q ‖ p) .

The left side has a closed form. The mutual information I = (1/n) Σ E log q_i(z)/q(z) is estimated from one z
of each of up to n posteriors; log q(z) is exact, the logarithm of a mean over all n. For this q the estimate
is unbiased, but for being kept between 0 and the lesser of log n and the left side. For the inputs that the n
are a sample of, I is too small and KL(q ‖ p) too large, as I cannot exceed log n.

Active units: Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders, ICLR 2016.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaedist.files.widths import Widths
from gaedist.numerics import Array, Stream

ACTIVE = 0.01
"""Variance of the means along an axis, over inputs, above which it is active."""

_MOST_WORK = 3e8
"""Points times posteriors times dimensions of a sum: about a second."""

_FEWEST = 100  # points from which a mean is estimated
_NEAR_LIMIT = 1.0  # nats below log n from which more inputs would show more
_LEAST_LOG = -700.0  # log s² below which squares in units of s may overflow
_BLOCK = 1 << 20  # numbers at once


@dataclass(frozen=True)
class PosteriorKl:
    """The divergence of n posteriors from N(0, I), in nats.

    Attributes
    ----------
    kl : float
        The mean over posteriors, the regulariser of the VAE; +∞ where a standard deviation is 0.
    mutual_information : float, optional
        I(i; z), at most ``kl`` and log n.
    mutual_information_se : float, optional
        Its standard error.
    aggregate_kl : float, optional
        KL(q ‖ N(0, I)) of the aggregate posterior, ``kl`` − ``mutual_information``.
    draws : int
        How many posteriors the estimate draws a point of.
    active_units : int
        Axes along which the variance of the means is above 0.01.
    note : str, optional
        Why there is no split, or how it is limited.
    """

    kl: float
    mutual_information: float | None
    mutual_information_se: float | None
    aggregate_kl: float | None
    draws: int
    active_units: int
    note: str | None


def posterior_kl(means: Array, widths: Widths, seed: int) -> PosteriorKl:
    """Return the divergence of posteriors from N(0, I), and its split.

    Parameters
    ----------
    means : (n, D) array of double
        The μ_i.
    widths : Widths
        How the s_i are given.
    seed : int
        Seed of the points that are drawn.
    """
    n, dim = means.shape
    logs = np.broadcast_to(widths.log_variances, means.shape)
    kl = math.fsum(_divergences(means, logs)) / n
    active = int((means.var(axis=0) > ACTIVE).sum())
    draws = min(n, int(_MOST_WORK / (n * dim)))
    if math.isinf(kl):
        return PosteriorKl(kl, None, None, None, 0, active, "a standard deviation is 0: the KL is infinite.")
    if draws < min(n, _FEWEST):
        why = f"{n} posteriors in {dim} dimensions are too many for the split of the KL. Use --subsample."
        return PosteriorKl(kl, None, None, None, 0, active, why)
    if logs.min() < _LEAST_LOG:
        why = "a standard deviation is too small to be inverted: there is no split of the KL."
        return PosteriorKl(kl, None, None, None, 0, active, why)
    found = _information(means, logs, draws, seed)
    information = max(0.0, min(math.fsum(found) / draws, kl, math.log(n)))
    error = float(found.std(ddof=1) / math.sqrt(draws)) if draws > 1 else None
    note = None
    if n > 1 and information > math.log(n) - _NEAR_LIMIT:
        note = (
            f"the mutual information is near log n = {math.log(n):.3g} nats, the most that {n} points can "
            "show: with more of them it would be larger, and KL(q ‖ p) smaller."
        )
    return PosteriorKl(kl, information, error, kl - information, draws, active, note)


def _divergences(means: Array, logs: Array) -> Iterator[float]:
    """Yield ½ Σ_j (μ² + s² − 1 − log s²) of each posterior, blocks of them at once."""
    step = max(1, _BLOCK // means.shape[1])
    with np.errstate(over="ignore"):
        for start in range(0, len(means), step):
            log, mean = logs[start : start + step], means[start : start + step]
            yield from 0.5 * (mean**2 + (np.expm1(log) - log)).sum(axis=1)


def _information(means: Array, logs: Array, draws: int, seed: int) -> Array:
    """Return log q_i(z_i)/q(z_i) for a point z_i of each of some posteriors, (draws,)."""
    rng, n = np.random.default_rng((seed, Stream.MUTUAL_INFORMATION)), len(means)
    chosen = np.arange(n) if draws == n else np.sort(rng.choice(n, draws, replace=False))
    noise = rng.normal(size=(draws, means.shape[1]))
    scales = np.exp(-0.5 * logs)
    log_norms = -0.5 * logs.sum(axis=1)
    found = np.empty(draws)
    step = max(1, _BLOCK // n)
    for start in range(0, draws, step):
        rows = chosen[start : start + step]
        eps = noise[start : start + step]
        exponents = np.zeros((len(rows), n))
        for j in range(means.shape[1]):
            sd = np.exp(0.5 * logs[rows, j])
            # the difference of the means first: z itself would lose s where it is small
            shifts = (means[rows, j, np.newaxis] - means[:, j]) + (sd * eps[:, j])[:, np.newaxis]
            exponents -= 0.5 * (shifts * scales[:, j]) ** 2
        exponents += log_norms
        own = log_norms[rows] - 0.5 * (eps**2).sum(axis=1)
        exponents[np.arange(len(rows)), rows] = own  # exactly
        largest = exponents.max(axis=1)
        log_q = largest + np.log(np.exp(exponents - largest[:, np.newaxis]).sum(axis=1)) - math.log(n)
        found[start : start + step] = own - log_q
    return found
