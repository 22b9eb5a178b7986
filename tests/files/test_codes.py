import contextlib
import io
import os
import struct
import sys
import threading
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.codes import Selection, parse_rows, read_latents

X = np.random.default_rng(0).normal(size=(1000, 4))


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(name, selection=None):
    with pytest.raises(GaedistError) as caught:
        read_latents(str(name), selection)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "g", "i1", "i8", "u2"])
def test_every_type_and_order_in_every_format(dtype, order):
    x = np.array((10 * X).astype(dtype), order=order)
    np.save("x.npy", x)
    np.savez("x.npz", x)
    np.savez_compressed("packed.npz", x=x)
    with h5py.File("x.h5", "w") as file:
        file["codes/x"] = x
        file.create_dataset("packed", data=x, chunks=(100, 3), compression="gzip")
    expected = x.astype(float)
    for name in ("x.npy", "x.npz", "packed.npz", "x.h5::codes/x", "x.h5::/packed"):
        for rows in (None, (100, 900), (None, 1), (-5, None)):
            for subsample in (None, 1, 50, 10**6):
                latents = read_latents(name, Selection(rows=rows, subsample=subsample, seed=3))
                codes, part = latents.codes, expected[slice(*rows or (None,))]
                assert codes.dtype == np.float64
                assert codes.flags.c_contiguous
                if subsample in (None, 10**6):
                    np.testing.assert_array_equal(codes, part)
                else:
                    picked = np.random.default_rng(3).choice(
                        len(part), min(subsample, len(part)), replace=False
                    )
                    np.testing.assert_array_equal(codes, part[np.sort(picked)])


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_larger_than_a_block(order, monkeypatch):
    monkeypatch.setattr("gaedist.files.npy.BLOCK_BYTES", 1000)
    np.save("x.npy", np.array(X, order=order))
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=X, chunks=(70, 4))
    for name in ("x.npy", "x.h5"):
        np.testing.assert_array_equal(read_latents(name).codes, X)
        np.testing.assert_array_equal(read_latents(name, Selection(rows=(33, 901))).codes, X[33:901])


def test_names():
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
        "x.npz: several 2-D arrays; name one as PATH::NAME or with --dataset. "
        "It holds: a (1000 × 4 float64), b (3 × 4 float64), c (4 float64)."
    )
    assert refused("x.npy", Selection(dataset="None")).startswith("x.npy: no array 'None' in it")
    assert refused("x.npz::d").startswith("x.npz: no array 'd' in it. It holds: a (1000")
    assert refused("x.h5::run").startswith("x.h5: no array 'run' in it")
    assert refused("x.npz::c") == (
        "x.npz: c is an array with 1 axes; latent codes have two, (points, dimensions)."
    )


def test_pipes(monkeypatch):
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


def test_rows():
    np.save("x.npy", X)
    assert parse_rows("3:7") == (3, 7)
    assert parse_rows(":") == (None, None)
    assert parse_rows(None) is None
    for text in ("3", "a:b", "1:2:3", "1.5:2", ""):
        with pytest.raises(GaedistError, match="--rows must be A:B with whole numbers"):
            parse_rows(text)
    assert refused("x.npy", Selection(rows=(7, 7))) == "x.npy: rows 7:7 select nothing of its 1000 rows."
    assert refused("x.npy", Selection(rows=(2000, None))).endswith("select nothing of its 1000 rows.")


