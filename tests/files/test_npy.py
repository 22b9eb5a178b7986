"""Nothing is unpickled, and no header of an .npy makes gaedist allocate or read more than the file can hold.

Arrays in the order of Fortran are read in blocks, with any number of axes, rows and columns.
"""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gaedist.files.arrays import open_arrays
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.smoothing.files import read_sigma

X = np.random.default_rng(0).normal(size=(1000, 4))


def npy(shape, payload=b"", **overrides):
    """The bytes of an .npy with this header."""
    header = {"descr": "<f8", "fortran_order": False, "shape": shape} | overrides
    text = repr(header).encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + payload


def test_objects_are_never_unpickled(capfd, refused):
    class Bomb:
        def __reduce__(self):
            return print, ("unpickled",)

    np.save("x.npy", np.array([[Bomb(), 1]], dtype=object))
    np.savez("x.npz", np.array([[Bomb(), 1]], dtype=object))
    for name in ("x.npy", "x.npz"):
        assert "an object array, which is never unpickled" in refused(name)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "data",
    [
        npy((10**12, 64)),
        npy((10**12, 64), fortran_order=True),
        npy((2, 2), bytes(31)),
        npy((10**30, 10**30)),
        npy((-1, 8), bytes(64)),
        npy((2, 2), bytes(32), descr="nonsense"),
        npy((2, 2), bytes(32), descr="|O"),
        npy((2, 2), bytes(32), extra=1),
        npy("(2, 2)", bytes(32)),
        b"\x93NUMPY\x03\x00" + bytes(100),
        b"\x93NUMPY\x09\x00" + bytes(100),
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70000,
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(" * 70000,
        b"\x93NUMPY\x02\x00\x01\x00\x01\x00" + b"(" * 70000,
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x02\x00\x00\x00",
    ],
)
def test_headers_that_claim_what_the_file_does_not_hold(data, refused):
    Path("x.npy").write_bytes(data)
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for name in ("x.npy", "x.npz"):
        message = refused(name)
        assert any(word in message for word in ("cut short", "damaged", "negative", "unpickled", "version"))


@pytest.mark.parametrize("shape", ["(0x" + 6000 * "f" + ", 3)", "(0x" + 6000 * "f" + ", 0)", "(True, 3)"])
def test_headers_with_impossible_lengths(shape, refused):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    Path("x.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text)
    assert refused("x.npy").startswith("x.npy: damaged")


def test_a_long_header_is_refused_before_it_is_read(refused):
    with Path("x.npy").open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1))
        file.truncate(2**32)
    tracemalloc.start()
    assert refused("x.npy") == (
        "x.npy: damaged: the header of the .npy claims 4294967295 bytes, more than 65536."
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


@pytest.mark.parametrize("shape", [(2, 3000), (3000, 2), (1, 1), (300, 7), (64, 64), (5, 1000)])
@pytest.mark.parametrize("block", [8, 100, 1000, 100_000])
def test_fortran_order_gives_the_same_codes(shape, block, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", block)
    x = np.random.default_rng(0).normal(size=shape)
    np.save("c.npy", x)
    np.save("f.npy", np.asfortranarray(x))
    with zipfile.ZipFile("f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write("f.npy")
    n = len(x)
    for selection in (None, Selection(rows=(n // 3, n // 3 + 1)), Selection(subsample=max(1, n // 4))):
        expected = read_latents("c.npy", selection).codes
        for name in ("f.npy", "f.npz"):
            np.testing.assert_array_equal(read_latents(name, selection).codes, expected)


@pytest.mark.parametrize("shape", [(5,), (5, 3, 3), (4, 2, 3)])
@pytest.mark.parametrize("block", [8, 100, 100_000])
def test_fortran_order_with_any_number_of_axes(shape, block, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", block)
    x = np.random.default_rng(0).normal(size=shape)
    np.save("f.npy", np.asfortranarray(x))
    np.testing.assert_array_equal(read_sigma("f.npy"), x)


def test_many_columns_in_fortran_order_are_few_blocks():
    np.save("f.npy", np.asfortranarray(np.zeros((2, 200_000))))
    with open_arrays("f.npy") as arrays:
        assert len(list(arrays[0].described().blocks(0, 2))) == 1
