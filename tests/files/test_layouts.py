"""A layout gives the points that NumPy's reshape and transpose give, from every format, order and selection.

One random position of each item is one that the item has, the same whichever rows are read, and uniform.
"""

import tracemalloc

import h5py
import numpy as np
import pytest

from gaedist import GaedistError, score
from gaedist.files import stored_array
from gaedist.files.codes import dependence, read_latents
from gaedist.files.layouts import LAYOUTS, ShapeError
from gaedist.files.selection import Selection

IMAGES = np.random.default_rng(0).normal(size=(60, 3, 5, 4))
SEQUENCES = np.random.default_rng(1).normal(size=(60, 7, 6))
SELECTIONS = [{}, {"rows": (11, 50)}, {"rows": (None, -5), "subsample": 20, "seed": 3}]


def write(x):
    """Write an array in each format; return the names."""
    np.save("c.npy", x)
    np.save("f.npy", np.asfortranarray(x))
    np.savez_compressed("x.npz", x)
    np.savez("f.npz", np.asfortranarray(x))
    with h5py.File("x.h5", "w") as file:
        file["x"] = x
    with h5py.File("packed.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(7, *(2 for _ in x.shape[1:])), compression="gzip")
    return ["c.npy", "f.npy", "x.npz", "f.npz", "x.h5", "packed.h5"]


def picked(n, selection):
    rows = np.arange(n)[slice(*selection.get("rows", (None, None)))]
    if "subsample" in selection:
        rng = np.random.default_rng(selection["seed"])
        rows = rows[np.sort(rng.choice(len(rows), selection["subsample"], replace=False))]
    return rows


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("block", [1 << 22, 200])
def test_all_points(selection, block, monkeypatch):
    monkeypatch.setattr(stored_array, "BLOCK_BYTES", block)
    for x, channels, by_position in (
        (IMAGES, None, np.moveaxis(IMAGES, 1, -1)),
        (IMAGES, "first", np.moveaxis(IMAGES, 1, -1)),
        (IMAGES, "last", IMAGES),
        (SEQUENCES, None, SEQUENCES),
        (SEQUENCES, "first", np.moveaxis(SEQUENCES, 1, -1)),
    ):
        rows = picked(len(x), selection)
        points = by_position[rows].reshape(-1, by_position.shape[-1])
        for name in write(x):
            chosen = Selection(layout="positions", channels=channels, positions="all", **selection)
            latents = read_latents(name, chosen)
            np.testing.assert_array_equal(latents.codes, points)
            assert latents.per_item == len(points) // len(rows)
            assert f"{latents.per_item} positions of each item" in dependence(latents)
            vectors = read_latents(name, Selection(layout="vectors", **selection))
            np.testing.assert_array_equal(vectors.codes, x[rows].reshape(len(rows), -1))
            assert dependence(vectors) is None


@pytest.mark.parametrize("block", [1 << 22, 200])
def test_one_position_of_each_item(block, monkeypatch):
    monkeypatch.setattr(stored_array, "BLOCK_BYTES", block)
    for x, channels in ((IMAGES, "first"), (IMAGES, "last"), (SEQUENCES, None)):
        by_position = np.moveaxis(x, 1, -1) if channels == "first" else x
        flat = by_position.reshape(len(x), -1, by_position.shape[-1])
        found = []
        for name in write(x):
            for selection in SELECTIONS:
                seed = {"seed": selection.get("seed", 3)}
                chosen = Selection(layout="positions", channels=channels, **selection | seed)
                latents = read_latents(name, chosen)
                assert dependence(latents) is None
                rows = picked(len(x), selection)
                matches = (flat[rows] == latents.codes[:, np.newaxis]).all(axis=2)
                assert (matches.sum(axis=1) == 1).all()
                found.append(dict(zip(rows, matches.argmax(axis=1), strict=True)))
        whole = found[0]
        assert all(positions.items() <= whole.items() for positions in found)


def test_positions_that_are_equal_give_the_items_and_their_p_value():
    z = np.random.default_rng(4).normal(size=(300, 3))
    np.save("x.npy", np.broadcast_to(z[:, :, np.newaxis, np.newaxis], (300, 3, 6, 6)))
    latents = read_latents("x.npy", Selection(layout="positions"))
    np.testing.assert_array_equal(latents.codes, z)
    assert score(latents, metric="kl").p_value == score(z, metric="kl").p_value
    every = score(read_latents("x.npy", Selection(layout="positions", positions="all")), metric="kl")
    assert (every.value, every.p_value) == (pytest.approx(score(z, metric="kl").value, rel=1e-9), None)


def test_positions_are_uniform_and_differ_between_seeds_and_draws():
    x = np.broadcast_to(np.arange(4.0)[:, np.newaxis], (40_000, 4, 1))
    np.save("x.npy", x)
    draws = [
        read_latents("x.npy", Selection(layout="positions", seed=seed, draw=draw)).codes[:, 0]
        for seed, draw in ((0, 0), (1, 0), (0, 1))
    ]
    for found in draws:
        counts = np.bincount(found.astype(int), minlength=4)
        assert abs(counts - 10_000).max() < 5 * np.sqrt(40_000 * 3 / 16)
    for a, b in ((0, 1), (0, 2)):
        assert abs((draws[a] == draws[b]).mean() - 1 / 4) < 5 * np.sqrt(3 / 16 / 40_000)


def test_one_position_takes_little_memory_and_reads_little():
    x = np.zeros((2000, 500, 40), "f4")  # 160 MB
    np.save("x.npy", x)
    tracemalloc.start()
    codes = read_latents("x.npy", Selection(layout="positions")).codes
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < codes.nbytes + 3e6


def test_axes_of_length_0_and_1(refused):
    for shape, dim, n in (((5, 1, 1, 1), 1, 5), ((1, 3, 2, 2), 3, 1), ((5, 3, 1, 1), 3, 5), ((5, 3), 3, 5)):
        np.save("x.npy", np.ones(shape))
        assert read_latents("x.npy", Selection(layout="positions")).codes.shape == (n, dim)
        assert read_latents("x.npy", Selection(layout="vectors")).codes.shape == (n, np.prod(shape[1:]))
    np.save("x.npy", np.ones(5))
    assert read_latents("x.npy", Selection(layout="vectors")).codes.shape == (5, 1)
    for shape in ((0, 3, 2, 2), (5, 0, 2, 2), (5, 3, 0, 2), (0, 4)):
        np.save("x.npy", np.ones(shape))
        for layout in LAYOUTS:
            message = f"x.npy: the array is empty: {' × '.join(map(str, shape))}."
            assert refused("x.npy", Selection(layout=layout)) == message
    np.save("x.npy", np.array(1.0))
    assert refused("x.npy", Selection(layout="vectors")) == "x.npy: a single number has no axis of points."


def test_bad_points_are_named_by_row_and_position(refused):
    x = SEQUENCES.copy()
    x[9, 4, 2] = np.nan
    np.save("x.npy", x)
    every = {"layout": "positions", "positions": "all"}
    assert refused("x.npy", Selection(**every)).startswith(
        "x.npy: row 9, position 4, has NaN in column 2; 1 of"
    )
    kept = read_latents("x.npy", Selection(**every, drop_nonfinite=True))
    assert (len(kept.codes), kept.dropped) == (60 * 7 - 1, 1)


def test_a_shape_without_a_layout_is_refused_with_what_to_add(refused):
    np.save("x.npy", IMAGES)
    assert refused("x.npy") == (
        "x.npy: the array has 4 axes, 60 × 3 × 5 × 4; latent codes have two, (points, "
        "dimensions). Add --layout vectors (60 points of 60 dimensions) or --layout positions --channels "
        "first (a random position of each item: 60 points of 3 dimensions) or --layout positions --channels "
        "last (a random position of each item: 60 points of 4 dimensions)."
    )
    error = ShapeError("x", (9, 7, 6))
    for options, what in error.remedies:
        words = dict(zip(options.split()[::2], options.split()[1::2], strict=True))
        np.save("x.npy", SEQUENCES[:9])
        codes = read_latents("x.npy", Selection(**{key[2:]: value for key, value in words.items()})).codes
        assert what.endswith(f"{len(codes)} points of {codes.shape[1]} dimensions")


def test_choices_that_do_not_apply(refused):
    np.save("x.npy", IMAGES)
    for choices, message in (
        ({"channels": "first"}, "--channels is for --layout positions."),
        ({"layout": "vectors", "positions": "all"}, "--positions is for --layout positions."),
        ({"layout": "cubes"}, "layout must be one of vectors, positions; got 'cubes'."),
        ({"layout": "positions", "positions": "2"}, "positions must be one of 1, all; got '2'."),
    ):
        with pytest.raises(GaedistError, match=f"^{message}$"):
            Selection(**choices)
    assert "--transpose is for two" in refused("x.npy", Selection(layout="vectors", transpose=True))
    np.save("x.npy", IMAGES[:, :, 0, 0])
    both = Selection(layout="positions", transpose=True)
    np.testing.assert_array_equal(read_latents("x.npy", both).codes, IMAGES[:, :, 0, 0].T)


def test_the_array_that_fits_a_layout_is_found():
    with h5py.File("x.h5", "w") as file:
        file["z"], file["labels"] = IMAGES, np.arange(60)
    assert read_latents("x.h5", Selection(layout="positions")).dataset == "z"
    with pytest.raises(GaedistError, match=r"^x.h5: z has 4 axes"):
        read_latents("x.h5")
