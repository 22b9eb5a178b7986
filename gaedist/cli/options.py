"""The arguments and options of the commands. Choices come from the registries."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gaedist.api.posterior import POSTERIORS
from gaedist.cli.cluster import ADDRESS
from gaedist.cli.declare import abouts, choice, entered, option
from gaedist.cli.help import COMPUTATION, DISTANCE, GATES, INPUT, OTHER_METRICS, OUTPUT, SIGNIFICANCE
from gaedist.engine import METHODS, PRECISIONS, TOLERANCE
from gaedist.files.formats import names_of_formats
from gaedist.files.hdf5_plugins import allow_plugins
from gaedist.files.layouts import CHANNELS, LAYOUTS, POSITIONS
from gaedist.files.sandbox import sandboxed
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.base import ALL, Metric
from gaedist.metrics.parameters import RATIONAL
from gaedist.metrics.registry import METRICS, ONE_SAMPLE, TWO_SAMPLE
from gaedist.metrics.significance import NULLS
from gaedist.mixtures.families import FAMILIES
from gaedist.mixtures.targets import ESTIMATORS, TARGETS
from gaedist.null.monte_carlo import REPLICATES
from gaedist.report.metrics import default_text
from gaedist.report.writers import FORMATS
from gaedist.smoothing.rules import JOINT, RULES

GAUSSIAN, ONE = ["gaussian"], ["1"]
"""Defaults of options that can be repeated."""

RULES_TEXT = "\n".join(["Rules for σ", *(f"{name}  {rule.about}" for name, rule in RULES.items())])
"""What each rule of ``--sigma`` does, for the end of a help text."""


def _metric(registry: Mapping[str, Metric], *, default: str | None = None) -> Any:
    """Return the option that chooses metrics."""
    text = f"{', '.join([*registry, ALL])}; repeatable; gaedist metrics explains them"
    return choice("--metric", DISTANCE, [*registry, ALL], text, default=default)


def _sigma(rules: Collection[str], text: str, end: str = "", *, default: str | None = None) -> Any:
    """Return the option that says where σ comes from."""
    return option(
        "--sigma",
        DISTANCE,
        f"{text}: {', '.join(rules)}{end}",
        metavar="S",
        show_default=default or True,
        autocompletion=lambda: list(rules),
    )


def _parameter(name: str, metavar: str, text: str) -> Any:
    """Return the option of a parameter of metrics that are not the Gaussian one."""
    return option(f"--{name}", OTHER_METRICS, text, metavar=metavar, show_default=default_text(name))


_FILE = (
    f"An {names_of_formats()} file, or a folder; PATH::DATASET or PATH::PATTERN in it; - for standard input"
)

Files = Annotated[list[str], typer.Argument(metavar="FILE", help=_FILE, rich_help_panel=INPUT)]
File = Annotated[str, typer.Argument(metavar="FILE", help=_FILE, rich_help_panel=INPUT)]
FileA = Annotated[str, typer.Argument(metavar="A", help=_FILE, rich_help_panel=INPUT)]
FileB = Annotated[
    str, typer.Argument(metavar="B", help="The same, for the other sample", rich_help_panel=INPUT)
]
MetricNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]",
        help="Metrics to explain; none lists all",
        rich_help_panel=INPUT,
        autocompletion=lambda: list(METRICS),
    ),
]
Dataset = Annotated[
    list[str] | None,
    option("--dataset", INPUT, "Array of a file that holds several, or pattern; repeatable", metavar="NAME"),
]
Stack = Annotated[
    bool, option("--stack", INPUT, "Join the arrays of each FILE to one sample; one axis: one point")
]
Layout = Annotated[
    str | None, choice("--layout", INPUT, LAYOUTS, abouts(LAYOUTS), default="two axes, as they are")
]
Channels = Annotated[
    str | None,
    choice(
        "--channels", INPUT, CHANNELS, "Of positions: first or last", default="first of 4 axes, last of 3"
    ),
]
Positions = Annotated[
    str | None,
    choice(
        "--positions",
        INPUT,
        POSITIONS,
        "1: a random one of each item; all: values without p-values",
        default=POSITIONS[0],
    ),
]
Rows = Annotated[str | None, option("--rows", INPUT, "Rows A to B − 1, as in a Python slice", metavar="A:B")]
Subsample = Annotated[int | None, option("--subsample", INPUT, "Draw N rows at random", metavar="N", min=1)]
Seed = Annotated[int, option("--seed", INPUT, "Seed of every random choice", metavar="N", min=0)]
Drop = Annotated[
    bool, option("--drop-nonfinite", INPUT, "Leave out rows with NaN or infinity, and report how many")
]
Transpose = Annotated[bool, option("--transpose", INPUT, "Exchange rows and columns, as MATLAB stores them")]
LogVar = Annotated[
    str | None,
    option(
        "--logvar",
        INPUT,
        "Codes are means of a VAE: their log-variances, an array or file",
        metavar="NAME|FILE",
    ),
]
Sd = Annotated[str | None, option("--sd", INPUT, "The same, as standard deviations", metavar="NAME|FILE")]
LogVarB = Annotated[
    str | None,
    option(
        "--logvar-b",
        INPUT,
        "Those of B; none: codes",
        metavar="NAME|FILE",
        show_default="the same NAME as of A",
    ),
]
SdB = Annotated[str | None, option("--sd-b", INPUT, "The same, as standard deviations", metavar="NAME|FILE")]
Posterior = Annotated[
    str,
    choice(
        "--posterior", INPUT, POSTERIORS, "; ".join(f"{name}: {about}" for name, about in POSTERIORS.items())
    ),
]
Plugins = Annotated[
    bool,
    option(
        "--hdf5-plugins",
        INPUT,
        "Let HDF5 load filters that are not built in",
        callback=entered(allow_plugins),
    ),
]
Sandbox = Annotated[
    bool,
    option(
        "--sandbox",
        INPUT,
        "Read untrusted files in another, limited process",
        callback=entered(sandboxed),
    ),
]
Prior = Annotated[
    str | None,
    option(
        "--prior",
        DISTANCE,
        "In place of N(0, I): an .npz or HDF5 with mean and cov, var or std; or weights, means, covs",
        metavar="FILE",
    ),
]
WhiteningPrior = Annotated[
    str | None,
    option(
        "--prior",
        DISTANCE,
        "Whiten both by it: an .npz or HDF5 with mean and cov, var or std",
        metavar="FILE",
    ),
]
GaussianPrior = Annotated[
    str | None,
    option(
        "--prior",
        DISTANCE,
        "In place of N(0, I): an .npz or HDF5 with mean and cov, var or std",
        metavar="FILE",
    ),
]

ScoreMetrics = Annotated[list[str] | None, _metric(ONE_SAMPLE, default="gaussian")]
CompareMetrics = Annotated[list[str], _metric(TWO_SAMPLE)]
Sigma = Annotated[str, _sigma(RULES, "A rule (below), number, or file of σ")]
_SIGMA = "σ of gaussian: number, file or rule (gaedist sigma --help)"
ScoreSigmas = Annotated[list[str] | None, _sigma(RULES, _SIGMA, "; repeatable", default="1")]
CompareSigmas = Annotated[list[str], _sigma([*RULES, JOINT], _SIGMA, "; repeatable")]
SigmaB = Annotated[
    str | None, option("--sigma-b", DISTANCE, "The same for B", metavar="S", show_default="as for A")
]
SigmaFactor = Annotated[
    float,
    option(
        "--sigma-factor",
        DISTANCE,
        f"{JOINT} minimises the distance over σ, each within this factor of its mean field",
        metavar="X",
    ),
]
Covariance = Annotated[
    str | None,
    choice(
        "--covariance",
        DISTANCE,
        FAMILIES,
        abouts(FAMILIES),
        default="narrowest that fits σ",
    ),
]
Target = Annotated[
    str | None,
    choice("--target", DISTANCE, TARGETS, abouts(TARGETS), default="normal"),
]
ScoreEstimator = Annotated[
    str | None,
    choice(
        "--estimator",
        DISTANCE,
        ESTIMATORS,
        f"{abouts(ESTIMATORS)}; u needs --target smoothed",
        default="v",
    ),
]
CompareEstimator = Annotated[
    str,
    choice(
        "--estimator",
        DISTANCE,
        ESTIMATORS,
        abouts(ESTIMATORS),
    ),
]

Null = Annotated[
    str,
    choice(
        "--null",
        SIGNIFICANCE,
        NULLS,
        "Null distribution: auto (closed-form, or simulated where that gives no p-value and takes about 10 s "
        "at most), closed-form, monte-carlo or none",
    ),
]
Replicates = Annotated[
    int | None,
    option(
        "--replicates",
        SIGNIFICANCE,
        "Samples that --null monte-carlo simulates",
        metavar="R",
        min=1,
        show_default=str(REPLICATES),
    ),
]
NoCache = Annotated[
    bool, option("--no-cache", SIGNIFICANCE, "Do not keep simulated values in the user's cache folder")
]
Permutations = Annotated[
    int,
    option(
        "--permutations",
        SIGNIFICANCE,
        "Randomly reassign the pooled codes to the two samples R times, for a p-value",
        metavar="R",
        min=0,
    ),
]

Kernel = Annotated[
    str | None,
    choice(
        "--kernel", OTHER_METRICS, KERNELS, f"Of mmd: {', '.join(KERNELS)}", default=default_text("kernel")
    ),
]
Scales = Annotated[
    list[float] | None,
    option(
        "--scale",
        OTHER_METRICS,
        "Scale of the kernel; repeatable: kernels are summed",
        metavar="X",
        show_default=default_text("scales"),
    ),
]
Alpha = Annotated[float | None, _parameter("alpha", "X", f"Exponent of the {RATIONAL} kernel")]
Beta = Annotated[float | None, _parameter("beta", "X", "Frequency scale of bhep, sliced-epps-pulley")]
Gamma = Annotated[float | None, _parameter("gamma", "X", "Smoothing variance of cramer-wold")]
Directions = Annotated[int | None, _parameter("directions", "K", "Random directions of sliced metrics")]

Method = Annotated[
    str,
    choice(
        "--method",
        COMPUTATION,
        METHODS,
        "; ".join(f"{name}: {about}" for name, about in METHODS.items()),
    ),
]
Tolerance = Annotated[
    float | None,
    option(
        "--tolerance",
        COMPUTATION,
        "Standard error of --method sample, in null standard deviations",
        metavar="X",
        show_default=f"{TOLERANCE:g}",
    ),
]
Precision = Annotated[
    str,
    choice(
        "--precision",
        COMPUTATION,
        PRECISIONS,
        "; ".join(f"{name}: {about}" for name, about in PRECISIONS.items()),
    ),
]
Device = Annotated[
    str | None,
    option(
        "--device",
        COMPUTATION,
        "Sums over pairs with one σ on a PyTorch device, such as cuda:0",
        metavar="NAME",
    ),
]
Threads = Annotated[
    int | None, option("--threads", COMPUTATION, "Number of threads", metavar="N", min=1, show_default="all")
]
Scheduler = Annotated[
    str | None,
    option(
        "--scheduler",
        COMPUTATION,
        "Address of a Dask scheduler, whose workers compute",
        metavar="ADDRESS",
        show_default=ADDRESS,
    ),
]
SchedulerFile = Annotated[
    Path | None,
    option("--scheduler-file", COMPUTATION, "The same, from a file that the scheduler wrote", metavar="FILE"),
]
SharedFiles = Annotated[
    bool, option("--shared-files", COMPUTATION, "Workers read FILE themselves, under the same path")
]
Checkpoints = Annotated[
    Path | None,
    option(
        "--checkpoint",
        COMPUTATION,
        "Save progress to FILE every 10 s; rerun the same command to resume",
        metavar="FILE",
    ),
]

Format = Annotated[
    str,
    choice(
        "--format",
        OUTPUT,
        ("auto", *FORMATS),
        f"{', '.join(FORMATS)}; auto: table on a terminal, tsv in a pipe",
    ),
]
_SUMMARIES = [name for name in FORMATS if name != "value"]
SummaryFormat = Annotated[
    str,
    choice(
        "--format",
        OUTPUT,
        ("auto", *_SUMMARIES),
        f"{', '.join(_SUMMARIES)}; auto: table on a terminal, tsv in a pipe",
    ),
]
Output = Annotated[Path | None, option("--output", OUTPUT, "Write the results to FILE", "-o", metavar="FILE")]
Plot = Annotated[
    Path | None,
    option("--plot", OUTPUT, "Draw the results to FILE.png, .svg or .pdf (extra plot)", metavar="FILE"),
]
Page = Annotated[
    Path | None,
    option("--report", OUTPUT, "Write a page of verdicts and pictures to FILE.html", metavar="FILE"),
]
SigmaOutput = Annotated[
    str | None,
    option(
        "--output", OUTPUT, "Write σ to PATH.npy, or add them as NAME to PATH.h5::NAME", "-o", metavar="FILE"
    ),
]
NoHeader = Annotated[bool, option("--no-header", OUTPUT, "No header in tsv and csv, as for xargs")]
Quiet = Annotated[bool, option("--quiet", OUTPUT, "No progress bar and no notes", "-q")]

FailAbove = Annotated[
    float | None, option("--fail-above", GATES, "Exit with 1 if a value is above X", metavar="X")
]
FailZ = Annotated[
    float | None,
    option("--fail-z", GATES, "Exit with 1 if |z| (z for one-sided metrics) is above Z", metavar="Z", min=0),
]
ScoreFailP = Annotated[
    float | None,
    option(
        "--fail-p",
        GATES,
        "Exit with 1 if p under N(0, I) is below P; of both default distances: twice the lesser (Bonferroni)",
        metavar="P",
        min=0,
        max=1,
    ),
]
FailEffect = Annotated[
    float | None,
    option(
        "--fail-effect",
        GATES,
        "Exit with 1 if codes are farther than a mean shift of E",
        metavar="E",
        min=0,
    ),
]
CompareFailP = Annotated[
    float | None,
    option(
        "--fail-p",
        GATES,
        "Exit with 1 if the p-value of --permutations is below P",
        metavar="P",
        min=0,
        max=1,
    ),
]
