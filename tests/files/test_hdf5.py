"""HDF5 files are listed with all names of their datasets, and never make gaedist read another file.

A dataset that cannot be read is refused by its name and does not hide the others; a file that cannot be
opened is cut short, open for writing, or damaged. A user block, as MATLAB writes it, is skipped.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist.files.codes import read_latents
from gaedist.files.hdf5 import is_sigma
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))


def no_reader_of(pipe):
    """Return whether nothing holds a named pipe open for reading."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return True
    return False


def test_no_other_file_is_read(refused):
    with h5py.File("other.h5", "w") as file:
        file["x"] = X
    X.tofile("other.bin")
    with h5py.File("x.h5", "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "/x")
        file["group"] = h5py.ExternalLink("other.h5", "/")
        file.create_dataset("outside", shape=X.shape, dtype="f8", external=[("other.bin", 0, X.nbytes)])
        layout = h5py.VirtualLayout(shape=X.shape, dtype="f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", shape=X.shape)
        file.create_virtual_dataset("virtual", layout)
    assert refused("x.h5::linked") == "x.h5: linked is an external link to other.h5, which is not followed."
    assert refused("x.h5::group/x").startswith("x.h5: no array 'group/x' in this file")
    assert refused("x.h5::outside") == "x.h5: outside is stored in an external file, which is not read."
    assert "virtual is a virtual dataset, which is not followed" in refused("x.h5::virtual")


UNLIMITED = (h5py.h5s.UNLIMITED, 4)


def virtual(file, name, source, stride):
    """Create a virtual dataset whose extent HDF5 finds only in its source."""
    ours, theirs = h5py.h5s.create_simple((10, 4), UNLIMITED), h5py.h5s.create_simple((10, 4), UNLIMITED)
    ours.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), stride=stride, block=stride)
    if source.endswith(b"%b"):
        theirs = h5py.h5s.create_simple((10, 4))
    else:
        theirs.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), stride=stride, block=stride)
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_virtual(ours, source, b"x", theirs)
    extent = h5py.h5s.create_simple((10, 4), UNLIMITED)
    h5py.h5d.create(file.id, name, h5py.h5t.NATIVE_DOUBLE, extent, settings)


def test_no_source_of_any_kind_is_opened(gaedist):
    """The sources are pipes: opening one for reading would wait for a writer."""
    for name in ("pipe", "pipe0"):
        os.mkfifo(name)
    with h5py.File("x.h5", "w", libver="latest") as file:
        virtual(file, b"unlimited", b"pipe", (1, 4))
        virtual(file, b"printf", b"pipe%b", (10, 4))
        layout = h5py.VirtualLayout(shape=X.shape, dtype="f8")
        layout[:] = h5py.VirtualSource("pipe", "x", shape=X.shape)
        file.create_virtual_dataset("fixed", layout)
        file.create_dataset("outside", shape=(10, 4), dtype="f8", external=[("pipe", 0, 320)])
        file["linked"] = h5py.ExternalLink("pipe", "/x")
        file["good"] = X
    command = [sys.executable, "-m", "gaedist", "inspect", "x.h5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert [line.split("\t")[1] for line in done.stdout.splitlines()[1:]] == [
        "fixed", "good", "linked", "outside", "printf", "unlimited",
    ]  # fmt: skip
    for name in ("fixed", "printf", "unlimited"):
        assert "is a virtual dataset" in gaedist("score", f"x.h5::{name}")[2]


def test_one_damaged_dataset_does_not_hide_the_others(refused):
    with h5py.File("x.h5", "w") as file:
        file["good"] = X
        file["bad"] = X
        address = h5py.h5o.get_info(file["bad"].id).addr
    data = bytearray(Path("x.h5").read_bytes())
    data[address : address + 16] = bytes(16)
    Path("x.h5").write_bytes(data)
    assert len(read_latents("x.h5::good").codes) == 1000
    assert refused("x.h5::bad").startswith("x.h5: bad is damaged (")


