"""Datasets whose storage cannot be what it claims, or whose filter is missing, are refused unread."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist.files.codes import read_latents

X = np.random.default_rng(0).normal(size=(1000, 4))


def create(file, name, shape, chunk, filters=(), *, type_=h5py.h5t.NATIVE_DOUBLE):
    """Create a dataset with filters (number, values) that h5py need not have."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk(chunk)
    for code, *values in filters:
        settings.set_filter(code, h5py.h5z.FLAG_OPTIONAL, tuple(values))
    return h5py.h5d.create(
        file.id, name.encode(), type_, h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * 2), settings
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (32001, "blosc"),
        (32015, "zstd"),
        (32008, "bitshuffle"),
        (32004, "lz4"),
        (307, "bzip2"),
        (999, "filter 999"),
    ],
)
def test_a_missing_filter_is_named(refused, code, name):
    with h5py.File("x.h5", "w") as file:
        create(file, "x", (100, 4), (50, 4), [(code, 1)]).write_direct_chunk((0, 0), b"packed")
        file["good"] = X
    assert refused("x.h5::x") == (
        f"x.h5: x is packed by {name} (HDF5 filter {code}), which is not loaded; "
        "pip install hdf5plugin and add --hdf5-plugins, or write it again with gzip."
    )
    assert len(read_latents("x.h5::good").codes) == 1000


def test_enumerations_and_bits_are_not_codes(refused):
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("enum", data=np.ones((5, 2), "i4"), dtype=h5py.enum_dtype({"a": 1, "b": 2}))
        create(file, "bits", (5, 2), (5, 2), type_=h5py.h5t.STD_B8LE)
    assert "enum is an enumeration, whose numbers stand for names" in refused("x.h5::enum")
    assert "bits is of a type of bits" in refused("x.h5::bits")


def test_claims_beyond_the_file_are_refused(refused):
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("unwritten", shape=(10**9, 64), dtype="f8")
        file.create_dataset("scalar", shape=(), dtype="f8")
        file.create_dataset("sparse", shape=(10**12, 64), dtype="f8", chunks=(1000, 64))
        file.create_dataset("packed", shape=(10**12, 64), dtype="f8", chunks=(1000, 64), compression="gzip")
        file["packed"][:1000] = 1.0
        file["none"] = h5py.Empty("f8")
        file.create_dataset("zeros", data=np.zeros((100_000, 8)), chunks=True, compression="gzip")
    assert refused("x.h5::unwritten") == "x.h5: unwritten is without data: no row of it was written."
    assert refused("x.h5::scalar") == "x.h5: scalar is without data: no row of it was written."
    for name in ("sparse", "packed"):
        assert f"{name} is cut short or damaged: its header claims 1000000000 chunks" in refused(
            f"x.h5::{name}"
        )
    assert "empty dataset" in refused("x.h5::none")
    assert len(read_latents("x.h5::zeros").codes) == 100_000


def test_a_chunk_much_larger_than_the_dataset_is_refused(refused):
    with h5py.File("x.h5", "w") as file:
        create(file, "huge", (10, 8), (1 << 21, 64), [(1, 4)]).write_direct_chunk((0, 0), b"packed")
        file.create_dataset(
            "growing", data=X[:10], maxshape=(None, 4), chunks=(1 << 16, 4), compression="gzip"
        )
    assert refused("x.h5::huge") == (
        "x.h5: huge is stored in chunks of 1024 MiB for 0.00061 MiB of numbers, which would take too much "
        "memory; write it again with smaller chunks."
    )
    np.testing.assert_array_equal(read_latents("x.h5::growing").codes, X[:10])


def test_repeated_and_nested_filters_are_refused(refused):
    with h5py.File("x.h5", "w") as file:
        for name, filters in {
            "thrice": [(1, 9), (1, 9), (1, 9)],
            "nested": [(1, 9), (32000, 4, 0, 640)],
            "shuffled": [(2, 8), (2, 8)],
        }.items():
            create(file, name, (20, 4), (20, 4), filters).write_direct_chunk((0, 0), b"packed")
    assert "thrice is damaged or malicious: it repeats a filter (gzip, gzip, gzip)" in refused("x.h5::thrice")
    assert "shuffled is damaged or malicious: it repeats a filter" in refused("x.h5::shuffled")
    assert "nested is packed more than once (gzip, lzf)" in refused("x.h5::nested")


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "gzip", "shuffle": True},
        {"compression": "lzf"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
        {"fletcher32": True},
        {"shuffle": True},
        {},
    ],
)
@pytest.mark.parametrize("chunks", [(1000, 4), (7, 3), (64, 1)])
def test_every_filter_of_h5py_is_read(options, chunks):
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=X, chunks=chunks, **options)
        file.create_dataset("zeros", data=np.zeros((1000, 4)), chunks=chunks, **options)
        others = {name: value for name, value in options.items() if name != "fletcher32"}
        file.create_dataset(
            "whole", data=np.arange(4000).reshape(1000, 4), chunks=chunks, scaleoffset=0, **others
        )
    np.testing.assert_array_equal(read_latents("x.h5::x").codes, X)
    np.testing.assert_array_equal(read_latents("x.h5::zeros").codes, np.zeros((1000, 4)))
    np.testing.assert_array_equal(read_latents("x.h5::whole").codes.ravel(), np.arange(4000))


def test_a_filter_that_does_not_fit_its_chunks_is_refused(refused):
    """The filter scaleoffset makes as many numbers as it is told to, whatever the chunk holds."""
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=np.arange(400).reshape(100, 4), chunks=(100, 4), scaleoffset=0)
        values = file["x"].id.get_create_plist().get_filter(0)[2]
    data = Path("x.h5").read_bytes()
    held = np.array(values[:4], "<u4").tobytes()
    assert data.count(held) == 1
    forged = np.array([*values[:2], 1 << 30, values[3]], "<u4").tobytes()
    Path("x.h5").write_bytes(data.replace(held, forged))
    assert refused("x.h5") == "x.h5: x is damaged: its filter scaleoffset does not fit its chunks."
