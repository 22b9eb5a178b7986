"""A pattern or folder gives each of its arrays, the same bits as by its name; a bad one leaves others.

Stacked, they are the concatenation in this order, with rows selected of the whole.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files import samples as module
from gaedist.files.codes import read_latents
from gaedist.files.samples import read_samples
from gaedist.files.sandbox import sandboxed
from gaedist.files.selection import Selection
from gaedist.smoothing.files import SigmaTarget

RNG = np.random.default_rng(0)
EPOCHS = {f"epoch_{k}": RNG.normal(size=(20 + k, 3)) for k in (10, 1, 2)}
IN_ORDER = ["epoch_1", "epoch_2", "epoch_10"]
JOINED = np.concatenate([EPOCHS[name] for name in IN_ORDER])


@pytest.fixture(autouse=True)
def _files(_empty_folder):
    with h5py.File("x.h5", "w") as file:
        for name, x in EPOCHS.items():
            file[name] = x
    np.savez("x.npz", **EPOCHS)
    Path("folder").mkdir()
    for name, x in EPOCHS.items():
        np.save(f"folder/{name}.npy", x)


def all_of(name, selection=None, **options):
    return list(read_samples(name, selection, **options))


@pytest.mark.parametrize("at_once", [1 << 26, 1])
@pytest.mark.parametrize("sandbox", [False, True])
def test_each_array(at_once, sandbox, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    for name in ("x.h5::*", "x.npz::epoch*", "folder", Path("folder"), "folder::*"):
        if sandbox:
            with sandboxed():
                found = all_of(name)
        else:
            found = all_of(name)
        for latents, epoch in zip(found, IN_ORDER, strict=True):
            assert epoch in latents.name
            np.testing.assert_array_equal(latents.codes, EPOCHS[epoch])
            np.testing.assert_array_equal(read_latents(latents.name).codes, EPOCHS[epoch])


def test_several_names():
    chosen = Selection(dataset=("epoch_10", "epoch_?"))
    assert [latents.dataset for latents in all_of("x.h5", chosen)] == ["epoch_10", "epoch_1", "epoch_2"]
    with pytest.raises(GaedistError, match="2 arrays are named"):
        read_latents("x.h5", chosen)


def test_bad_arrays_leave_the_others():
    with h5py.File("x.h5", "a") as file:
        file["epoch_3"] = np.full((4, 3), np.nan)
        file["name"] = "x"
        file["epoch_4"] = np.zeros((2, 3, 4))
    SigmaTarget.parse("x.h5::sigma").write(np.ones((20, 3)))
    errors = {}
    found = all_of("x.h5::*", on_error=lambda name, error: errors.setdefault(name, str(error)))
    assert [latents.dataset for latents in found] == IN_ORDER
    assert list(errors) == ["x.h5::epoch_3", "x.h5::epoch_4", "x.h5::name"]
    assert errors["x.h5::epoch_3"].startswith("x.h5::epoch_3: none of the 4 rows can be used")
    assert errors["x.h5::epoch_4"].startswith("x.h5::epoch_4: the array has 3 axes, 2 × 3 × 4; ")
    with pytest.raises(GaedistError, match=r"^x.h5: σ that gaedist wrote, and no codes"):
        all_of("x.h5::sigm?")
    assert [latents.dataset for latents in all_of("x.h5::sigma")] == ["sigma"]
    with pytest.raises(GaedistError, match=r"^x.h5::epoch_3: none of the 4 rows"):
        all_of("x.h5::*")
    errors.clear()
    (joined,) = all_of(
        "x.h5::epoch_*",
        Selection(drop_nonfinite=True),
        stack=True,
        on_error=lambda name, error: errors.setdefault(name, error),
    )
    np.testing.assert_array_equal(joined.codes, JOINED)
    assert list(errors) == ["x.h5::epoch_4"]
    assert joined.stacked == 4


def test_errors_name_what_is_missing(refused):
    for name, message in (
        ("none.h5::*", "none.h5: No such file or directory."),
        ("x.h5::f*", "x.h5: no array matches 'f*'. It holds: epoch_1, epoch_10, epoch_2."),
    ):
        for stack in (False, True):
            with pytest.raises(GaedistError) as caught:
                all_of(name, stack=stack)
            assert str(caught.value) == message
    Path("empty").mkdir()
    with pytest.raises(GaedistError, match=r"^empty: no files of codes in this folder \(\.npy, "):
        all_of("empty")


def test_a_file_is_closed_while_its_arrays_are_used(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    found = read_samples("x.h5::*")
    assert next(found).dataset == "epoch_1"
    with h5py.File("x.h5", "a") as file:  # which HDF5 refuses for a file that is open
        del file["epoch_2"]
    with pytest.raises(GaedistError, match=r"^x.h5::epoch_2: the array is no longer in the file"):
        next(found)


@pytest.mark.parametrize("name", ["x.h5::*", "x.h5", "x.npz::*", "folder"])
def test_stacked(name):
    (joined,) = all_of(name, stack=True)
    assert joined.stacked == 3
    np.testing.assert_array_equal(joined.codes, JOINED)
    for rows in ((5, 30), (21, 43), (-3, None), (0, 1)):
        (part,) = all_of(name, Selection(rows=rows), stack=True)
        np.testing.assert_array_equal(part.codes, JOINED[slice(*rows)])
    (some,) = all_of(name, Selection(subsample=17, seed=5), stack=True)
    picked = np.sort(np.random.default_rng(5).choice(len(JOINED), 17, replace=False))
    np.testing.assert_array_equal(some.codes, JOINED[picked])


def test_an_array_with_one_axis_is_one_point():
    x = np.random.default_rng(1).normal(size=(12, 5))
    with h5py.File("v.h5", "w") as file:
        for k, row in enumerate(x[:10]):
            file.create_dataset(f"{k}", data=row, chunks=(2,), compression="gzip")
        file["rest"] = x[10:]
    (joined,) = all_of("v.h5", stack=True)
    np.testing.assert_array_equal(joined.codes, x)
    with pytest.raises(
        GaedistError, match=r"10 arrays with 1 axis each; .* Add --stack \(10 points of 5 dim"
    ):
        all_of("v.h5::?")


def test_different_dimensions_are_refused_with_two_names():
    with h5py.File("x.h5", "a") as file:
        file["epoch_3"] = np.zeros((4, 2))
    with pytest.raises(
        GaedistError, match=r"^x.h5::epoch_1 has points of 3 dimensions, and x.h5::epoch_3 of 2"
    ):
        all_of("x.h5::*", stack=True)


def test_a_bad_row_is_named_by_its_array():
    with h5py.File("x.h5", "a") as file:
        file["epoch_2"][7, 1] = np.inf
    with pytest.raises(GaedistError, match=r"^x.h5::\*: epoch_2: row 7 has inf in column 1; 1 of 73 rows"):
        all_of("x.h5::*", stack=True)
    (kept,) = all_of("x.h5::*", Selection(drop_nonfinite=True), stack=True)
    np.testing.assert_array_equal(kept.codes, np.delete(JOINED, 21 + 7, axis=0))


def test_positions_of_stacked_arrays_are_drawn_for_each():
    x = np.broadcast_to(np.arange(50.0)[:, np.newaxis], (1, 50, 1))
    with h5py.File("p.h5", "w") as file:
        for k in range(200):
            file[str(k)] = x
    (joined,) = all_of("p.h5", Selection(layout="positions"), stack=True)
    assert len(np.unique(joined.codes)) > 40  # 49.1 ± 0.9 of 50 by chance
    (every,) = all_of("p.h5", Selection(layout="positions", positions="all"), stack=True)
    assert (every.codes.shape, every.per_item) == ((200 * 50, 1), 50)


def test_a_file_of_two_thousand_arrays_is_opened_a_few_times(monkeypatch):
    x = np.random.default_rng(1).normal(size=(2000, 8))
    with h5py.File("v.h5", "w") as file:
        for k, row in enumerate(x):
            file[f"v/{k}"] = row
    opened = []

    def count(*arguments, open_file=h5py.h5f.open, **options):
        opened.append(arguments)
        return open_file(*arguments, **options)

    monkeypatch.setattr(h5py.h5f, "open", count)
    (joined,) = all_of("v.h5", stack=True)
    assert 0 < len(opened) < 10
    np.testing.assert_array_equal(joined.codes, x)