@pytest.mark.parametrize("block", [512, 1024, 2048, 1 << 20])
def test_a_user_block_is_skipped(block):
    with h5py.File("x.mat", "w", userblock_size=block) as file:
        file["x"] = X
        file.create_dataset("packed", data=X, chunks=(100, 4), compression="gzip", shuffle=True)
    with Path("x.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    for name in ("x", "packed"):
        np.testing.assert_array_equal(read_latents(f"x.mat::{name}").codes, X)


def test_a_user_block_without_hdf5_is_no_hdf5(refused):
    Path("x.mat").write_bytes(b"MATLAB 5.0" + bytes(5000))
    assert refused("x.mat") == ("x.mat: a MATLAB file before v7.3. Save it in MATLAB with -v7.3.")


def test_arrays_of_matlab_are_reported_as_transposed(gaedist):
    with h5py.File("x.mat", "w", userblock_size=512) as file:
        file["x"] = X[:50].T
        file["x"].attrs["MATLAB_class"] = np.bytes_("double")
    for command in ("score", "sigma"):
        err = gaedist(command, "x.mat")[2]
        assert "x.mat::x: MATLAB stores arrays transposed: with --transpose, columns are points." in err
        assert gaedist(command, "x.mat", "-q")[0] == 0
        code, _, err = gaedist(command, "x.mat", "--transpose")
        assert (code, "MATLAB" in err) == (0, False)
    np.save("x.npy", X[:50])
    assert "MATLAB stores arrays transposed" in gaedist("inspect", "x.mat", "--format", "json")[1]
    same = gaedist("score", "x.mat", "--transpose", "--format", "value")[1]
    assert same == gaedist("score", "x.npy", "--format", "value")[1]
    code, out, _ = gaedist("compare", "x.mat", "x.mat", "--transpose", "--format", "json")
    assert (code, '"n_a": 50' in out or '"n": 50' in out) == (0, True)
    assert read_latents("x.mat").is_transposed
    assert not read_latents("x.mat", Selection(transpose=True)).is_transposed


def test_a_file_cut_short(refused):
    with h5py.File("x.h5", "w") as file:
        file["x"] = X
    size = Path("x.h5").stat().st_size
    os.truncate("x.h5", 5000)
    assert refused("x.h5") == (
        f"x.h5: cut short: it has 5000 of {size} bytes. Copy it again, or wait until it is complete."
    )


def test_a_file_that_is_being_written(refused):
    script = (
        "import h5py, time; f = h5py.File('x.h5', 'w'); f['x'] = [[1.0]]; f.flush(); print(flush=True); "
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        locked = refused("x.h5")
        writer.kill()
    assert locked == "x.h5: another process has the file open for writing. Wait until it is closed."


def test_a_file_whose_writer_was_killed(refused):
    script = "import h5py, os; f = h5py.File('x.h5', 'w', libver='latest'); f['x'] = [[1.0]]; f.flush(); "
    script += "os._exit(0)"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert refused("x.h5").startswith(
        "x.h5: marked as open for writing. Wait until it is closed; if its writer"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(refused):
    with h5py.File("x.h5", "w") as file:
        file["x"] = X
    Path("x.h5").chmod(0)
    assert refused("x.h5") == "x.h5: Permission denied."


def test_only_a_short_string_marks_sigma():
    others = [np.arange(3), np.bytes_(b"x" * 60_000), h5py.Empty("f8"), 7, ["sigma"], np.bytes_("sigmas")]
    marks = ["sigma", np.bytes_("sigma")]
    with h5py.File("x.h5", "w") as file:
        for k, mark in enumerate([*others, *marks]):
            file[f"x{k}"] = X[:10]
            file[f"x{k}"].attrs["gaedist"] = mark
        found = [is_sigma(file[f"x{k}"]) for k in range(len(others) + len(marks))]
    assert found == [False] * len(others) + [True] * len(marks)
    assert len(read_latents("x.h5::x0").codes) == 10


def test_a_large_mark_is_not_read():
    with h5py.File("x.h5", "w", libver="latest") as file:
        file["x"] = X
        file["x"].attrs["gaedist"] = np.zeros(1 << 26, "u1")
    began = time.process_time()
    assert read_latents("x.h5").dataset == "x"
    assert time.process_time() - began < 60
