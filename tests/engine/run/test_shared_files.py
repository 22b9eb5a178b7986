"""Arrays whose rows are in shared files are found there, whatever their order; others are not."""

import numpy as np
import pytest

from gaedist.engine.run.parcels import array_digest
from gaedist.engine.run.shared_files import SharedFiles, read_rows
from gaedist.errors import ClusterError
from gaedist.files.selection import Selection


@pytest.fixture
def samples(tmp_path):
    """Return two samples in files, with equal rows, and the files that are shared."""
    rng, files = np.random.default_rng(0), SharedFiles()
    x, y = rng.integers(0, 5, size=(700, 3)).astype(float), rng.normal(size=(900, 3))
    for name, sample in (("x.npy", x), ("y.npy", y)):
        np.save(tmp_path / name, sample)
        files.add(sample, str(tmp_path / name), Selection())
    return x, y, files


def found(files, array):
    return files.rows(array, array_digest(array))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda x, y, _order: x,
        lambda x, y, _order: y.copy(),
        lambda x, y, order: y[order(len(y))],
        lambda x, y, order: y[order(len(y))[:500]],
        lambda x, y, order: np.concatenate([y, x]),
        lambda x, y, order: np.concatenate([y, x, x])[order(2000)],
    ],
)
def test_rows_are_read_where_they_are(samples, wanted):
    x, y, files = samples
    array = wanted(x, y, np.random.default_rng(1).permutation)
    rows = found(files, array)
    assert array_digest(read_rows(rows.files, rows.order, {})) == array_digest(array)
    assert found(files, array) is rows  # it is looked for once
    assert rows.order is None or rows.order.itemsize == 4


@pytest.mark.parametrize(
    "other",
    [
        lambda x, y: np.concatenate([y, y[:1] + 1]),
        lambda x, y: y + 1,
        lambda x, y: np.where(x == 0, -0.0, x),  # its rows equal those of x, but not in their bits
        lambda x, y: y[:, :2],
        lambda x, y: y[:300],  # which is less than workers would read
        lambda x, y: y.astype(np.float32),
        lambda x, y: y.ravel(),
    ],
)
def test_other_arrays_are_not_found(samples, other):
    x, y, files = samples
    assert found(files, other(x, y)) is None


def test_arrays_that_are_gone_are_forgotten():
    files, sample = SharedFiles(), np.random.default_rng(0).normal(size=(50, 3))
    reordered = sample[::-1].copy()
    files.add(sample, "x.npy", Selection())
    assert found(files, reordered)
    del sample
    files.add(np.zeros((2, 3)), "y.npy", Selection())
    assert found(files, reordered) is None


def test_codes_that_are_whitened_where_they_are_do_not_count_as_those_of_the_file(samples):
    _, y, files = samples
    y -= 3  # as a prior does it
    assert found(files, y) is None
    assert found(files, y[::-1].copy()) is None


def test_only_files_that_are_needed_are_read(samples, tmp_path):
    _, y, files = samples
    others = [np.vstack([np.full((900, 3), 10.0 + k), y[:1], y[10:20]]) for k in range(3)]
    for k, other in enumerate(others):  # hold some of the same rows
        np.save(tmp_path / f"{k}.npy", other)
        files.add(other, str(tmp_path / f"{k}.npy"), Selection())
    assert [file.name for file in found(files, y[::-1].copy()).files] == [str(tmp_path / "y.npy")]
    both, kept = np.vstack([y, others[1]])[::-1].copy(), {}
    rows = found(files, both)
    assert len(rows.files) == 2
    assert array_digest(read_rows(rows.files, rows.order, kept)) == array_digest(both)
    assert list(kept) == list(rows.files)


def test_a_file_that_has_changed_is_named(samples, tmp_path):
    _, y, files = samples
    rows = found(files, y[::-1].copy())
    np.save(tmp_path / "y.npy", y + 1)
    with pytest.raises(ClusterError, match=r"y.npy differs on worker .* Leave out --shared-files."):
        read_rows(rows.files, rows.order, {})
