"""The transpose of an array is read like an array that was written transposed, whatever the format."""

import h5py
import numpy as np
import pytest

from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(300, 7))


@pytest.mark.parametrize("name", ["c.npy", "f.npy", "x.npz", "x.h5::x", "x.h5::packed"])
def test_rows_of_the_transpose(name):
    np.save("c.npy", np.ascontiguousarray(X.T))
    np.save("f.npy", np.asfortranarray(X.T))
    np.savez_compressed("x.npz", X.T)
    with h5py.File("x.h5", "w") as file:
        file["x"] = X.T
        file.create_dataset("packed", data=X.T, chunks=(3, 40), compression="gzip")
    for rows in (None, (None, 1), (10, 200), (-5, None)):
        for subsample in (None, 10):
            got = read_latents(name, Selection(transpose=True, rows=rows, subsample=subsample))
            np.save("plain.npy", X)
            expected = read_latents("plain.npy", Selection(rows=rows, subsample=subsample))
            np.testing.assert_array_equal(got.codes, expected.codes)
            assert got.codes.flags.c_contiguous


def test_only_two_axes_are_exchanged(refused):
    np.save("x.npy", X[0])
    assert "has 1 axis" in refused("x.npy", Selection(transpose=True))
