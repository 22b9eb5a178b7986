"""Nothing is unpickled, and no header of an .npy or .npz makes gaedist allocate more than the file can hold.

An array that cannot be read is refused by its name and does not hide the others.
"""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gaedist.files.codes import read_latents

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


def test_npz_that_claims_more_than_deflate_can_pack(refused):
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((10, 10), bytes(800)))
    data = bytearray(Path("x.npz").read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 2**31)
    Path("x.npz").write_bytes(data)
    assert "claims 2147483648 bytes" in refused("x.npz")


def test_npz_with_names_that_are_not_text(refused):
    np.savez("x.npz", é=X)
    data = Path("x.npz").read_bytes()
    assert "é".encode() in data
    Path("x.npz").write_bytes(data.replace("é".encode(), b"\xff\xfe"))
    assert refused("x.npz").startswith("x.npz: not a readable .npz file")


def test_npz_in_ways_that_numpy_does_not_write(refused):
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy((10, 10), bytes(800)))
    assert "compressed by a method" in refused("x.npz")
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert refused("x.npz") == "x.npz: no 2-D array in this file. It holds: no arrays."


def test_one_damaged_array_does_not_hide_the_others(refused):
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("good.npy", npy((2, 2), bytes(32)))
        archive.writestr("torn.npy", npy((2, 2), bytes(31)))
        archive.writestr("junk.npy", b"junk")
        archive.writestr("new.npy", b"\x93NUMPY\x03\x00" + bytes(100))
    assert len(read_latents("x.npz::good").codes) == 2
    assert "torn is cut short" in refused("x.npz::torn")
    assert "junk is damaged" in refused("x.npz::junk")
    assert "new is an .npy of version (3, 0)" in refused("x.npz::new")
