"""Sums over pairs of points, their logarithms and derivatives, and statistics of projections, in O(n) memory.

    PairSum ──┐                ┌── dense             few pairs, by NumPy
              ├─ sums ─────────┼── series/           linear time: Fourier, Hermite
    Run ──────┘  (dispatch)    ├── gaussian_tiling   one σ for all points
                               ├── tiling            every other integrand
                               ├── label_tiling      many labelings of the points at once
                               └── sampling          an estimate from some of the pairs
    Slices ───── directions, wasserstein             statistics of projections on directions

A `PairSum` describes what is summed and over which points, a `Run` how it is computed, and a `Request` all
that a metric needs. Tiles of the matrix of pairs are computed in ranges of about a fifth of a second; between
ranges progress is shown and Ctrl-C is noticed. The sum of each tile is stored, and these are added in a fixed
order, so that the bits do not depend on the number of threads. All Numba code is in `compiled`.
"""

from gaedist.engine.compiled.integrands import Profile, Shape
from gaedist.engine.compiled.sizes import SERIES_BLOCK
from gaedist.engine.directions import Slices, Statistic, mean_and_error, mean_and_sd, random_directions
from gaedist.engine.request import Request
from gaedist.engine.run.checkpoints import Checkpoint, temporary_checkpoint
from gaedist.engine.run.cluster import Cluster
from gaedist.engine.run.costs import cholesky_seconds
from gaedist.engine.run.cpus import available_threads
from gaedist.engine.run.labels import Bits, LabelSums, times_labels
from gaedist.engine.run.pair_sum import BY_PAIRS, ROUNDING, PairSum, PairTotal, Provenance
from gaedist.engine.run.run import AUTO, METHODS, PRECISIONS, SAMPLE, SINGLE, TOLERANCE, Run
from gaedist.engine.run.threads import limited_blas
from gaedist.engine.sums import (
    evaluate,
    in_numpy_threads,
    in_threads,
    label_sums,
    log_pair_sums,
    pair_derivatives,
    pair_totals,
)
from gaedist.engine.wasserstein import LabelCosts, Transport, common_refinement, label_costs

__all__ = [
    "AUTO",
    "BY_PAIRS",
    "METHODS",
    "PRECISIONS",
    "ROUNDING",
    "SAMPLE",
    "SERIES_BLOCK",
    "SINGLE",
    "TOLERANCE",
    "Bits",
    "Checkpoint",
    "Cluster",
    "LabelCosts",
    "LabelSums",
    "PairSum",
    "PairTotal",
    "Profile",
    "Provenance",
    "Request",
    "Run",
    "Shape",
    "Slices",
    "Statistic",
    "Transport",
    "available_threads",
    "cholesky_seconds",
    "common_refinement",
    "evaluate",
    "in_numpy_threads",
    "in_threads",
    "label_costs",
    "label_sums",
    "limited_blas",
    "log_pair_sums",
    "mean_and_error",
    "mean_and_sd",
    "pair_derivatives",
    "pair_totals",
    "random_directions",
    "temporary_checkpoint",
    "times_labels",
]
