"""No directory of an .npz makes gaedist open, unpack or allocate more than the file can hold.

Only members that are needed are opened. A member that cannot be read is refused by its name and does not hide
the others. Bombs and PyTorch files are refused in one line.
"""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gaedist import inspect
from gaedist.files.codes import read_latents

X = np.random.default_rng(0).normal(size=(1000, 4))


def npy(shape, payload=b"", descr="<f8"):
    """The bytes of an .npy with this header."""
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    text = repr(header).encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + payload


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


@pytest.fixture
def opened(monkeypatch):
    """Count how many members are opened."""
    names = []
    original = zipfile.ZipFile.open

    def counted(archive, info, *arguments, **options):
        names.append(info.filename)
        return original(archive, info, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    return names


def many(count):
    data = npy((2, 2), bytes(32))
    with zipfile.ZipFile("many.npz", "w") as archive:
        for k in range(count):
            archive.writestr(f"a{k}.npy", data)


def test_only_the_members_that_are_needed_are_opened(opened, refused):
    many(5000)
    opened.clear()
    assert read_latents("many.npz::a7").codes.shape == (2, 2)
    assert set(opened) == {"a7.npy"}
    opened.clear()
    assert len(inspect("many.npz::a4999")) == 1
    assert set(opened) == {"a4999.npy"}
    opened.clear()
    message = refused("many.npz")
    assert message.startswith("many.npz: 5000 arrays in this file; choose one with PATH::NAME or --dataset.")
    assert message.endswith("a9 (2 × 2 float64) and 4990 more.")
    assert len(opened) == 10
    assert refused("many.npz::b").endswith("a9 (2 × 2 float64) and 4990 more.")


def test_a_directory_that_is_too_long_is_not_read(refused, monkeypatch):
    many(300)
    monkeypatch.setattr("gaedist.files.zips._MAX_DIRECTORY", 10_000)
    assert refused("many.npz::a7") == (
        "many.npz: not a readable .npz file: its directory claims 16090 bytes, more than 10000."
    )


def test_members_that_share_bytes_are_refused(opened, refused):
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("a.npy", npy(X.shape, X.tobytes()))
    data = Path("x.npz").read_bytes()
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, count = data[directory:end], 60_000
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, count * len(entry), directory, 0)
    Path("x.npz").write_bytes(data[:directory] + count * entry + last)
    opened.clear()
    for name in ("x.npz", "x.npz::a"):
        assert refused(name) == (
            "x.npz: damaged: members of the .npz share bytes. Write it again with numpy.savez."
        )
    assert opened == []


def test_a_bomb_is_not_unpacked(refused):
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((2**20, 64), bytes(2**26), descr="|u1"))
    Path("x.npz").write_bytes(zeros.getvalue())
    tracemalloc.start()
    message = refused("x.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "x is not unpacked: its" in message
    assert message.endswith("write it again with numpy.savez, which does not pack.")
    assert peak < 20e6


def test_codes_that_collapsed_are_unpacked():
    np.savez_compressed("x.npz", np.zeros((200_000, 32)))
    assert read_latents("x.npz").codes.shape == (200_000, 32)


def test_a_member_of_the_same_name_twice(refused):
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("a.npy", npy((2, 2), bytes(32)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.npy", npy((2, 2), bytes(32)))
    assert refused("x.npz::a") == "x.npz: 2 arrays are named 'a'. Write the file again with one."


def test_a_flipped_bit_is_noticed(refused):
    for save in (np.savez, np.savez_compressed):
        save("x.npz", x=X)
        data = bytearray(Path("x.npz").read_bytes())
        data[len(data) // 2] ^= 1
        Path("x.npz").write_bytes(data)
        assert refused("x.npz").startswith("x.npz: damaged: the .npz cannot be unpacked (")
