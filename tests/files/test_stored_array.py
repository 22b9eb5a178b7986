"""Arrays longer than a block are read whole; arrays that cannot hold codes are refused in every format."""

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.files.stored_array import row_blocks

X = np.random.default_rng(0).normal(size=(1000, 4))


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_larger_than_a_block(order, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", 1000)
    np.save("x.npy", np.array(X, order=order))
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("x", data=X, chunks=(70, 4))
    for name in ("x.npy", "x.h5"):
        np.testing.assert_array_equal(read_latents(name).codes, X)
        np.testing.assert_array_equal(read_latents(name, Selection(rows=(33, 901))).codes, X[33:901])


@pytest.mark.parametrize(
    ("start", "stop", "multiple"), [(0, 1000, 1), (33, 901, 70), (70, 71, 70), (5, 5, 1)]
)
def test_row_blocks_cover_the_rows_once_and_are_cut_at_multiples(start, stop, multiple, monkeypatch):
    monkeypatch.setattr("gaedist.files.stored_array.BLOCK_BYTES", 1000)
    blocks = list(row_blocks(start, stop, 8, multiple))
    assert [row for a, b in blocks for row in range(a, b)] == list(range(start, stop))
    assert all(a % multiple == 0 for a, _ in blocks[1:])
    assert all(b - a <= max(1000 // 8, multiple) for a, b in blocks)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array(1.0), "0 axes"),
        (np.zeros(3), "1 axis"),
        (np.zeros((2, 3, 4)), r"3 axes, 2 × 3 × 4; .* Add --layout vectors \(2 points of 12 dim"),
        (np.zeros((0, 3, 4, 5)), "4 axes"),
        (
            np.zeros((2, 3), "V2"),
            r"of type \|V2: bfloat16\? NumPy has no such type; save the codes as float32",
        ),
        (np.zeros((2, 3), "V1"), "float8"),
        (np.zeros((2, 3), "V3"), r"of type \|V3; latent codes are real numbers"),
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
def test_arrays_that_cannot_hold_codes(array, message):
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
