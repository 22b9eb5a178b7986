"""Numbers in names are compared as numbers, whatever their length, and patterns are those of `fnmatch`."""

import os

import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.files.names import files_in, in_natural_order, matching, natural_key
from gaedist.files.stored_array import StoredArray, no_blocks


def arrays(*names):
    return [StoredArray(name, (2, 2), np.dtype(float), None, no_blocks) for name in names]


def found(listed, *wanted):
    return [name for name, _ in matching(listed, wanted)]


def test_natural_order():
    names = ["epoch_10", "epoch_2", "a", "epoch_02", "epoch_1b", "epoch_1", "10", "9", "e" + "9" * 5000]
    by_hand = ["9", "10", "a", "e" + "9" * 5000, "epoch_1", "epoch_1b", "epoch_02", "epoch_2", "epoch_10"]
    assert sorted(names, key=natural_key) == by_hand


def test_other_names_keep_their_places():
    names = ["new", "e_10", "old", "e_9", "e_1", "e_9"]
    assert [names[k] for k in in_natural_order(names)] == ["new", "e_1", "old", "e_9", "e_9", "e_10"]
    assert in_natural_order(names)[3:5] == [3, 5]  # rows of one name stay in their order


def test_patterns():
    listed = arrays("e_10/z", "e_2/z", "e_2/mu", "z", "odd*")
    assert found(listed, "*") == ["e_2/mu", "e_2/z", "e_10/z", "odd*", "z"]
    assert found(listed, "e_*/z") == found(listed, "/e_*/z") == ["e_2/z", "e_10/z"]
    assert found(listed, "z", "e_?/*") == ["z", "e_2/mu", "e_2/z"]
    assert found(listed, "*z", "z") == ["e_2/z", "e_10/z", "z"]
    assert found(listed, "odd*") == ["odd*"]
    assert found(arrays(None), "*") == [None]
    with pytest.raises(
        GaedistError, match=r"^no array matches 'f_\*'. It holds: e_10/z, e_2/z, e_2/mu, z, odd"
    ):
        matching(listed, ["f_*"])
    with pytest.raises(GaedistError, match=r"^no array 'y' in this file. It holds"):
        matching(listed, ["z", "y"])
    with pytest.raises(GaedistError, match=r"It holds: one array without a name\.$"):
        matching(arrays(None), ["y*"])


def test_files_of_a_folder(tmp_path):
    for name in ("e_10.npy", "e_2.NPY", "e_1.h5", ".e_3.npy", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.npy").mkdir()
    expected = [os.path.join(tmp_path, name) for name in ("e_1.h5", "e_2.NPY", "e_10.npy")]  # noqa: PTH118
    assert files_in(str(tmp_path), (".npy", ".h5")) == expected
    with pytest.raises(GaedistError, match=r"no files of codes in this folder \(\.npz\)\.$"):
        files_in(str(tmp_path), (".npz",))
