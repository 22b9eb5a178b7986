"""The command ``gaedist sample``: a sample of a prior, to compare codes with."""

import sys
from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gaedist.cli import options
from gaedist.cli.declare import option
from gaedist.cli.help import INPUT, OUTPUT
from gaedist.errors import DONE, GaedistError, OutputError
from gaedist.files.atomic import whole_file
from gaedist.files.outputs import check_outputs
from gaedist.mixtures.prior_files import read_prior
from gaedist.numerics import Array

Prior = Annotated[
    str,
    typer.Argument(
        metavar="PRIOR",
        help="An .npz or HDF5 with mean and cov, var or std; or weights, means, covs",
        rich_help_panel=INPUT,
    ),
]
Points = Annotated[
    int,
    option("--points", INPUT, "Number of points", "-n", metavar="N", min=1, show_default=False),
]
Dim = Annotated[
    int | None,
    option(
        "--dim",
        INPUT,
        "Dimension, of a prior that is one mean and one variance",
        metavar="D",
        min=1,
        show_default="as the prior",
    ),
]
Output = Annotated[
    Path | None,
    option("--output", OUTPUT, "Write to PATH.npy", "-o", metavar="FILE", show_default="a pipe"),
]


def sample(
    prior: Prior,
    points: Points,
    dim: Dim = None,
    seed: options.Seed = 0,
    hdf5_plugins: options.Plugins = False,
    sandbox: options.Sandbox = False,
    output: Output = None,
) -> int:
    """Run ``gaedist sample``."""
    if output is None and sys.stdout.isatty():
        raise GaedistError("a sample is an .npy. Write it to a file with -o PATH.npy, or to a pipe.")
    if output is not None and output.suffix.lower() != ".npy":
        raise GaedistError(f"{output}: a sample is an .npy. Name it PATH.npy.")
    check_outputs({"-o": output}, [prior], stdout=output is None)
    _write(read_prior(prior).sample(points, seed=seed, dim=dim), output)
    return DONE


def _write(codes: Array, output: Path | None) -> None:
    if output:
        with whole_file(output) as partial, partial.open("r+b") as stream:
            np.save(stream, codes)
        return
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(codes))
    try:
        sys.stdout.buffer.write(header.getvalue())
        sys.stdout.buffer.write(codes.data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"the sample cannot be written: {error.strerror or error}.") from error
