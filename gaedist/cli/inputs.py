"""What all commands do with their files: guard, read, name them in errors and notes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gaedist.cli.standard_streams import complain
from gaedist.engine import Cluster
from gaedist.errors import GaedistError
from gaedist.files.codes import Latents, Selection, parse_rows, read_latents
from gaedist.files.outputs import check_outputs
from gaedist.files.transposed import MATLAB_NOTE


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


def read(file: str, selection: Selection, quiet: bool, cluster: Cluster | None = None) -> Latents:
    """Read codes, which a cluster may read too, and report how many rows were dropped."""
    latents = read_latents(file, selection)
    share(cluster, selection, latents)
    if latents.dropped and not quiet:
        total = latents.dropped + len(latents.codes)
        complain(f"{latents.name}: dropped {latents.dropped} of {total} rows that are not finite.")
    if latents.is_transposed and not quiet:
        complain(f"{latents.name}: {MATLAB_NOTE}")
    return latents


def share(cluster: Cluster | None, selection: Selection, *samples: Latents) -> None:
    """Let the workers of a cluster read these codes themselves, if the user wants that."""
    for latents in samples:
        if cluster:
            cluster.share(latents.codes, latents.file, latents.dataset, selection)


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
