"""The KL divergence of posteriors from N(0, I), and what part of it is information about the inputs.

M. D. Hoffman and M. J. Johnson, ELBO surgery, NIPS workshop 2016: with the aggregate posterior
q = (1/n) Σ q_i of n posteriors q_i = N(μ_i, diag s_i²),

    (1/n) Σ KL(q_i ‖ p) = I(i; z) + KL(q ‖ p) .

The left side has a closed form. The mutual information I = (1/n) Σ E log q_i(z)/q(z) is estimated from one z
of each of up to n posteriors; log q(z) is exact, the logarithm of a mean over all n. What log q_i(z)/p(z) is
off its known mean KL(q_i ‖ p) is regressed out, a control variate that takes most of the error where q is
near p, as is KL(q_i ‖ p) less its mean over i. For this q the bias is O(1/n), and that of keeping I between
0 and the lesser of log n and the left side. For the inputs that the n are a sample of, I is too small and
KL(q ‖ p) too large, as I cannot exceed log n.

Active units: Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders, ICLR 2016.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaedist.engine import limited_blas
from gaedist.files.widths import Widths
from gaedist.numerics import Array, Stream

ACTIVE = 0.01
"""Variance of the means along an axis, over inputs, above which it is active."""

_MOST_WORK = 1e9
"""Points times posteriors times dimensions and `_COST`: about a second."""

_FEWEST = 100  # points from which a mean is estimated
_NEAR_LIMIT = 1.0  # nats below log n from which more inputs would show more
_COST = 20  # of an exponential, in dimensions
_MOST_SPREAD = math.log(1e11)  # of squares in units of s², whose rounding stays below 1e-4 nats
_BLOCK = 1 << 18  # numbers at once


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
        Its standard error; an upper bound where a point of every posterior is drawn.
    aggregate_kl : float, optional
        KL(q ‖ N(0, I)) of the aggregate posterior, ``kl`` − ``mutual_information``.
    draws : int
        How many posteriors the estimate draws a point of.
    active_units : int
        Axes along which the variance of the means is above 0.01.
    norm, norm_of_means : float
        Mean of |z|²/D over the aggregate posterior, 1 for N(0, I), and of |μ|²/D.
    note : str, optional
        Why there is no split, or how it is limited.
    """

    kl: float
    mutual_information: float | None
    mutual_information_se: float | None
    aggregate_kl: float | None
    draws: int
    active_units: int
    norm: float
    norm_of_means: float
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
    divergences = np.fromiter(_divergences(means, logs), np.float64, n)
    kl = math.fsum(divergences) / n
    draws = min(n, int(_MOST_WORK / (n * (dim + _COST))))
    information, error, note = None, None, None
    if math.isinf(kl):
        note = "a standard deviation is 0, or a number too large: the KL of the posteriors is infinite."
    elif draws < min(n, _FEWEST):
        note = f"{n} posteriors in {dim} dimensions are too many to split their KL. Use --subsample."
    elif math.log(dim + (means**2).sum(axis=1).max()) - logs.min() > _MOST_SPREAD:
        note = "some posteriors are nearly points next to their distances: their KL is not split."
    else:
        found = _information(means, logs, divergences, draws, seed)
        information = max(0.0, min(math.fsum(found) / draws, kl, math.log(n)))
        error = float(found.std(ddof=1) / math.sqrt(draws)) if draws > 1 else None
        if n > 1 and information > math.log(n) - _NEAR_LIMIT:
            note = (
                f"the mutual information is near log n = {math.log(n):.3g} nats, the most that {n} points "
                "can show: for more of them it is larger, and KL(q ‖ p) smaller."
            )
    norm = math.fsum(map(float, (means**2).mean(axis=1))) / n
    return PosteriorKl(
        kl=kl,
        mutual_information=information,
        mutual_information_se=error,
        aggregate_kl=None if information is None else kl - information,
        draws=0 if information is None else draws,
        active_units=int((means.var(axis=0) > ACTIVE).sum()),
        norm=norm + float(np.mean(widths.sds**2)),
        norm_of_means=norm,
        note=note,
    )


def _divergences(means: Array, logs: Array) -> Iterator[float]:
    """Yield ½ Σ_j (μ² + s² − 1 − log s²) of each posterior, blocks of them at once."""
    step = max(1, _BLOCK // means.shape[1])
    with np.errstate(over="ignore"):
        for start in range(0, len(means), step):
            log, mean = logs[start : start + step], means[start : start + step]
            yield from 0.5 * (mean**2 + (np.expm1(log) - log)).sum(axis=1)


def _information(means: Array, logs: Array, divergences: Array, draws: int, seed: int) -> Array:
    """Return log q_i(z_i)/q(z_i) for a point z_i of each of some posteriors, less control variates, (draws,).

    These are log q_i(z_i)/p(z_i) − KL(q_i ‖ p), and KL(q_i ‖ p) less its mean over all posteriors.
    """
    rng, (n, dim) = np.random.default_rng((seed, Stream.MUTUAL_INFORMATION)), means.shape
    chosen = np.arange(n) if draws == n else np.sort(rng.choice(n, draws, replace=False))
    noise = rng.normal(size=(draws, dim))
    z = means[chosen] + np.exp(0.5 * logs[chosen]) * noise
    own = -0.5 * (logs[chosen].sum(axis=1) + (noise**2).sum(axis=1))
    log_q = np.empty(draws)
    # log q_k(z) = −½ z²·1/s_k² + z·μ_k/s_k² − ½ (μ_k²/s_k² + log s_k²), a sum over axes
    precisions = np.exp(-logs)
    weighted = means * precisions
    constants = -0.5 * (means * weighted + logs).sum(axis=1)
    step = max(1, _BLOCK // n)
    with limited_blas():
        for start in range(0, draws, step):
            part = slice(start, start + step)
            exponents = (-0.5 * z[part] ** 2) @ precisions.T + z[part] @ weighted.T + constants
            exponents[np.arange(len(exponents)), chosen[part]] = own[part]
            largest = exponents.max(axis=1)
            exponents -= largest[:, np.newaxis]
            log_q[part] = largest + np.log(np.exp(exponents, out=exponents).mean(axis=1))
    found: Array = own - log_q
    controls = np.stack(
        [own + 0.5 * (z**2).sum(axis=1) - divergences[chosen], (divergences - divergences.mean())[chosen]]
    )
    if draws >= _FEWEST:
        slopes, *_ = np.linalg.lstsq(controls.T, found - found.mean(), rcond=None)
        found -= slopes @ controls
    return found
