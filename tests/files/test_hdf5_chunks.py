"""Rows are read if their chunks were written; those that were not are named, and fill values never pass.

A chunk that expands to more than a chunk is refused, and a large one is unpacked once.
"""

import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist.files.codes import read_latents
from gaedist.files.hdf5_chunks import _runs
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"maxshape": (None, 4)}])
def test_rows_that_were_never_written(refused, libver, options):
    with h5py.File("x.h5", "w", libver=libver) as file:
        file.create_dataset("x", shape=X.shape, dtype="f8", chunks=(100, 3), **options)[:300] = X[:300]
        file.create_dataset("holes", shape=X.shape, dtype="f8", chunks=(50, 4), **options)
        for start in (0, 200, 400, 600, 700, 800):
            file["holes"][start : start + 50] = X[start : start + 50]
        file["holes"][750:800] = X[750:800]
        file.create_dataset("half", shape=X.shape, dtype="f8", chunks=(100, 2), **options)[:, :2] = X[:, :2]
    np.testing.assert_array_equal(read_latents("x.h5::x", Selection(rows=(None, 300))).codes, X[:300])
    np.testing.assert_array_equal(read_latents("x.h5::holes", Selection(rows=(710, 840))).codes, X[710:840])
    assert refused("x.h5::x") == (
        "x.h5: x is incomplete: of its 1000 rows only 0:300 were written. Read them with --rows 0:300."
    )
    assert "only 0:300 were written" in refused("x.h5::x", Selection(rows=(299, 301)))
    assert "only 0:300 were written" in refused("x.h5::x", Selection(subsample=10))
    assert refused("x.h5::holes") == (
        "x.h5: holes is incomplete: of its 1000 rows only 0:50, 200:250, 400:450 and 2 more ranges were "
        "written. Read them with --rows 700:850."
    )
    assert refused("x.h5::half") == "x.h5: half has no data: none of its 1000 rows was written."


def test_inspect_names_rows_that_were_never_written(gaedist):
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", shape=X.shape, dtype="f8", chunks=(100, 4))[:300] = X[:300]
    code, out, _ = gaedist("inspect", "x.h5", "--format", "json")
    assert code == 0
    assert "of its 1000 rows only 0:300 were written" in out


def create(name, shape, chunk, data, **options):
    """Write a gzip dataset whose first chunk holds these bytes, deflated."""
    with h5py.File("x.h5", "w") as file:
        file.create_dataset(name, shape=shape, dtype="f8", chunks=chunk, compression="gzip", **options)
        packed = zlib.compressobj(9)
        parts = [packed.compress(part) for part in data] + [packed.flush()]
        file[name].id.write_direct_chunk((0, 0), b"".join(parts))


def test_a_chunk_that_expands_too_much_is_refused(refused):
    create("x", (20, 4), (20, 4), [bytes(641)])
    assert refused("x.h5") == (
        "x.h5: x is damaged in the chunk at row 0 (it expands to more than a chunk of 640 bytes)."
    )
    rows = 1 << 17
    create("x", (rows, 4), (rows, 4), [bytes(1 << 20)] * 40)
    assert "it expands to more than a chunk of 4194304 bytes" in refused("x.h5")
    create("x", (20, 4), (20, 4), [bytes(1 << 20)] * 20)
    assert refused("x.h5").startswith("x.h5: x is damaged: 20")
    create("x", (20, 4), (20, 4), [bytes(639)])
    assert "it expands to less than a chunk of 640 bytes" in refused("x.h5")


def test_a_chunk_behind_other_filters_that_expands_too_much_is_refused(refused):
    create("x", (20, 4), (20, 4), [bytes(1 << 20)], fletcher32=True)
    assert "it expands to more than" in refused("x.h5")


def test_a_chunk_too_small_for_its_claim_is_refused(refused):
    create("x", (1 << 17, 4), (1 << 17, 4), [bytes(100)])
    assert refused("x.h5").endswith(" bytes cannot be the chunk at row 0.")


def test_a_damaged_chunk(refused):
    with h5py.File("x.h5", "w") as file:
        file["good"] = X
        file.create_dataset("packed", data=X, chunks=(10, 4), compression="gzip")
        offset = file["packed"].id.get_chunk_info(50).byte_offset
    data = bytearray(Path("x.h5").read_bytes())
    data[offset : offset + 40] = bytes(40)
    Path("x.h5").write_bytes(data)
    assert len(read_latents("x.h5::good").codes) == 1000
    assert "packed is damaged" in refused("x.h5::packed")
    assert len(read_latents("x.h5::packed", Selection(rows=(None, 500))).codes) == 500


PACKED = {"compression": "gzip", "compression_opts": 1}


@pytest.mark.parametrize(
    ("chunks", "options"),
    [
        *((chunks, PACKED) for chunks in [(200_000, 16), (200_000, 5), (50_000, 16), (3000, 16)]),
        pytest.param((100, 7), PACKED, marks=pytest.mark.slow),
        *((chunks, {}) for chunks in [(200_000, 16), (100, 7)]),
    ],
)
def test_large_chunks_are_read_once(options, chunks):
    """Memory beyond the codes is one block of 4 MiB, as NumPy sees it; HDF5 holds one chunk."""
    x = np.random.default_rng(0).integers(0, 9, size=(200_000, 16)).astype("f4")
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=chunks, **options)
    tracemalloc.start()
    codes = read_latents("x.h5").codes
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(codes, x)
    assert peak < codes.nbytes + 24e6
    part = read_latents("x.h5", Selection(rows=(49_999, 100_001))).codes
    np.testing.assert_array_equal(part, x[49_999:100_001])


def test_arrays_with_more_axes_are_read_in_their_order():
    x = np.arange(600 * 30 * 40, dtype=float).reshape(600, 30, 40)
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(500, 7, 9), compression="gzip", compression_opts=1)
    from gaedist.smoothing.files import read_sigma

    np.testing.assert_array_equal(read_sigma("x.h5"), x)


def test_runs():
    assert _runs(np.array([], int)) == []
    assert _runs(np.array([0, 1, 2, 5, 7, 8])) == [(0, 3), (5, 6), (7, 9)]
