"""An array is found by any of its names, in a file, a pipe or standard input, or is the only one possible.

Files that are missing, of another format, cut short or overwritten are refused in one line that names them.
"""

import contextlib
import io
import os
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))


def test_names_of_files_and_arrays(refused):
    np.save("x.npy", X)
    np.save("odd::name.npy", X[:5])
    np.savez("x.npz", a=X, b=X[:3], c=X[0])
    with h5py.File("x.h5", "w") as file:
        file["run/codes"] = X
        file["run/step"] = 7
        file["run/best"] = h5py.SoftLink("codes")
        file["latest"] = h5py.SoftLink("/run/codes")
        file["again"] = file["run/codes"]
        file["run/loop"] = file["run"]
    assert (read_latents("x.npy").file, read_latents("x.npy").dataset) == ("x.npy", None)
    assert len(read_latents("odd::name.npy").codes) == 5
    assert len(read_latents("x.npz::b").codes) == 3
    assert len(read_latents("x.npz", Selection(dataset="b")).codes) == 3
    only = read_latents("x.h5")
    assert (only.name, only.dataset, len(only.codes)) == ("x.h5::again", "again", 1000)
    for name in ("run/codes", "/run/codes", "run/best", "latest", "again"):
        assert len(read_latents(f"x.h5::{name}").codes) == 1000
    assert refused("x.npz") == (
        "x.npz: several 2-D arrays; choose one with PATH::NAME or --dataset. "
        "The file holds: a (1000 × 4 float64), b (3 × 4 float64), c (4 float64)."
    )
    assert refused("x.npy", Selection(dataset="None")).startswith("x.npy: no array 'None' in this file")
    assert refused("x.npz::d").startswith("x.npz: no array 'd' in this file. It holds: a (1000")
    assert refused("x.h5::run").startswith("x.h5: no array 'run' in this file")
    assert refused("x.npz::c") == (
        "x.npz: c has 1 axis; latent codes have two, (points, dimensions). Add --layout vectors "
        "(4 points of 1 dimension) or --stack (1 point of 4 dimensions)."
    )


def test_standard_input_and_pipes(monkeypatch):
    np.save("x.npy", X)
    np.savez("x.npz", X)
    with h5py.File("x.h5", "w") as file:
        file["x"] = X
    os.mkfifo("pipe")
    for name in ("x.npy", "x.npz", "x.h5"):
        data = Path(name).read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        np.testing.assert_array_equal(read_latents("-").codes, X)
        writer = threading.Thread(target=Path("pipe").write_bytes, args=(data,))
        writer.start()
        np.testing.assert_array_equal(read_latents("pipe").codes, X)
        writer.join()


def test_files_that_cannot_be_read(refused):
    Path("folder").mkdir()
    assert refused("none.npy") == "none.npy: No such file or directory."
    assert refused("folder") == "folder: Is a directory."
    for data in (b"", b"x", os.urandom(1000), b"\n" * 10):
        for name in ("x.npy", "x.npz", "x.h5", "-"):
            Path(name).write_bytes(data)
            assert (
                "x.npy: not an .npy, .npz, HDF5, safetensors, PyTorch, Parquet, CSV or TSV file: it "
                in refused("x.npy")
            )


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "packed.npz", "x.h5", "packed.h5"])
def test_files_cut_short_or_overwritten(name, every, refused):
    np.save("x.npy", X)
    np.savez("x.npz", X)
    np.savez_compressed("packed.npz", X)
    for path, options in (("x.h5", {}), ("packed.h5", {"chunks": (10, 4), "compression": "gzip"})):
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=X, **options)
    data = Path(name).read_bytes()
    rng = np.random.default_rng(1)
    lengths = [*range(0, 300, 7), *rng.integers(300, len(data), 60)]
    starts = [*range(8, 200, 5), *rng.integers(200, len(data), 60)]
    for length in [*lengths[::every], len(data) - 1]:
        Path(name).write_bytes(data[:length])
        assert refused(name).startswith(f"{name}: ")
    for start in starts[::every]:
        Path(name).write_bytes(data[:start] + os.urandom(40) + data[start + 40 :])
        with contextlib.suppress(GaedistError):
            read_latents(name)
