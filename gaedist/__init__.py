"""gaedist: how far latent codes are from N(0, I), or from another sample, and whether that is real.

    codes ── latents ──▶ score / compare ──▶ mixtures ──▶ engine ──▶ result ──▶ report ──▶ terminal, pipe

`cli` parses and prints. `score` and `compare` ask the question: they smooth the codes to a `Mixture`
(`smoothing`), take the `squared_distance` to the prior (`measure`) or to the other sample (`apart`), and set
it beside chance: what N(0, I) itself would score (`null`, from exact `moments`, the limit law in `limits`, or
simulated `replicates`), or what permuted labels would give (`permutations`). The covariances of a mixture
belong to a family (`covariances`), and their σ come from a number, an array or a rule (`rules`): a
`bandwidth`, the mean field (`meanfield`) or a search (`optimize`); `sigma` gives them by themselves.
Other metrics are rows of `rivals` and of `two_samples`: from kernels of other `tails`, whose law `spectra`
knows, along directions (`sliced`) or from moments (`normality`), each with its law (`laws`).
`engine` sums over all pairs, in tiles, in parallel and in O(n) memory. `latents` reads and checks files, and
every mistake of a user is a `GaedistError` that says what to do. Imports go downwards only.
"""

from gaedist.compare import CompareResult, compare, compares
from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.inspect import ArrayReport, inspect
from gaedist.parameters import Parameters
from gaedist.score import ScoreResult, score, scores
from gaedist.sigma import SigmaResult, sigma
from gaedist.version import __version__

__all__ = [
    "ArrayReport",
    "CompareResult",
    "GaedistError",
    "Parameters",
    "Run",
    "ScoreResult",
    "SigmaResult",
    "__version__",
    "compare",
    "compares",
    "inspect",
    "score",
    "scores",
    "sigma",
]
