"""Losses compared with plain formulas that keep every pair in memory, forward and backward.

    python tests/bench/bench_losses.py [--points 512] [--dim 64] [--rounds 25] [--only mmd kl]

Plain formulas take a Gram matrix, the function of its squared distances, and a mean: no care for equal or far
codes. φ_D, which PyTorch lacks, is taken from SciPy, with its derivative. Processor time of this process,
medians of interleaved rounds.
"""

import argparse
import math
import statistics
import time

import numpy as np
import torch
from scipy.special import hyp1f1
from torch.nn.functional import normalize

from gaedist import losses

DIRECTIONS = 50


def squares(x, y=None):
    y = x if y is None else y
    return (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T


def gaussian(x, y):
    s, half = x.shape[1] / 3, x.shape[1] / 2
    about = torch.exp(-(x * x).sum(1) / (2 * (2 * s + 1))).mean()
    pairs = torch.exp(-squares(x) / (4 * s)).mean()
    return torch.log(pairs - 2 * (1 + 1 / (2 * s)) ** -half * about + (1 + 1 / s) ** -half)


def without_diagonal(found):
    n = len(found)
    return (found.sum() - found.diagonal().sum()) / (n * (n - 1))


def inverse_quadratics(x, *scales):
    """Without the mean over N(0, I), which no plain formula has."""
    widths = [2 * x.shape[1] * scale for scale in scales]
    squared = squares(x)
    return without_diagonal(sum(c / (c + squared) for c in widths))


def mmd_with_sample(x, y):
    widths = [2 * x.shape[1] * scale for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    within, other, between = (
        sum(c / (c + squared) for c in widths) for squared in (squares(x), squares(y), squares(x, y))
    )
    return without_diagonal(within) + without_diagonal(other) - 2 * between.mean()


def energy_with_sample(x, y):
    def mean(a, b=None):
        return squares(a, b).clamp_min(1e-12).sqrt().mean()

    return 2 * mean(x, y) - mean(x) - mean(y)


def cramer_wold(x, phi):
    gamma = (4 / (3 * len(x))) ** 0.4
    pairs = phi(squares(x) / (4 * gamma)).mean() / math.sqrt(gamma)
    about = phi((x * x).sum(1) / (2 + 4 * gamma)).mean() / math.sqrt(gamma + 0.5)
    return torch.log(pairs + (1 + gamma) ** -0.5 - 2 * about)


def approximate_phi(dim):
    return lambda s: (1 + 4 * s / (2 * dim - 3)).rsqrt()


class ExactPhi(torch.autograd.Function):
    """φ_D(s) = ₁F₁(½; D/2; −s) by SciPy."""

    @staticmethod
    def forward(ctx, s, dim):
        ctx.save_for_backward(s)
        ctx.dim = dim
        return torch.from_numpy(np.asarray(hyp1f1(0.5, dim / 2, -s.detach().numpy())))

    @staticmethod
    def backward(ctx, gradient):
        (s,) = ctx.saved_tensors
        slope = hyp1f1(1.5, ctx.dim / 2 + 1, -s.numpy()) / ctx.dim
        return -gradient * torch.from_numpy(np.asarray(slope)), None


def sliced_wasserstein(x, y):
    directions = normalize(torch.randn(DIRECTIONS, x.shape[1], dtype=x.dtype), dim=1)
    return ((x @ directions.T).sort(0).values - (y @ directions.T).sort(0).values).pow(2).mean()


def sliced_epps_pulley(x, y):
    directions = normalize(torch.randn(DIRECTIONS, x.shape[1], dtype=x.dtype), dim=1)
    t = torch.linspace(-5, 5, 17, dtype=x.dtype)
    weights = torch.exp(-t * t / 2)
    waves = (x @ directions.T)[..., None] * t
    return (((waves.cos().mean(0) - weights) ** 2 + waves.sin().mean(0) ** 2) @ weights).mean() * len(x)


def kl(x, y):
    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    return 0.5 * (covariance.trace() - x.shape[1] + mean @ mean - torch.logdet(covariance))


def spherical_mixture(x, y, variances):
    half, v = x.shape[1] / 2, variances[:, 0]
    both, prior = (v[:, None] + v) / 2, (1 + v) / 2
    pairs = torch.exp(-half * both.log() - squares(x) / (4 * both)).mean()
    return pairs + 1 - 2 * torch.exp(-half * prior.log() - (x * x).sum(1) / (4 * prior)).mean()


def diagonal_mixture(x, y, variances):
    both, prior = (variances[:, None] + variances) / 2, (1 + variances) / 2
    pairs = torch.exp(-(0.5 * both.log() + (x[:, None] - x) ** 2 / (4 * both)).sum(2)).mean()
    return pairs + 1 - 2 * torch.exp(-(0.5 * prior.log() + x * x / (4 * prior)).sum(1)).mean()


def cases(variances):
    """Return name → plain formula of codes and a sample of N(0, I), and loss of codes."""
    sliced, dim = {"directions": DIRECTIONS}, variances.shape[1]
    return {
        "gaussian": (gaussian, lambda x: losses.gaussian(x, scale="log")),
        "gaussian, codes in single precision": (gaussian, lambda x: losses.gaussian(x.float(), scale="log")),
        "gaussian, z": (gaussian, lambda x: losses.gaussian(x, scale="z")),
        "mmd, one scale": (
            lambda x, y: inverse_quadratics(x, 1.0),
            lambda x: losses.mmd(x, scales=[1.0]),
        ),
        "mmd": (lambda x, y: inverse_quadratics(x, 0.1, 0.2, 0.5, 1, 2, 5, 10), losses.mmd),
        "mmd, plain with a sample of N(0, I)": (mmd_with_sample, losses.mmd),
        "energy, plain with a sample of N(0, I)": (energy_with_sample, losses.energy),
        "cramer_wold, approximate φ_D": (
            lambda x, y: cramer_wold(x, approximate_phi(dim)),
            lambda x: losses.cramer_wold(x, approximate=True),
        ),
        "cramer_wold, plain with approximate φ_D": (
            lambda x, y: cramer_wold(x, approximate_phi(dim)),
            losses.cramer_wold,
        ),
        "cramer_wold": (
            lambda x, y: cramer_wold(x, lambda s: ExactPhi.apply(s, dim)),
            losses.cramer_wold,
        ),
        "sliced_wasserstein, plain with a sample of N(0, I)": (
            sliced_wasserstein,
            lambda x: losses.sliced_wasserstein(x, **sliced),
        ),
        "sliced_epps_pulley": (sliced_epps_pulley, lambda x: losses.sliced_epps_pulley(x, **sliced)),
        "kl": (kl, losses.kl),
        "gaussian_mixture, a variance for each code": (
            lambda x, y: spherical_mixture(x, y, variances),
            lambda x: losses.gaussian_mixture(x, variances[:, 0]),
        ),
        "gaussian_mixture, a variance for each code and axis": (
            lambda x, y: diagonal_mixture(x, y, variances),
            lambda x: losses.gaussian_mixture(x, variances),
        ),
    }


def seconds(function, x):
    x = x.clone().requires_grad_()
    began = time.process_time()
    function(x).backward()
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=512)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of names")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x, y = (torch.randn(options.points, options.dim, dtype=torch.double) for _ in range(2))
    variances = 0.3 + 0.5 * torch.rand(options.points, options.dim, dtype=torch.double)
    print("| loss | plain, ms | gaedist, ms | ratio |\n|---|---|---|---|")
    for name, (plain, loss) in cases(variances).items():
        if not name.startswith(tuple(options.only)):
            continue
        seconds(loss, x)
        rounds = [(seconds(lambda x, f=plain: f(x, y), x), seconds(loss, x)) for _ in range(options.rounds)]
        a, b = (1e3 * statistics.median(times) for times in zip(*rounds, strict=True))
        print(f"| {name} | {a:.1f} | {b:.1f} | {b / a:.2f} |", flush=True)


if __name__ == "__main__":
    main()