def test_rows_that_are_not_finite():
    x = X.copy()
    x[17, 3] = np.nan
    x[[40, 50], 0] = np.inf, -np.inf
    x[60, 1] = 1e200
    np.save("x.npy", x)
    assert refused("x.npy") == (
        "x.npy: row 17 has nan in column 3; 4 of 1000 rows are not finite. Drop them with --drop-nonfinite."
    )
    assert refused("x.npy", Selection(rows=(30, 60))).startswith("x.npy: row 40 has inf in column 0; 2 of 30")
    assert refused("x.npy", Selection(rows=(55, 65))).startswith(
        "x.npy: row 60 has 1e+200 in column 1; 1 of 10"
    )
    latents = read_latents("x.npy", Selection(drop_nonfinite=True))
    assert latents.dropped == 4
    np.testing.assert_array_equal(latents.codes, np.delete(X, [17, 40, 50, 60], axis=0))
    for bad in ([0], [999], [0, 1, 2, 997, 999], range(0, 1000, 2), range(500, 1000)):
        x = X.copy()
        x[bad, 1] = np.nan
        np.save("x.npy", x)
        kept = read_latents("x.npy", Selection(drop_nonfinite=True)).codes
        np.testing.assert_array_equal(kept, np.delete(X, bad, axis=0))
        assert kept.flags.c_contiguous
    np.save("x.npy", np.full((3, 2), np.nan))
    assert refused("x.npy", Selection(drop_nonfinite=True)) == "x.npy: none of its 3 rows is finite."


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array(1.0), "0 axes"),
        (np.zeros(3), "1 axes"),
        (np.zeros((2, 3, 4)), "3 axes"),
        (np.zeros((0, 4)), "empty: 0 points of 4 dimensions"),
        (np.zeros((4, 0)), "empty: 4 points of 0 dimensions"),
        (np.zeros((4, 2), complex), "complex"),
        (np.zeros((4, 2), "S3"), r"of type \|S3; latent codes are real numbers"),
        (np.zeros((4, 2), "U3"), "latent codes are real numbers"),
        (np.zeros((4, 2), bool), "of type bool"),
        (np.zeros((4, 2), "M8[s]"), "latent codes are real numbers"),
        (np.zeros(4, [("a", float), ("b", float)]), "structured"),
    ],
)
def test_arrays_that_hold_no_codes(array, message):
    np.save("x.npy", array)
    np.savez("x.npz", array)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(GaedistError, match=f"^{name}: .*{message}"):
            read_latents(name)
    if array.dtype.kind not in "UM":
        with h5py.File("x.h5", "w") as file:
            file["x"] = array
        with pytest.raises(GaedistError, match=f"^x.h5: .*{message}"):
            read_latents("x.h5")


def test_objects_are_never_unpickled(capfd):
    class Bomb:
        def __reduce__(self):
            return print, ("unpickled",)

    np.save("x.npy", np.array([[Bomb(), 1]], dtype=object))
    np.savez("x.npz", np.array([[Bomb(), 1]], dtype=object))
    for name in ("x.npy", "x.npz"):
        assert "an object array, which is never unpickled" in refused(name)
    assert capfd.readouterr().out == ""


def test_files_that_are_none():
    Path("folder").mkdir()
    assert refused("none.npy") == "none.npy: No such file or directory."
    assert refused("folder") == "folder: Is a directory."
    for data in (b"", b"x", os.urandom(1000), b"\n" * 10):
        for name in ("x.npy", "x.npz", "x.h5", "-"):
            Path(name).write_bytes(data)
            assert "x.npy: not an .npy, .npz or HDF5 file: it " in refused("x.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "packed.npz", "x.h5", "packed.h5"])
def test_files_cut_short_or_overwritten(name):
    np.save("x.npy", X)
    np.savez("x.npz", X)
    np.savez_compressed("packed.npz", X)
    for path, options in (("x.h5", {}), ("packed.h5", {"chunks": (10, 4), "compression": "gzip"})):
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=X, **options)
    data = Path(name).read_bytes()
    rng = np.random.default_rng(1)
    for length in [*range(0, 300, 7), *rng.integers(300, len(data), 60), len(data) - 1]:
        Path(name).write_bytes(data[:length])
        assert refused(name).startswith(f"{name}: ")
    for start in [*range(8, 200, 5), *rng.integers(200, len(data), 60)]:
        Path(name).write_bytes(data[:start] + os.urandom(40) + data[start + 40 :])
        with contextlib.suppress(GaedistError):
            read_latents(name)


def npy(shape, payload=b"", **overrides):
    header = {"descr": "<f8", "fortran_order": False, "shape": shape} | overrides
    text = repr(header).encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + payload


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
def test_headers_that_lie(data):
    Path("x.npy").write_bytes(data)
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for name in ("x.npy", "x.npz"):
        message = refused(name)
        assert any(word in message for word in ("cut short", "damaged", "negative", "unpickled", "version"))


def test_npz_that_lies_about_its_size():
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((10, 10), bytes(800)))
    data = bytearray(Path("x.npz").read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 2**31)
    Path("x.npz").write_bytes(data)
    assert "claims 2147483648 bytes" in refused("x.npz")


