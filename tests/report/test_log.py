"""A log grows by the rows of a file in one piece, knows its files, and forgets a file whose rows were cut."""

import json
from pathlib import Path

import numpy as np
import pytest

import gaedist
from gaedist import GaedistError
from gaedist.report.log import Log
from gaedist.report.rows import Row

KINDS = ["log.tsv", "log.csv", "log.jsonl"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def results():
    x = np.random.default_rng(0).normal(size=(50, 2))
    return gaedist.scores(x, metric=["kl", "energy"])


def rows(name, results):
    return [Row({"file": name, "dataset": None}, result) for result in results]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_known(kind, results):
    names = ["a.npy", "b\tc,d.npy", "e é.npy"]
    for name in names:
        Log(Path(kind)).add(rows(name, results))
    log = Log(Path(kind))
    assert log.files == {"a.npy", "b\\tc,d.npy", "e é.npy"}
    lines = Path(kind).read_text().splitlines()
    assert len(lines) == 6 + (kind != "log.jsonl")
    if kind == "log.jsonl":
        assert [json.loads(line)["metric"] for line in lines] == ["kl", "energy"] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [1, 30, 0.5])
def test_a_file_whose_rows_were_cut_is_done_again(kind, part, results):
    path = Path(kind)
    Log(path).add(rows("first.npy", results))
    before = path.read_bytes()
    Log(path).add(rows("second.npy", results))
    whole = path.read_bytes()
    lost = part if part >= 1 else int(part * len(whole.splitlines()[-1]))
    path.write_bytes(whole[:-lost])
    log = Log(path)
    assert log.files == {"first.npy"}
    assert path.read_bytes() == before
    log.add(rows("second.npy", results))
    assert path.read_bytes() == whole


def test_a_log_that_was_cut_in_its_first_line(results):
    path = Path("log.tsv")
    path.write_text("file\tdatas")
    log = Log(path)
    log.add(rows("a.npy", results))
    assert Log(path).files == {"a.npy"}
    assert path.read_text().startswith("file\tdataset\tn\t")


@pytest.mark.parametrize(
    ("name", "text"), [("x.tsv", "a\tb\n1\t2\n"), ("x.jsonl", "nothing\n"), ("x.csv", "1,2\n")]
)
def test_other_files_are_refused(name, text):
    Path(name).write_text(text)
    with pytest.raises(GaedistError, match="is no log of gaedist watch"):
        Log(Path(name))
    assert Path(name).read_text() == text


def test_other_columns_are_refused(results):
    Path("log.tsv").write_text("file\tvalue\n")
    with pytest.raises(GaedistError, match="has other columns"):
        Log(Path("log.tsv")).add(rows("a.npy", results))
