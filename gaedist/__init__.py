"""gaedist: how far latent codes are from N(0, I), or from another sample, and whether that is real.

    codes ── latents ──▶ scoring / comparing ──▶ mixtures ──▶ engine ──▶ result ──▶ report ──▶ terminal, pipe

`cli` parses and `commands` print. `scoring` and `comparing` ask the question: they smooth the codes to a
`Mixture` (`smoothing`), take the `squared_distance` to the prior (`measure`) or to the other sample
(`apart`), and set it beside chance: what N(0, I) itself would score (`null`, from exact `moments`, the limit
law in `limits`, or simulated `replicates`), or what permuted labels would give (`permutations`). The
covariances of a mixture belong to a family (`covariances`), and their σ come from a number, an array or a
rule (`rules`): a `bandwidth`, the mean field (`meanfield`) or a search (`optimize`); `sigmas` gives them by
themselves. Other metrics are rows of `rivals` and of `two_samples`: from kernels of other `tails`, whose law
`spectra` knows, along directions (`sliced`) or from moments (`normality`), each with its law (`laws`).
`engine` sums over all pairs in O(n) memory, in tiles and in parallel, or in linear time by a series.
`latents` reads and checks files, and every mistake of a user is a `GaedistError` that says what to do.
Imports go downwards only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gaedist.version import __version__

if TYPE_CHECKING:
    from gaedist.api.compare import CompareResult, compare, compares
    from gaedist.api.inspect import ArrayReport, inspect
    from gaedist.api.score import ScoreResult, score, scores
    from gaedist.api.sigma import SigmaResult, sigma
    from gaedist.engine import Checkpoint, Run
    from gaedist.errors import GaedistError
    from gaedist.metrics.parameters import Parameters

_HOMES = {
    "ArrayReport": "api.inspect",
    "Checkpoint": "engine",
    "CompareResult": "api.compare",
    "GaedistError": "errors",
    "Parameters": "metrics.parameters",
    "Run": "engine",
    "ScoreResult": "api.score",
    "SigmaResult": "api.sigma",
    "compare": "api.compare",
    "compares": "api.compare",
    "inspect": "api.inspect",
    "score": "api.score",
    "scores": "api.score",
    "sigma": "api.sigma",
}
"""Name → module that has it, which is loaded when it is first asked for."""

__all__ = [
    "ArrayReport",
    "Checkpoint",
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"gaedist.{_HOMES[name]}"), name)
