"""HDF5 files never make gaedist read another file or allocate more than they hold.

A dataset that cannot be read is refused by its name and does not hide the others.
"""

from pathlib import Path

import h5py
import numpy as np

from gaedist.files.codes import read_latents

X = np.random.default_rng(0).normal(size=(1000, 4))


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


def test_datasets_that_claim_more_than_the_file_holds(refused):
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("unwritten", shape=(10**9, 64), dtype="f8")
        file.create_dataset("sparse", shape=(10**12, 64), dtype="f8", chunks=(1000, 64))
        file.create_dataset("packed", shape=(10**12, 64), dtype="f8", chunks=(1000, 64), compression="gzip")
        file["packed"][:1000] = 1.0
        file["none"] = h5py.Empty("f8")
        file.create_dataset("zeros", data=np.zeros((100_000, 8)), chunks=True, compression="gzip")
    for name in ("unwritten", "sparse", "packed"):
        assert f"{name} is cut short or incomplete: its header claims" in refused(f"x.h5::{name}")
    assert "empty dataset" in refused("x.h5::none")
    assert len(read_latents("x.h5::zeros").codes) == 100_000


def test_one_damaged_dataset_does_not_hide_the_others(refused):
    with h5py.File("x.h5", "w") as file:
        file["good"] = X
        file.create_dataset("packed", data=X, chunks=(10, 4), compression="gzip")
        offset = file["packed"].id.get_chunk_info(50).byte_offset
    data = bytearray(Path("x.h5").read_bytes())
    data[offset : offset + 40] = bytes(40)
    Path("x.h5").write_bytes(data)
    assert len(read_latents("x.h5::good").codes) == 1000
    assert "packed is damaged" in refused("x.h5::packed")
