"""The arguments and options of the commands. Choices come from the registries."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gaedist.engine import METHODS, PRECISIONS, TOLERANCE
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.base import ALL
from gaedist.metrics.parameters import DEFAULTS
from gaedist.metrics.registry import ONE_SAMPLE as METRICS
from gaedist.metrics.registry import TWO_SAMPLE as COMPARE_METRICS
from gaedist.metrics.significance import NULLS
from gaedist.mixtures.families import FAMILIES
from gaedist.mixtures.targets import ESTIMATORS, TARGETS
from gaedist.null.monte_carlo import REPLICATES
from gaedist.report.writers import FORMATS
from gaedist.smoothing.rules import JOINT, RULES

GAUSSIANS, ONE = ["gaussian"], ["1"]
"""Defaults of repeatable options."""

GAUSSIAN = "gaussian"
_LONGEST = 60  # list of choices that is shown where a value goes; each is in the text anyway

METRIC, LAW, READING, COMPUTING, OUTPUT = (
    "Other metrics",
    "Chance",
    "Which codes",
    "How it is computed",
    "Output and gates",
)


def _choice(
    name: str, choices: Collection[str], about: str, panel: str | None = None, default: str | None = None
) -> Any:
    """Return an option whose choices are the keys of a registry; ``default`` is what None stands for."""

    def check(value: str | list[str] | None) -> str | list[str] | None:
        for item in [value] if isinstance(value, str) else value or []:
            if item not in choices:
                raise typer.BadParameter(f"{item!r} is not one of {', '.join(choices)}.")
        return value

    return typer.Option(
        name,
        metavar=listed if len(listed := "|".join(choices)) < _LONGEST else "NAME",
        help=about,
        rich_help_panel=panel,
        show_default=default or True,
        callback=check,
        autocompletion=lambda: list(choices),
    )


def _abouts(registry: Mapping[str, Any]) -> str:
    """Say what each row of a registry is."""
    return (
        "; ".join(f"{name}: {getattr(row, 'summary', None) or row.about}" for name, row in registry.items())
        + "."
    )


def _named(about: str, words: Mapping[str, str]) -> str:
    """Say what an option is, and what each of its choices."""
    return f"{about} " + "; ".join(f"{name}: {text}" for name, text in words.items()) + "."


def _sigma(name: str, rules: Collection[str], *, more: str = "", again: bool = True) -> Any:
    """Return the option that says where σ comes from."""
    about = "; ".join(f"{rule}: {RULES[rule].about}" for rule in rules if rule in RULES)
    return typer.Option(
        name,
        metavar="NUMBER|RULE|FILE",
        help="Standard deviation σ of the smoothing: a number, a file that gaedist sigma wrote, or a rule. "
        f"{about}.{more}{' May be given again, for a row each.' if again else ''}",
        autocompletion=lambda: list(rules),
    )


def _knob(about: str, default: str) -> Any:
    """Return an option of a metric."""
    return typer.Option(metavar="X", help=about, rich_help_panel=METRIC, show_default=default)


FileA = Annotated[str, typer.Argument(metavar="A", help="A file, as for score.", show_default=False)]
FileB = Annotated[str, typer.Argument(metavar="B", help="Another.", show_default=False)]
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="An .npy, .npz or HDF5 file, PATH::DATASET in one, or - for an .npy on standard input.",
        show_default=False,
    ),
]
File = Annotated[str, typer.Argument(metavar="FILE", help="A file, as for score.", show_default=False)]
Sigma = Annotated[str, _sigma("--sigma", RULES, again=False)]
ScoreSigmas = Annotated[list[str], _sigma("--sigma", RULES)]
CompareSigmas = Annotated[
    list[str],
    _sigma(
        "--sigma",
        [*RULES, JOINT],
        more=f" {JOINT}: least distance over the σ of both samples, sec. II.B; without bounds that is 0 for "
        "any two, at σ → ∞, so each σ stays within --sigma-factor of its mean field.",
    ),
]
SigmaB = Annotated[
    str | None,
    typer.Option("--sigma-b", metavar="S", help="σ of B, if not chosen as that of A.", show_default=False),
]
SigmaFactor = Annotated[
    float, typer.Option(help=f"By how much {JOINT} may change a σ from its mean field.", metavar="F")
]
Covariance = Annotated[
    str | None,
    _choice(
        "--covariance",
        FAMILIES,
        "Covariances of the points; by default the narrowest that fit σ. " + _abouts(FAMILIES),
    ),
]
Target = Annotated[str, _choice("--target", TARGETS, "The prior to measure against. " + _abouts(TARGETS))]
ScoreEstimator = Annotated[
    str,
    _choice(
        "--estimator",
        ESTIMATORS,
        f"Of the pair term of gaussian; u is for --target smoothed. {_abouts(ESTIMATORS)}",
    ),
]
CompareEstimator = Annotated[
    str, _choice("--estimator", ESTIMATORS, f"Of the pair terms. {_abouts(ESTIMATORS)}")
]
Null = Annotated[
    str,
    _choice(
        "--null",
        NULLS,
        "Where the law of the score under N(0, I) itself comes from. auto: in closed form where it is known, "
        "for one σ for all points; monte-carlo: samples of N(0, I) through the same computation.",
        LAW,
    ),
]
Replicates = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="R",
        help="Samples that --null monte-carlo simulates.",
        rich_help_panel=LAW,
        show_default=str(REPLICATES),
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache", help="Do not keep simulated scores in the user's cache folder.", rich_help_panel=LAW
    ),
]
Permutations = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="R",
        help="Permute the labels of the pooled points this often, for a p-value.",
        rich_help_panel=LAW,
    ),
]
ScoreMetrics = Annotated[
    list[str],
    _choice(
        "--metric",
        [*METRICS, ALL],
        f"What to measure; may be given again, for a row each. {_abouts(METRICS)} {ALL}: every one of them.",
    ),
]
CompareMetrics = Annotated[
    list[str],
    _choice(
        "--metric",
        [*COMPARE_METRICS, ALL],
        "What to measure; may be given again, for a row each. "
        f"{_abouts(COMPARE_METRICS)} {ALL}: every one of them.",
    ),
]
Kernel = Annotated[
    str | None,
    _choice(
        "--kernel",
        KERNELS,
        f"Of mmd, summed over --scale, with C = 2D times each. {_abouts(KERNELS)}",
        METRIC,
        DEFAULTS["kernel"],
    ),
]
Scales = Annotated[
    list[float] | None,
    typer.Option(
        "--scale",
        metavar="S",
        help="Scale of the kernel; may be given again, to be summed over.",
        rich_help_panel=METRIC,
        show_default=", ".join(f"{scale:g}" for scale in DEFAULTS["scales"]),
    ),
]
Alpha = Annotated[float | None, _knob("Exponent of the rational-quadratic kernel.", f"{DEFAULTS['alpha']:g}")]
Beta = Annotated[
    float | None, _knob("Standard deviation of the weight of frequencies of bhep.", f"{DEFAULTS['beta']:g}")
]
Gamma = Annotated[float | None, _knob("Variance of the smoothing of cramer-wold.", "(4/(3n))^(2/5)")]
Directions = Annotated[
    int | None, _knob("Random directions of sliced metrics, by --seed.", str(DEFAULTS["directions"]))
]
Dataset = Annotated[
    str | None, typer.Option(help="Name of the array in a file that holds several.", rich_help_panel=READING)
]
Rows = Annotated[
    str | None,
    typer.Option(metavar="A:B", help="Rows A to B − 1, as in a Python slice.", rich_help_panel=READING),
]
Subsample = Annotated[
    int | None, typer.Option(min=1, help="Draw this many rows at random.", rich_help_panel=READING)
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random choice.", rich_help_panel=READING)]
Drop = Annotated[
    bool,
    typer.Option(
        "--drop-nonfinite", help="Leave out rows with NaN or infinity, and say so.", rich_help_panel=READING
    ),
]
Method = Annotated[str, _choice("--method", METHODS, _named("How pairs are summed.", METHODS), COMPUTING)]
Precision = Annotated[
    str, _choice("--precision", PRECISIONS, _named("Arithmetic of the sums.", PRECISIONS), COMPUTING)
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Number of threads; by default all.", rich_help_panel=COMPUTING)
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        metavar="R",
        help="Of --method sample: its standard error, in standard deviations of what N(0, I) scores.",
        rich_help_panel=COMPUTING,
        show_default=f"{TOLERANCE:g}",
    ),
]
Checkpoints = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Keep there what is done, every ten seconds: the same command goes on from it if it was killed. "
        "It is deleted at the end.",
        rich_help_panel=COMPUTING,
    ),
]
Format = Annotated[
    str,
    _choice("--format", ("auto", *FORMATS), "auto is a table on a terminal, TSV in a pipe.", OUTPUT),
]
SummaryFormat = Annotated[
    str,
    _choice(
        "--format",
        [name for name in ("auto", *FORMATS) if name != "value"],
        "auto is a table on a terminal.",
        OUTPUT,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the results there.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress bar and no notes.", rich_help_panel=OUTPUT)
]
FailAbove = Annotated[
    float | None,
    typer.Option(metavar="X", help="Exit with 1 if a value is above X.", rich_help_panel=OUTPUT),
]
FailZ = Annotated[
    float | None,
    typer.Option(
        metavar="Z",
        min=0,
        help="Exit with 1 if |z|, or z where a value cannot be too small, is above Z.",
        rich_help_panel=OUTPUT,
    ),
]
FailP = Annotated[
    float | None,
    typer.Option(
        metavar="P", min=0, max=1, help="Exit with 1 if a p-value is below P.", rich_help_panel=OUTPUT
    ),
]


SigmaOutput = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write σ there: PATH.npy, or PATH.h5::NAME beside what that file holds.",
        rich_help_panel=OUTPUT,
    ),
]
