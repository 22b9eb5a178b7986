"""gaedist: how far latent codes are from N(0, I), or from another sample, and whether that is chance.

    codes ──▶ metric ──▶ sums over pairs ──▶ Measurement ──▶ null distribution ──▶ result ──▶ table, JSON
    files     metrics    engine              metrics         null                  api        report

Each folder is a room, and imports go from an upper room to a lower one only:

    cli            commands: parse the options, call one public function, print
    report         results → table, verdict in words, JSON lines, TSV, bare value, pictures, page of HTML
    api            score, compare, diagnose, sigma, inspect: one module per function, with its frozen result
    plots          panels of pictures, by matplotlib
    diagnostics    what is wrong: one file per check, with its null distribution; the registry of checks
    losses         the same distances as differentiable losses for PyTorch, imported only when asked for
    metrics        one file per metric: its formula, for one sample and for two; the registry of metrics
    null           null distributions: closed form, limits, simulated samples, permuted labels
    smoothing      where σ comes from: rules, bandwidths, mean field, optimisation, files of σ
    mixtures       Gaussian mixtures, their covariance families, the squared distance of two; other priors
    kernels        radial kernels as mixtures over scales, φ_D
    engine         sums over all pairs and along directions, in O(n) memory
      series         the same in linear time
      run            how to compute: threads, progress, checkpoints
      compiled       all Numba code
    files          reading and checking codes, atomic writing
    numerics, errors, version

The way of `gaedist.score(codes)`: `api.score` checks the codes and applies a row of `metrics.registry` to
them. `metrics.gaussian` smooths them to a `Mixture` (`smoothing.smooth`) and lists the sums over pairs that
its squared distance to the prior needs (`mixtures.distance`). `engine` computes the sums of all metrics in
one pass, and each metric makes a `Measurement` of its own. The null distribution (`metrics.significance`)
turns it into z and a p-value, and `api.score` returns all of this as a `ScoreResult`. Where the distance was
not chosen, a second one shares the pass (`api.companion`), and the verdict rests on both (`null.verdict`).

Every mistake in the input raises a `GaedistError`, whose message says what is wrong and what to do.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, which takes long to load: see `gaedist.__main__`
if TYPE_CHECKING:
    from typing import Any

    from gaedist.api.compare import compare, compares
    from gaedist.api.compare_result import CompareResult
    from gaedist.api.diagnose import DiagnoseResult, diagnose
    from gaedist.api.inspect import ArrayReport, inspect
    from gaedist.api.score import score, scores
    from gaedist.api.score_result import ScoreResult
    from gaedist.api.sigma import SigmaResult, sigma
    from gaedist.engine import Checkpoint, Run
    from gaedist.errors import GaedistError
    from gaedist.files.codes import Latents, read_latents
    from gaedist.files.samples import read_samples
    from gaedist.files.selection import Selection
    from gaedist.metrics.parameters import Parameters
    from gaedist.mixtures.prior import Prior
    from gaedist.version import __version__

_HOMES = {
    "ArrayReport": "api.inspect",
    "Checkpoint": "engine",
    "CompareResult": "api.compare_result",
    "DiagnoseResult": "api.diagnose",
    "GaedistError": "errors",
    "Latents": "files.codes",
    "Parameters": "metrics.parameters",
    "Prior": "mixtures.prior",
    "Run": "engine",
    "ScoreResult": "api.score_result",
    "Selection": "files.selection",
    "SigmaResult": "api.sigma",
    "compare": "api.compare",
    "compares": "api.compare",
    "diagnose": "api.diagnose",
    "inspect": "api.inspect",
    "read_latents": "files.codes",
    "read_samples": "files.samples",
    "score": "api.score",
    "scores": "api.score",
    "sigma": "api.sigma",
    "__version__": "version",
}
"""Public name → the module that defines it, which is imported at the first use of the name."""

__all__ = [
    "ArrayReport",
    "Checkpoint",
    "CompareResult",
    "DiagnoseResult",
    "GaedistError",
    "Latents",
    "Parameters",
    "Prior",
    "Run",
    "ScoreResult",
    "Selection",
    "SigmaResult",
    "__version__",
    "compare",
    "compares",
    "diagnose",
    "inspect",
    "read_latents",
    "read_samples",
    "score",
    "scores",
    "sigma",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"gaedist.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
