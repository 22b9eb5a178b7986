"""Of a pipe or standard input no more is read than the first bytes, the header and what it claims.

Standard input is read once. Paths that cannot name a file are refused in one line.
"""

import io
import os
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError, compare, inspect, score
from gaedist.files.arrays import split_name
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.files.streams import Pipe

X = np.random.default_rng(0).normal(size=(1000, 4))


class Endless(io.RawIOBase):
    """Some bytes, and zeros for ever; it counts what was read."""

    def __init__(self, start=b""):
        self.start, self.given = start, 0

    def readable(self):
        return True

    def read(self, size=-1):
        assert 0 <= size < 1e7
        self.given += size
        data, self.start = self.start[:size], self.start[size:]
        return data.ljust(size, b"\0")


def saved(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def standard_input(monkeypatch, stream):
    class Text:
        buffer = stream

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdin", Text())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("selection", [None, Selection(rows=(300, 400)), Selection(subsample=30)])
def test_no_more_is_read_than_the_header_claims(monkeypatch, order, selection):
    data = saved(np.asarray(X, order=order))
    stream = Endless(data)
    standard_input(monkeypatch, stream)
    Path("x.npy").write_bytes(data)
    np.testing.assert_array_equal(read_latents("-", selection).codes, read_latents("x.npy", selection).codes)
    assert stream.given <= len(data)


@pytest.mark.parametrize("start", [b"", b"\0" * 8, b"\x80\x04", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x09\x00"])
def test_endless_streams_are_refused_by_their_first_bytes(monkeypatch, refused, start):
    stream = Endless(start)
    standard_input(monkeypatch, stream)
    assert refused("-").startswith("-: ")
    assert stream.given <= 2**17


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_devices_are_refused(device, refused):
    assert refused(device).startswith(
        f"{device}: not an .npy, .npz, HDF5, safetensors, PyTorch, Parquet, CSV or TSV file: it "
    )


def test_a_pipe_that_ends_early(monkeypatch, refused):
    for order in "CF":
        standard_input(monkeypatch, io.BytesIO(saved(np.asarray(X, order=order))[:5000]))
        assert refused("-") == "-: cut short: its header claims 32000 bytes of data, but there are 4872."


def test_standard_input_is_read_once(monkeypatch, refused):
    standard_input(monkeypatch, io.BytesIO(saved(X)))
    assert len(read_latents("-").codes) == 1000
    assert refused("-") == "-: standard input can be read only once, and was read already. Name it once."
    standard_input(monkeypatch, io.BytesIO(saved(X)))
    with pytest.raises(GaedistError, match="standard input can be read only once"):
        compare("-", "-")


def test_a_pipe_with_arrays_that_are_not_read_in_order(monkeypatch, refused):
    np.savez("x.npz", a=X, b=X[:3])
    data = Path("x.npz").read_bytes()
    standard_input(monkeypatch, io.BytesIO(data))
    np.testing.assert_array_equal(read_latents("-::b").codes, X[:3])
    monkeypatch.setattr("gaedist.files.streams._MOST_PIPED", 1 << 20)
    standard_input(monkeypatch, Endless(b"PK\x03\x04"))
    assert "in a pipe. Write them to a file, and name that." in refused("-")


def test_a_named_pipe_is_read_as_it_comes():
    os.mkfifo("pipe")
    data = saved(X)

    def write():
        with Path("pipe").open("wb", buffering=0) as pipe:
            for k in range(0, len(data), 1000):
                pipe.write(data[k : k + 1000])

    writer = threading.Thread(target=write)
    writer.start()
    np.testing.assert_array_equal(read_latents("pipe").codes, X)
    writer.join()


def test_pipes_seek_forwards():
    pipe = Pipe(io.BytesIO(bytes(range(100))))
    assert pipe.peek(3) == b"\0\1\2"
    assert pipe.read(5) == bytes(range(5))
    assert pipe.seek(50) == 50
    assert pipe.read(2) == bytes([50, 51])
    assert pipe.seek(1000) == pipe.tell() == 100
    assert pipe.read(1) == b""


@pytest.mark.parametrize(
    "path", ["x" * 300, "x" * 5000, "x" * 300 + "::y", "a\0b", "a\0b::c", "", "::", "::x"]
)
def test_paths_that_cannot_name_a_file(path, refused):
    assert refused(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_without_permission(tmp_path, refused):
    (tmp_path / "closed").mkdir(mode=0)
    assert refused("closed/x.npy::y") == "closed/x.npy: Permission denied."


def test_a_folder_without_permission_does_not_end_the_command(monkeypatch):
    def denied(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gaedist.files.arrays.Path.exists", denied)
    assert split_name("closed/x.npy::y") == ("closed/x.npy", "y")


def test_the_next_file_is_scored(gaedist):
    np.save("x.npy", X)
    code, out, err = gaedist("score", "x" * 300 + "::y", "x.npy", "--format", "value")
    first, second = out.split()
    assert (code, first) == (2, "nan")  # which keeps its place
    assert float(second) > 0
    assert err.endswith("File name too long.\n")


def grown(path):
    with path.open("ab") as file:
        file.write(b"more")


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path):
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(bytes(8))


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.h5"])
@pytest.mark.parametrize("read", [inspect, read_latents, score])
@pytest.mark.parametrize("change", [grown, truncated, overwritten])
def test_a_file_that_is_written_to_while_it_is_read_is_refused(name, read, change, monkeypatch):
    if name == "x.h5":
        with h5py.File(name, "w") as file:
            file["x"] = X
    else:
        (np.save if name == "x.npy" else np.savez)(name, X)
    monkeypatch.setattr("gaedist.files.arrays.check_fits", lambda size: change(Path(name)))
    with pytest.raises(GaedistError, match=rf"^{name}: the file was written to while it was being read\."):
        read(Path(name) if read is score else name)


def test_a_file_that_is_replaced_or_removed_while_it_is_read_is_read_to_its_end(monkeypatch):
    np.save("x.npy", X)
    np.save("new.npy", X + 1)
    monkeypatch.setattr("gaedist.files.arrays.check_fits", lambda size: Path("new.npy").replace("x.npy"))
    np.testing.assert_array_equal(read_latents("x.npy").codes, X)
    monkeypatch.setattr("gaedist.files.arrays.check_fits", lambda size: Path("x.npy").unlink())
    np.testing.assert_array_equal(read_latents("x.npy").codes, X + 1)