def test_npz_with_names_that_are_no_text():
    np.savez("x.npz", é=X)
    data = Path("x.npz").read_bytes()
    assert "é".encode() in data
    Path("x.npz").write_bytes(data.replace("é".encode(), b"\xff\xfe"))
    assert refused("x.npz").startswith("x.npz: not a readable .npz file")


def test_npz_in_ways_that_numpy_does_not_write():
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy((10, 10), bytes(800)))
    assert "compressed by a method" in refused("x.npz")
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert refused("x.npz") == "x.npz: no 2-D array in it. It holds: no array."


def test_hdf5_never_reads_another_file():
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
    assert refused("x.h5::group/x").startswith("x.h5: no array 'group/x' in it")
    assert refused("x.h5::outside") == "x.h5: outside is stored in an external file, which is not read."
    assert "virtual is a virtual dataset, which is not followed" in refused("x.h5::virtual")


def test_hdf5_that_claims_more_than_it_holds():
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("unwritten", shape=(10**9, 64), dtype="f8")
        file.create_dataset("sparse", shape=(10**12, 64), dtype="f8", chunks=(1000, 64))
        file.create_dataset("packed", shape=(10**12, 64), dtype="f8", chunks=(1000, 64), compression="gzip")
        file["packed"][:1000] = 1.0
        file["none"] = h5py.Empty("f8")
        file.create_dataset("zeros", data=np.zeros((100_000, 8)), chunks=True, compression="gzip")
    for name in ("unwritten", "sparse", "packed"):
        assert f"{name} is cut short, or not written whole: its header claims" in refused(f"x.h5::{name}")
    assert "empty dataset" in refused("x.h5::none")
    assert len(read_latents("x.h5::zeros").codes) == 100_000


def test_one_damaged_array_does_not_hide_the_others():
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("good.npy", npy((2, 2), bytes(32)))
        archive.writestr("torn.npy", npy((2, 2), bytes(31)))
        archive.writestr("junk.npy", b"junk")
        archive.writestr("new.npy", b"\x93NUMPY\x03\x00" + bytes(100))
    assert len(read_latents("x.npz::good").codes) == 2
    assert "torn is cut short" in refused("x.npz::torn")
    assert "junk is damaged" in refused("x.npz::junk")
    assert "new is an .npy of version (3, 0)" in refused("x.npz::new")
    with h5py.File("x.h5", "w") as file:
        file["good"] = X
        file.create_dataset("packed", data=X, chunks=(10, 4), compression="gzip")
        offset = file["packed"].id.get_chunk_info(50).byte_offset
    data = bytearray(Path("x.h5").read_bytes())
    data[offset : offset + 40] = bytes(40)
    Path("x.h5").write_bytes(data)
    assert len(read_latents("x.h5::good").codes) == 1000
    assert "packed is damaged" in refused("x.h5::packed")


@pytest.mark.parametrize("shape", ["(0x" + 6000 * "f" + ", 3)", "(0x" + 6000 * "f" + ", 0)", "(True, 3)"])
def test_lengths_that_no_array_has(shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    Path("x.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text)
    assert refused("x.npy").startswith("x.npy: damaged")


def test_numbers_that_warn_when_they_are_cast():
    x = np.ones((4, 3), "<f4")
    x.view("<u4")[2, 1] = 0x7F800001  # a signalling NaN
    np.save("x.npy", x)
    assert refused("x.npy").startswith("x.npy: row 2 has nan in column 1")


def test_memory_is_the_codes_and_one_block():
    import tracemalloc

    x = np.random.default_rng(0).normal(size=(400_000, 16)).astype("f4")
    np.save("long.npy", x.reshape(-1, 1))
    np.save("c.npy", x)
    np.save("f.npy", np.asfortranarray(x))
    np.savez_compressed("x.npz", x)
    with h5py.File("x.h5", "w") as file:
        file["x"] = x
    x[::1000, 3] = np.nan
    np.save("bad.npy", x)
    for name in ("c.npy", "f.npy", "x.npz", "x.h5", "long.npy", "bad.npy"):
        tracemalloc.start()
        codes = read_latents(name, Selection(drop_nonfinite=True)).codes
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < codes.nbytes + 20e6  # a block is 4 MiB, unpacked twice over in HDF5
