"""What all commands do with their files: guard, read, name them in errors and notes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from gaedist.api.posterior import NONE, is_of_each_file, widths_of_second
from gaedist.cli.gates import Outcome
from gaedist.cli.help import command_for
from gaedist.cli.standard_streams import complain
from gaedist.engine import Cluster
from gaedist.errors import GaedistError
from gaedist.files.codes import Latents
from gaedist.files.hdf5_plugins import plugins_are_allowed
from gaedist.files.layouts import LAYOUTS, ShapeError
from gaedist.files.outputs import check_outputs
from gaedist.files.samples import Sample, samples, sources_of
from gaedist.files.sandbox import sandbox_in_use
from gaedist.files.selection import Selection
from gaedist.files.streams import is_pipe
from gaedist.files.transposed import MATLAB_NOTE
from gaedist.files.widths import width_name


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
    check_outputs(outputs, paths_of(inputs), stdout=output is None)


def paths_of(inputs: Sequence[str]) -> list[str]:
    """Return the files that names on the command line stand for, those in folders as well."""
    paths = []
    for name in inputs:
        try:
            paths += [source.path for source in sources_of(name, Selection())[2]]
        except GaedistError:  # which reading it reports
            paths.append(name)
    return paths


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


def samples_of(files: Sequence[str], selection: Selection, *, stack: bool) -> Iterator[Sample]:
    """Yield the samples that the files of a command stand for."""
    for file in files:
        for sample in samples(file, selection, stack=stack):
            others = [other for other in files if other != file]
            yield replace(sample, read=partial(_read, sample, file, others))


def _read(sample: Sample, file: str, others: Sequence[str]) -> Latents:
    """Read codes; an error about their shape shows the whole command to use for this file."""
    try:
        return sample.read()
    except GaedistError as error:
        cause: BaseException | None = error
        while cause and not isinstance(cause, ShapeError):
            cause = cause.__cause__
        if not isinstance(cause, ShapeError):
            raise
        command = command_for(file, sample.name if cause.count == 1 else file, others)
        advice = cause.advice("Use: ", f"{command} ")
        raise GaedistError(f"{str(error).removesuffix(str(cause))}{advice}") from error


def read_one(file: str, selection: Selection, outcome: Outcome, *, stack: bool) -> Latents:
    """Read the only sample that a file stands for; report arrays that cannot be joined with it.

    Raises
    ------
    GaedistError
        If it stands for several, or cannot be read.
    """
    found = list(islice(samples_of([file], selection, stack=stack), None if stack else 2))
    if len(found) > 1 and not stack:
        raise GaedistError(
            f"{file}: stands for several samples ({found[0].name}, {found[1].name}, …), and one is needed "
            "here. Name one, or join them by --stack."
        )
    for sample in found[:-1]:
        with outcome.reporting(sample.name):
            sample.read()
    return read(found[-1], outcome.quiet)


def source_of(latents: Latents, selection: Selection, end: str = "") -> dict[str, Any]:
    """Return the keys of a row that say what was read, and how; ``end`` is the end of their names."""
    found: dict[str, Any] = {"file": latents.file, "dataset": latents.dataset}
    if selection.rows:
        found["rows"] = ":".join("" if row is None else str(row) for row in selection.rows)
    if selection.subsample:
        found |= {"subsample": selection.subsample, "seed": selection.seed}
    if selection.transpose:
        found["transpose"] = True
    if arrangement := latents.arrangement:
        found["layout"] = arrangement.layout
        if LAYOUTS[str(arrangement.layout)].has_positions:
            found |= {"channels": arrangement.channels, "positions": arrangement.kept, "seed": latents.seed}
    if latents.stacked is not None:
        found["stack"] = latents.stacked
    return {f"{key}{end}": value for key, value in found.items()}


def read(sample: Sample, quiet: bool) -> Latents:
    """Read codes, and report how many rows were dropped, and what else their user should know."""
    latents = replace(sample.read(), disposable=True)
    if latents.arrangement and latents.arrangement.note and not quiet:
        complain(f"{latents.name}: {latents.arrangement.note}")
    if latents.stacked == 1 and not quiet:
        complain(f"{latents.name}: --stack found one array to join. Name a folder, or PATH::PATTERN.")
    if latents.dropped and not quiet:
        total = latents.dropped + len(latents.codes)
        complain(f"{latents.name}: dropped {latents.dropped} of {total} rows that are not finite.")
    if latents.is_transposed and not quiet:
        complain(f"{latents.name}: {MATLAB_NOTE}")
    return latents


def is_read_plainly() -> bool:
    """Tell whether files are read in this process, without plugins of HDF5."""
    return not (sandbox_in_use() or plugins_are_allowed())


def share(cluster: Cluster | None, selection: Selection, latents: Latents) -> None:
    """Let the workers of a cluster read codes themselves, if the user wants that.

    Codes that are not simply the rows of an array in a file are sent to them, and so are those of files that
    are read in a sandbox or with plugins, as workers do neither.
    """
    is_simple = latents.arrangement is None and latents.stacked is None and latents.widths is None
    if cluster and is_simple and is_read_plainly() and not is_pipe(latents.file):
        alone = replace(selection, dataset=None, width=None)
        cluster.share(latents.codes, latents.file, latents.dataset, alone)


def say_notes(names: str, notes: Sequence[str], quiet: bool) -> None:
    """Print each note on the codes once."""
    for note in () if quiet else dict.fromkeys(notes):
        complain(f"{names}: {note}")
