"""The command line: parse, call one function of the library, print."""

import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

import gaedist
from gaedist.compare import METRICS as COMPARE_METRICS
from gaedist.covariances import FAMILIES, check_sigma
from gaedist.engine import METHODS, PRECISIONS, Run
from gaedist.errors import GaedistError
from gaedist.gates import ABOVE, BAD_INPUT, DONE, INTERRUPTED, Outcome, Z, complain
from gaedist.interrupts import heard_interrupts
from gaedist.latents import Latents, Selection, parse_rows, read_latents, split_name
from gaedist.null import NULLS
from gaedist.progress import progress_bar
from gaedist.report import FORMATS, Row, report
from gaedist.score import METRICS, TARGETS
from gaedist.streams import abandon_stdout, prepare_streams

app = typer.Typer(
    name="gaedist",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GAUSSIAN = ["gaussian"]
READING, COMPUTING, OUTPUT = "Which codes", "How it is computed", "Output and gates"


def _choice(name: str, choices: Collection[str], about: str, panel: str | None = None) -> Any:
    """Return an option whose choices are the keys of a registry."""

    def check(value: str | list[str]) -> str | list[str]:
        for item in [value] if isinstance(value, str) else value:
            if item not in choices:
                raise typer.BadParameter(f"{item!r} is not one of {', '.join(choices)}.")
        return value

    return typer.Option(
        name,
        metavar="|".join(choices),
        help=about,
        rich_help_panel=panel,
        callback=check,
        autocompletion=lambda: list(choices),
    )


def _check_sigma(sigma: float) -> float:
    try:
        return check_sigma(sigma)
    except GaedistError as error:
        raise typer.BadParameter(str(error)) from error


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
Sigma = Annotated[
    float,
    typer.Option(help="Standard deviation σ of the smoothing kernel.", callback=_check_sigma),
]
Covariance = Annotated[str, _choice("--covariance", FAMILIES, "Family of the kernel's covariances.")]
Target = Annotated[str, _choice("--target", TARGETS, "The prior to measure against.")]
Null = Annotated[str, _choice("--null", NULLS, "Where the score of N(0, I) itself comes from.")]
ScoreMetrics = Annotated[list[str], _choice("--metric", METRICS, "What to measure; may be given again.")]
CompareMetrics = Annotated[
    list[str], _choice("--metric", COMPARE_METRICS, "What to measure; may be given again.")
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
Method = Annotated[str, _choice("--method", METHODS, "How pairs are summed.", COMPUTING)]
Precision = Annotated[str, _choice("--precision", PRECISIONS, "Arithmetic of the sums.", COMPUTING)]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Number of threads; by default all.", rich_help_panel=COMPUTING)
]
Format = Annotated[
    str,
    _choice("--format", ("auto", *FORMATS), "auto is a table on a terminal, TSV in a pipe.", OUTPUT),
]
InspectFormat = Annotated[
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
    typer.Option(metavar="Z", min=0, help="Exit with 1 if a |z| is above Z.", rich_help_panel=OUTPUT),
]


@app.command()
def score(
    files: Files,
    sigma: Sigma = 1.0,
    covariance: Covariance = "constant",
    target: Target = "normal",
    metric: ScoreMetrics = _GAUSSIAN,
    null: Null = "auto",
    dataset: Dataset = None,
    rows: Rows = None,
    subsample: Subsample = None,
    seed: Seed = 0,
    drop_nonfinite: Drop = False,
    method: Method = "auto",
    precision: Precision = "double",
    threads: Threads = None,
    format_: Format = "auto",
    output: Output = None,
    quiet: Quiet = False,
    fail_above: FailAbove = None,
    fail_z: FailZ = None,
) -> int:
    """Score latent codes: how far are they from N(0, I), and is that more than chance?

    Example: gaedist score checkpoints/*.npy --fail-z 4
    """
    selection = Selection(dataset, parse_rows(rows), subsample, seed, drop_nonfinite)
    outcome = Outcome({ABOVE: fail_above, Z: fail_z}, quiet)
    with report(output, format_) as add:
        for file in files:
            with outcome.reporting(file):
                latents = _read(file, selection, quiet)
                for name in metric:
                    with progress_bar(latents.name, quiet=quiet) as progress:
                        result = gaedist.score(
                            latents.codes,
                            sigma=sigma,
                            covariance=covariance,
                            target=target,
                            metric=name,
                            null=null,
                            run=Run(threads, method, precision, progress),
                        )
                    add(Row({"file": latents.file, "dataset": latents.dataset}, result))
                    outcome.check(latents.name, result)
    return outcome.exit_code()


@app.command()
def compare(
    a: FileA,
    b: FileB,
    sigma: Sigma = 1.0,
    covariance: Covariance = "constant",
    metric: CompareMetrics = _GAUSSIAN,
    dataset: Dataset = None,
    rows: Rows = None,
    subsample: Subsample = None,
    seed: Seed = 0,
    drop_nonfinite: Drop = False,
    method: Method = "auto",
    precision: Precision = "double",
    threads: Threads = None,
    format_: Format = "auto",
    output: Output = None,
    quiet: Quiet = False,
) -> int:
    """Compare two samples: how far are their smoothed densities from each other?

    Example: gaedist compare codes.h5::train codes.h5::test
    """
    selection = Selection(dataset, parse_rows(rows), subsample, seed, drop_nonfinite)
    first, second = _read(a, selection, quiet), _read(b, selection, quiet)
    names = f"{first.name} and {second.name}"
    with report(output, format_) as add:
        for name in metric:
            with progress_bar(names, quiet=quiet) as progress, _about(names):
                result = gaedist.compare(
                    first.codes,
                    second.codes,
                    sigma=sigma,
                    covariance=covariance,
                    metric=name,
                    run=Run(threads, method, precision, progress),
                )
            source = {"file_a": first.file, "dataset_a": first.dataset}
            add(Row(source | {"file_b": second.file, "dataset_b": second.dataset}, result))
    return DONE


@app.command()
def inspect(
    files: Files,
    dataset: Dataset = None,
    format_: InspectFormat = "auto",
    output: Output = None,
) -> int:
    """Inspect files: the arrays inside, their first moments, and what is wrong with them.

    Example: gaedist inspect codes.h5
    """
    outcome = Outcome()
    with report(output, format_) as add:
        for file in files:
            with outcome.reporting(file):
                for found in gaedist.inspect(file, dataset=dataset):
                    add(Row({"file": split_name(file)[0]}, found))
    return outcome.exit_code()


def _read(file: str, selection: Selection, quiet: bool) -> Latents:
    """Read codes, and say how many rows were dropped."""
    latents = read_latents(file, selection)
    if latents.dropped and not quiet:
        total = latents.dropped + len(latents.codes)
        complain(f"{latents.name}: dropped {latents.dropped} of {total} rows that are not finite.")
    return latents


@contextmanager
def _about(names: str) -> Iterator[None]:
    """Put the names of the files before an error that knows only their codes."""
    try:
        yield
    except GaedistError as error:
        raise GaedistError(f"{names}: {error}") from error


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gaedist {gaedist.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Tell how far latent codes are from N(0, I), or from another sample, and whether that is real."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when `head` has seen enough
    try:
        prepare_streams()
        with heard_interrupts():
            code = app(arguments, prog_name="gaedist", standalone_mode=False)
            sys.stdout.flush()
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "gaedist")
        if message := error.format_message():  # none where the help was shown instead
            complain(f"{message} See '{command} --help'.")
        return BAD_INPUT
    except GaedistError as error:
        complain(str(error))
        return BAD_INPUT
    except OSError as error:
        abandon_stdout()
        complain(f"the results cannot be written: {error.strerror or error}.")
        return BAD_INPUT
    except MemoryError:
        complain("not enough memory. Use --rows or --subsample.")
        return BAD_INPUT
    if code == INTERRUPTED:
        complain("interrupted.")
    return int(code or DONE)
