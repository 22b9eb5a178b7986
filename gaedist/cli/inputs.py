"""What all commands do with their files: guard, read, name them in errors and notes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gaedist.api.posterior import NONE, is_of_each_file, widths_of_second
from gaedist.cli.standard_streams import complain
from gaedist.errors import GaedistError
from gaedist.files.codes import Latents, Selection, parse_rows, read_latents
from gaedist.files.outputs import check_outputs
from gaedist.files.transposed import MATLAB_NOTE
from gaedist.files.widths import width_name


def check_files(output: Path | None, checkpoint: Path | None, inputs: Sequence[str]) -> None:
    """Raise `GaedistError` if results or the checkpoint would overwrite an input, or each other."""
    check_outputs({"-o": output, "--checkpoint": checkpoint}, inputs, stdout=output is None)


def selected(
    dataset: str | None,
    rows: str | None,
    subsample: int | None,
    seed: int,
    drop_nonfinite: bool,
    transpose: bool,
    logvar: str | None = None,
    sd: str | None = None,
) -> Selection:
    """Return what the options of a command select of each file."""
    return Selection(
        dataset=dataset,
        rows=parse_rows(rows),
        subsample=subsample,
        seed=seed,
        drop_nonfinite=drop_nonfinite,
        transpose=transpose,
        width=width_name(logvar, sd),
    )


def selected_of_second(selection: Selection, logvar_b: str | None, sd_b: str | None) -> Selection:
    """Return what to select of the second file, whose widths have the name of the first's by default."""
    first = selection.width
    if logvar_b is None and sd_b is None:
        if first is None:
            return selection
        widths_of_second(**{first.kind: first.name})
        hint = f" Give --{first.kind}-b NAME|FILE, or --{first.kind}-b {NONE} if B is no posterior."
        return replace(selection, width=replace(first, hint=hint))
    width = width_name(logvar_b, sd_b, "-b")
    return replace(selection, width=None if width and width.name == NONE else width)


def width_files(*names: str | None) -> list[str]:
    """Return those names of widths that are files."""
    return [name for name in names if name and not is_of_each_file(name)]


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
