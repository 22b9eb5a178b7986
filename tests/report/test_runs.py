"""Files are in natural order, belong to folders or to files of arrays, and lose what their names share."""

import pytest

from gaedist.report.runs import Run, natural, ordered, run_of, shortened


def test_natural_order():
    names = ["step10.npy", "step2.npy", "step.npy", "a.npy", "step2b.npy", "step2.npz"]
    assert sorted(names, key=natural) == [
        "a.npy", "step.npy", "step2.npy", "step2.npz", "step2b.npy", "step10.npy",
    ]  # fmt: skip


def test_runs():
    assert run_of("runs/a/step1.npy", None) == Run("runs/a", "step1.npy")
    assert run_of("codes.h5", "train/2") == Run("codes.h5", "train/2")
    runs, names = ordered([{"file": f"{run}/s{k}.npy", "dataset": None} for run in "ba" for k in (10, 9)])
    assert [run.folder for run in runs] == ["b", "b", "a", "a"]
    assert names == ["s9.npy", "s10.npy"]


@pytest.mark.parametrize(
    ("names", "cut", "whole"),
    [
        (["step1.npy", "step10.npy"], ["1", "10"], "step*.npy"),
        (["step100.npy", "step101.npy"], ["100", "101"], "step*.npy"),
        (["a_train.npy", "a_test.npy"], ["train", "test"], "a_*.npy"),
        (["a.npy"], ["a.npy"], "file"),
        (["train", "test"], ["train", "test"], "file"),
        (["x1", "x1y2"], ["x1", "x1y2"], "file"),
    ],
)
def test_what_names_share_is_cut(names, cut, whole):
    assert shortened(names) == (cut, whole)
