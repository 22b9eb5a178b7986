"""A log grows by the rows of a file in one piece, knows its files, and forgets a file whose rows were cut."""

import json
from pathlib import Path

import numpy as np
import pytest

import gaedist
from gaedist import GaedistError, Parameters
from gaedist.errors import OutputError
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
    with pytest.raises(OutputError, match="has other columns"):
        Log(Path("log.tsv")).add(rows("a.npy", results))


def test_the_log_of_other_metrics_is_refused(results):
    Log(Path("log.tsv")).add(rows("a.npy", results))
    log = Log(Path("log.tsv"))
    log.check_metrics(["energy", "kl", "mmd"])
    with pytest.raises(GaedistError, match=r"was written with metric energy, not kl\."):
        log.check_metrics(["kl"])


SETTINGS = {
    "sigma_min": ({"sigma": 1.0}, {"sigma": 2.0}),
    "sigma_rule": ({"sigma": 1.0}, {"sigma": "silverman"}),
    "target": ({"sigma": 1.0}, {"sigma": 1.0, "target": "smoothed"}),
    "estimator": ({"target": "smoothed"}, {"target": "smoothed", "estimator": "u"}),
    "covariance": ({"sigma": 1.0}, {"sigma": 1.0, "covariance": "radial"}),
    "companion_target": ({"sigma": 1.0}, {}),
}
"""Column → options of `gaedist.score` that differ in it."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", SETTINGS)
def test_rows_of_other_settings_are_refused(kind, column):
    rng, path = np.random.default_rng(0), Path(kind)
    first, second = SETTINGS[column]
    Log(path).add(rows("a.npy", [gaedist.score(rng.normal(size=(50, 2)), **first)]))
    before = path.read_bytes()
    with pytest.raises(OutputError, match=f"was written with {column} .*, not "):
        Log(path).add(rows("b.npy", [gaedist.score(rng.normal(size=(60, 2)), **second)]))
    assert path.read_bytes() == before


def test_parameters_and_how_codes_were_read_are_settings():
    rng, path = np.random.default_rng(0), Path("log.jsonl")
    x, other = rng.normal(size=(50, 2)), rng.normal(size=(60, 3))

    def row(name, codes, **parameters):
        return Row(
            {"file": name, "dataset": None, "rows": "0:60"},
            gaedist.score(codes, metric="cramer-wold", parameters=Parameters(**parameters)),
        )

    Log(path).add([row("a.npy", x)])
    Log(path).add([row("b.npy", other)])  # γ depends on n by default
    with pytest.raises(OutputError, match="parameters_gamma"):
        Log(path).add([row("c.npy", other, gamma=2.0)])
    with pytest.raises(OutputError, match="was written with rows 0:60, not none"):
        Log(path).add([Row({"file": "c.npy", "dataset": None}, row("c.npy", other).result)])
    with pytest.raises(OutputError, match="number of σ of cramer-wold 1, not 2"):
        Log(path).add([row("c.npy", other), row("c.npy", other)])


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_read_back(kind):
    """What a row reports is the same after it was written and read."""
    x = np.random.default_rng(0).normal(size=(50, 2))
    found = [
        *gaedist.scores(x, metric="all"),
        gaedist.score(x),
        gaedist.score(x, sigma="optimize"),
        gaedist.score(np.zeros((5, 2)), metric="kl"),
    ]
    for k, result in enumerate(found):
        path = Path(f"{k}{kind}")
        Log(path).add(rows("a é.npy", [result]))
        (row,) = Log(path).rows
        assert row.as_dict() == rows("a é.npy", [result])[0].as_dict()
        assert row.result.infinite == result.infinite


def test_a_log_with_a_cell_that_is_no_number(results):
    path = Path("log.tsv")
    Log(path).add(rows("a.npy", results))
    path.write_text(path.read_text().replace("\t50\t", "\tfifty\t"))
    with pytest.raises(GaedistError, match="is no log of gaedist watch"):
        _ = Log(path).rows
