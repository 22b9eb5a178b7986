"""Draws samples of odd numbers and checks every metric on them, against mpmath where there is an oracle.

    python tests/fuzz/odd_numbers.py --cases 5000 --seed 0 --minutes 20

A case fails on a traceback other than `GaedistError`, on a warning, NaN, a p-value outside (0, 1], a negative
value of a metric that has none, or a value that differs from the oracle by more than rounding explains.
"""

import argparse
import math
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import oracles
from fuzz.oracles import MP

import gaedist
from gaedist.kernels.radial import KERNELS as RADIAL
from gaedist.metrics.kernel_metrics import NARROW
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE

SIZES, DIMS = (1, 2, 3, 5, 8, 12), (1, 2, 3, 6)
DIRECTIONS = 3
FEW = gaedist.Parameters(directions=DIRECTIONS)
ABOUT = ("gaussian", "inverse-quadratic", "inverse-multiquadric", "rational-quadratic", "laplace")
SIGNED = {"mmd", "cramer-wold-approx", "mardia-skewness"}  # may be negative


def normal(rng, n, dim):
    return rng.normal(size=(n, dim))


def _column(x, values):
    x[:, 0] = values
    return x


KINDS = {
    "normal": normal,
    "subnormal": lambda rng, n, dim: 5e-324 * rng.integers(-9, 10, size=(n, dim)),
    "1e-300": lambda rng, n, dim: 1e-300 * normal(rng, n, dim),
    "huge": lambda rng, n, dim: 10.0 ** rng.integers(100, 149) * normal(rng, n, dim),
    "mixed powers": lambda rng, n, dim: (
        10.0 ** rng.integers(-300, 149, size=(n, dim)) * rng.choice([-1, 1], size=(n, dim))
    ),
    "zeros": lambda rng, n, dim: rng.choice([0.0, -0.0], size=(n, dim)),
    "some zeros": lambda rng, n, dim: normal(rng, n, dim) * rng.choice([0.0, -0.0, 1.0], size=(n, dim)),
    "near 2^63": lambda rng, n, dim: np.int64(2**63 - 1) - rng.integers(0, 5000, size=(n, dim)),
    "integers": lambda rng, n, dim: rng.integers(-3, 4, size=(n, dim)),
    "float16": lambda rng, n, dim: rng.choice(
        np.array([65504, -65504, 6.1e-5, 6e-8, 1, 0], dtype=np.float16), size=(n, dim)
    ),
    "constant column": lambda rng, n, dim: _column(normal(rng, n, dim), 0.1),
    "all equal": lambda rng, n, dim: np.tile(normal(rng, 1, dim), (n, 1)),
    "duplicates": lambda rng, n, dim: normal(rng, n, dim)[rng.integers(0, max(1, n // 2), size=n)],
    "shift 1e8": lambda rng, n, dim: 1e8 + normal(rng, n, dim),
    "outlier 1e12": lambda rng, n, dim: np.concatenate([normal(rng, n - 1, dim), np.full((1, dim), 1e12)]),
    "tiny": lambda rng, n, dim: 10.0 ** rng.integers(-300, -100) * normal(rng, n, dim),
    "scale": lambda rng, n, dim: 10.0 ** rng.uniform(-12, 12) * normal(rng, n, dim),
    "axes": lambda rng, n, dim: normal(rng, n, dim) * 10.0 ** rng.uniform(-9, 9, size=dim),
}
"""Name → function of a generator, n and D that draws a sample."""


class FaultError(Exception):
    """A result that is wrong."""


def check_result(result, metric):
    """Raise `FaultError` for NaN, a p-value outside (0, 1], or a sign that the metric cannot have."""
    numbers = {"value": result.value, "log_value": result.log_value, "p": result.p_value}
    numbers |= {"mean": result.null.mean, "sd": result.null.sd, "se": result.value_se}
    if isinstance(result, gaedist.ScoreResult):
        numbers |= {"z": result.z, "excess": result.excess, "bound": result.p_bound, "effect": result.effect}
    for name, number in numbers.items():
        if number is not None and math.isnan(number):
            raise FaultError(f"{name} is NaN")
    if result.p_value is not None and not 0 < result.p_value <= 1:
        raise FaultError(f"p = {result.p_value}")
    if result.value < 0 and metric not in SIGNED and result.estimator != "u":
        raise FaultError(f"negative value {result.value}")
    if math.isinf(result.value) and result.log_value == math.inf and not getattr(result, "infinite", False):
        raise FaultError("infinite without saying so")


def check_value(result, terms, slack):
    """Raise `FaultError` if a value is not the sum of the terms, but for a slack times the largest."""
    expected, scale = MP.fsum(terms), max(map(abs, terms))
    if 0 < abs(expected) < MP.mpf("1e-290") and result.log_value == -math.inf:
        return  # below the range of a double
    if not MP.mpf("1e-300") < abs(expected) < MP.mpf("1e308"):
        if result.log_value is None:  # the sign may be lost where the terms cancel
            if abs(expected) > slack * scale and expected > 0:
                raise FaultError(f"no logarithm of {MP.nstr(expected, 17)}")
            return
        log, floor = MP.log(abs(expected)), MP.log(scale) + MP.log(slack)
        if log > floor and abs(log - result.log_value) > max(1e-9, slack) * max(1, abs(log)):
            raise FaultError(f"log {result.log_value}, expected {MP.nstr(log, 17)}")
        return
    if abs(result.value - expected) > slack * scale + MP.mpf("1e-300"):
        raise FaultError(
            f"value {result.value!r}, expected {MP.nstr(expected, 17)}, terms {MP.nstr(scale, 5)}"
        )


def one_sample_case(rng, metric, x):
    """Score a sample by a metric, with options drawn at random, and compare with the oracle."""
    n, dim = x.shape
    options, points, oracle, slack = {}, None, None, 1e-9
    directions = [[MP.mpf(float(u)) for u in d] for d in _directions(dim)]
    if metric == "gaussian":
        options = {"target": str(rng.choice(["normal", "smoothed"])), "sigma": 10.0 ** rng.uniform(-8, 8)}
        if rng.random() < 0.3:
            options["sigma"] = 1.0
        if options["target"] == "smoothed" and n > 1 and rng.random() < 0.3:
            options["estimator"] = "u"
        oracle = lambda: oracles.gaussian(points, **options)  # noqa: E731
    elif metric == "mmd":
        if rng.random() < 0.8:
            kernel, scale = str(rng.choice(ABOUT)), 10.0 ** rng.uniform(-12, 12)
            options["parameters"] = gaedist.Parameters(kernel=kernel, scales=[scale])
            oracle = lambda: oracles.mmd(points, kernel, scale)  # noqa: E731
    elif metric.startswith("sliced"):
        options["parameters"] = FEW
        oracle = lambda: getattr(oracles, metric.replace("-", "_"))(points, directions)  # noqa: E731
        # projections are rounded relative to their size
        slack += 1e-15 * min(1e15, float(np.abs(np.asarray(x, float)).max())) if dim > 1 else 0
    elif metric == "cramer-wold-approx":
        oracle = lambda: oracles.cramer_wold(points, approximate=True)  # noqa: E731
    else:
        oracle = lambda: getattr(oracles, metric.replace("-", "_"))(points)  # noqa: E731
    result = gaedist.score(x, metric=metric, **options)
    check_result(result, metric)
    if oracle is None:
        return options
    points = oracles.exact(x)
    if metric in ("kl", "henze-zirkler"):
        share = oracles.smallest_share(points)
        degenerate = result.null.method == "degenerate"
        if degenerate and share > 3e-12:
            raise FaultError(f"degenerate, but the least sd is {MP.nstr(share, 3)} of the size")
        if degenerate or share < 3e-12:
            return options
        slack = float(1e-14 / share) + 1e-9
    check_value(result, oracle(), slack)
    return options


def two_sample_case(rng, metric, x, y):
    """Compare two samples by a metric, with permutations, and the value with the oracle."""
    options = {}
    if metric == "gaussian":
        options["sigma"] = 10.0 ** rng.uniform(-8, 8) if rng.random() < 0.7 else 1.0
        if min(len(x), len(y)) > 1 and rng.random() < 0.3:
            options["estimator"] = "u"
    if metric == "sliced-wasserstein":
        options["parameters"] = FEW
    drawn = {}
    if metric == "mmd" and rng.random() < 0.7:
        drawn = {"kernel": str(rng.choice(list(RADIAL))), "scales": [10.0 ** rng.uniform(-12, 12)]}
        options["parameters"] = gaedist.Parameters(**drawn)
    result = gaedist.compare(x, y, metric=metric, permutations=9, **options)
    check_result(result, metric)
    if result.null.note and result.null.note != NARROW:  # rounding hides the sample, and the result says so
        return options
    p, q = oracles.exact(x), oracles.exact(y)
    if metric == "sliced-wasserstein":
        terms = oracles.transport(p, q, [[MP.mpf(float(u)) for u in d] for d in _directions(x.shape[1])])
        # projections are rounded relative to their size, not to their differences
        rounded = MP.mpf(1e-14) * max(float(np.abs(np.asarray(a, float)).max()) for a in (x, y))
        slack = 1e-9 + 2 * rounded / MP.sqrt(terms[0]) + rounded**2 / terms[0] if terms[0] else 1e-9
        check_value(result, terms, slack)
    else:
        kernel = oracles.two_sample_kernel(metric, len(p), len(q), len(p[0]), options.get("sigma"), **drawn)
        terms = oracles.two_samples(kernel, p, q, unbiased=metric == "mmd" or "estimator" in options)
        check_value(result, terms, 1e-9)
    return options


def _directions(dim):
    """The directions of seed 0, drawn as the documentation of the package says."""
    if dim == 1:
        return np.ones((1, 1))
    found = np.random.default_rng((0, 4)).normal(size=(DIRECTIONS, dim))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def case(seed, number):
    """Draw and run one case."""
    rng = np.random.default_rng((seed, number))
    kind, two = str(rng.choice(list(KINDS))), bool(rng.random() < 0.3)
    metric = str(rng.choice(list(TWO_SAMPLE if two else ONE_SAMPLE)))
    return outcome_of(rng, kind, metric, int(rng.choice(SIZES)), int(rng.choice(DIMS)), two=two)


def outcome_of(rng, kind, metric, n, dim, *, two):
    """Run one case; return its name, None or what went wrong, and whether that is a fault of gaedist."""
    x = KINDS[kind](rng, n, dim)
    name = f"{'compare' if two else 'score'} {metric}, {kind}, n = {n}, D = {dim}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            if two:
                y = KINDS[kind](rng, int(rng.integers(1, 9)), dim)
                options = two_sample_case(rng, metric, x, y)
            else:
                options = one_sample_case(rng, metric, x)
        except gaedist.GaedistError as error:
            return name, f"refused: {error}", False
        except Exception as error:
            return name, f"{type(error).__name__}: {error}", True
    return f"{name}, {options}", None, False


def wide_cases():
    """Score five points in 100,000 dimensions by every metric."""
    x = np.random.default_rng(0).normal(size=(5, 100_000))
    for metric in ONE_SAMPLE:
        for options in ({}, {"target": "smoothed"}) if metric == "gaussian" else ({},):
            parameters = FEW if metric.startswith("sliced") else None
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    check_result(gaedist.score(x, metric=metric, parameters=parameters, **options), metric)
                except Exception as error:
                    yield f"{metric} {options}: {type(error).__name__}: {error}"


def main():
    """Run the cases, print each fault and a count, and exit with 1 if there are faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--no-wide", action="store_true", help="leave out the samples in 100,000 dimensions")
    arguments = parser.parse_args()
    end, counts, refused = time.monotonic() + 60 * arguments.minutes, Counter(), Counter()
    for fault in () if arguments.no_wide else wide_cases():
        counts["faults"] += 1
        print("FAULT", fault, flush=True)
    for number in range(arguments.first, arguments.first + arguments.cases):
        if time.monotonic() > end:
            print("The time is up.")
            break
        name, outcome, is_fault = case(arguments.seed, number)
        counts["cases"] += 1
        counts["refused"] += outcome is not None and not is_fault
        counts["faults"] += is_fault
        if is_fault:
            print(f"FAULT {number} {name}: {outcome}", flush=True)
        elif outcome:
            refused[outcome[:60]] += 1
    print(dict(counts))
    for reason, count in refused.most_common(12):
        print(f"{count:6} {reason}")
    return int(counts["faults"] > 0)


if __name__ == "__main__":
    sys.exit(main())
