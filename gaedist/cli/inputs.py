"""What all commands do with their files: guard, read, name them in errors and notes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gaedist.cli.standard_streams import complain
from gaedist.errors import GaedistError
from gaedist.files.codes import Latents, Selection, parse_rows, read_latents
from gaedist.files.outputs import check_outputs
from gaedist.files.transposed import MATLAB_NOTE


def check_files(
    output: Path | None,
    checkpoint: Path | None,
    inputs: Sequence[str],
    *,
    plot: Path | None = None,
    page: Path | None = None,
) -> None:
    """Raise `GaedistError` if something that is written would overwrite an input, or another output."""
    outputs = {"-o": output, "--checkpoint": checkpoint, "--plot": plot, "--report": page}
    check_outputs(outputs, inputs, stdout=output is None)


def selected(
    dataset: str | None,
    rows: str | None,
    subsample: int | None,
    seed: int,
    drop_nonfinite: bool,
    transpose: bool,
) -> Selection:
    """Return what the options of a command select of each file."""
    return Selection(
        dataset=dataset,
        rows=parse_rows(rows),
        subsample=subsample,
        seed=seed,
        drop_nonfinite=drop_nonfinite,
        transpose=transpose,
    )


def read(file: str, selection: Selection, quiet: bool) -> Latents:
    """Read codes, and report how many rows were dropped."""
    latents = read_latents(file, selection)
    if latents.dropped and not quiet:
        total = latents.dropped + len(latents.codes)
        complain(f"{latents.name}: dropped {latents.dropped} of {total} rows that are not finite.")
    if latents.is_transposed and not quiet:
        complain(f"{latents.name}: {MATLAB_NOTE}")
    return latents


def say_notes(names: str, notes: Sequence[str], quiet: bool) -> None:
    """Print each note on the codes once."""
    for note in () if quiet else dict.fromkeys(notes):
        complain(f"{names}: {note}")


@contextmanager
def about(names: str) -> Iterator[None]:
    """Put the names of the files in front of an error about their codes."""
    try:
        yield
    except GaedistError as error:
        raise GaedistError(f"{names}: {error}") from error
