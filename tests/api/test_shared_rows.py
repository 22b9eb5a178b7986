"""Samples that are the same or share rows are noticed, others are not, also of whole numbers."""

import numpy as np
import pytest
from samples import sample

from gaedist.api.shared_rows import shared_rows_note
from gaedist.files.row_hashes import row_hashes


def test_equal_samples_and_shared_rows_are_noted():
    x = sample("normal", 60, 3)
    assert shared_rows_note(x, x.copy()).startswith("both samples are the same: ")
    assert shared_rows_note(x, x[::-1].copy()).startswith("60 of 60 rows of the first sample are rows of ")
    assert shared_rows_note(x[:40], x[30:]).startswith("10 of 40 rows of the first sample are rows of the ")
    assert shared_rows_note(x[:30], x[30:]) is None
    assert shared_rows_note(x[:, :1] * 0, -x[:5, :1] * 0).startswith("60 of 60 rows")  # 0 and −0


@pytest.mark.parametrize("dim", [1, 3, 8])
def test_whole_numbers_and_small_differences_are_told_apart(dim):
    grid = np.indices((20,) * min(dim, 3)).reshape(min(dim, 3), -1).T.astype(float)
    x = np.hstack([grid, np.zeros((len(grid), dim - grid.shape[1]))])
    assert len(np.unique(row_hashes(x))) == len(x)
    near = np.nextafter(1.0, [0.0, 1.0, 2.0])[:, np.newaxis] * np.ones(dim)
    assert len(np.unique(row_hashes(near))) == 3


def test_the_command_notes_shared_rows(gaedist, codes):
    code, _, err = gaedist("compare", "normal.npy", "normal.npy", "--format", "value")
    assert code == 0
    assert err.startswith("gaedist: normal.npy and normal.npy: both samples are the same: ")
    np.save("part.npy", np.load("normal.npy")[:50])
    _, _, err = gaedist("compare", "part.npy", "normal.npy", "--format", "value")
    assert "50 of 50 rows of the first sample are rows of the second" in err
    assert gaedist("compare", "part.npy", "normal.npy", "--format", "value", "-q")[2] == ""
