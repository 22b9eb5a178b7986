"""Evaluations that optimising spherical σ takes, compared with plain L-BFGS-B, and the d² it reaches.

    python tests/bench/bench_optimize.py [--dims 1 2 8 16 32 64] [--points 300 1000 3000] [--brute 300]

Plain means the obvious attempt: SciPy's L-BFGS-B on the logarithms of σ², minimising n d² itself from the
mean field and from the best constant σ, with its own stopping rule at a tolerance tight enough to end
within 1 % of the minimum if it ends at all. An evaluation is a pass over all pairs with value and gradient.
For the sizes given by --brute, many long runs from random starts look for a lower value.
"""

import argparse
import math
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from gaedist.engine import Run
from gaedist.mixtures.families import Spherical
from gaedist.smoothing.bandwidths import best_constant
from gaedist.smoothing.mean_field import spherical_mean_field
from gaedist.smoothing.objectives import Score
from gaedist.smoothing.optimize import optimize

LIMIT = 3000


@dataclass
class Plain:
    """n d² and its gradient as a function of log σ², with a record of the values."""

    score: Score
    seen: list[tuple[float, float]] = field(default_factory=list)  # d² and 1 − d²

    def __call__(self, z):
        variances = np.exp(np.clip(z, -300, 300))
        point = self.score((Spherical(variances[:, np.newaxis]),))
        rest = math.exp(-point.loss)
        self.seen.append((-math.expm1(-point.loss), rest))
        return len(z) * self.seen[-1][0], len(z) * rest * point.gradients[0][0] * variances

    def evaluations_to(self, best, tolerance):
        """Evaluations until d² is within this part of the best d², or of 1 − d² if that is smaller."""
        goal = tolerance * min(best, 1 - best) if best < 1 else 0
        return next((k + 1 for k, (value, _) in enumerate(self.seen) if value - best <= goal), None)


def minimise(plain, start, **options):
    minimize(plain, start, jac=True, method="L-BFGS-B", options={"maxfun": LIMIT, "maxiter": LIMIT} | options)
    return plain


def rest(codes, covariance):
    """1 − d²."""
    return math.exp(-Score(codes, Run())((covariance,)).loss)


def shown(plain, best):
    """Number of evaluations in all and to within 1 %, as text."""
    reached, count = plain.evaluations_to(best, 0.01), len(plain.seen)
    end = f"{count}" if count < LIMIT else f"over {LIMIT}"
    return f"{end}, to 1 %: {reached or 'never'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[1, 2, 8, 16, 32, 64])
    parser.add_argument("--points", type=int, nargs="+", default=[300, 1000, 3000])
    parser.add_argument("--brute", type=int, nargs="*", default=[300])
    options = parser.parse_args()
    print(
        "| n | D | gaedist ends at d² (1 − d²) | evaluations | plain, mean field | plain, constant "
        "| brute force |"
    )
    print("|---" * 7 + "|")
    for n in options.points:
        for dim in options.dims:
            codes = np.random.default_rng(0).normal(size=(n, dim))
            found = optimize(codes, "spherical", Run())
            ours = rest(codes, found.covariances[0])
            constant = best_constant(codes, Run(), lambda loss, covariance: None)
            starts = [
                np.log(spherical_mean_field(codes).variances[:, 0]),
                np.full(n, math.log(constant.variance)),
            ]
            tight = {"ftol": 1e-13, "gtol": 1e-6, "maxcor": 20}
            plains = [minimise(Plain(Score(codes, Run())), start, **tight) for start in starts]
            rests = [ours, *(max(r for _, r in plain.seen) for plain in plains)]
            brute = "–"
            if n in options.brute:
                rng = np.random.default_rng(1)
                long = {"ftol": 0.0, "gtol": 0.0, "maxcor": 50}
                spread = [rng.uniform(-1, 1, n) + start for start in starts for _ in range(3)]
                middle = [sum(starts) * share for share in (0.5, 1.0)]
                rests += [
                    max(r for _, r in minimise(Plain(Score(codes, Run())), start, **long).seen)
                    for start in [*spread, *middle]
                ]
                brute = f"{(1 - ours) / (1 - max(rests)) - 1:+.2%} ({(1 - ours / max(rests)):.1e})"
            best = 1 - max(rests)
            cells = [n, dim, f"{1 - ours:.6g} ({ours:.4g})", found.evaluations]
            cells += [*(shown(plain, best) for plain in plains), brute]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
