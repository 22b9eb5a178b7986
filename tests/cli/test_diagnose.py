"""`gaedist diagnose` prints a table with a verdict, a row for each check, one object for each file or the
least p; its gates exit with 1, and what cannot be judged with 2.
"""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from gaedist.diagnostics.registry import CHECKS


@pytest.fixture
def files(codes):
    rng = np.random.default_rng(5)
    np.save("few.npy", rng.normal(size=(2, 30)))
    np.save("one.npy", rng.normal(size=(1, 1)))
    x = rng.normal(size=(300, 4))
    x[:, 2] *= 0.01
    x[5] = x[4]
    np.save("collapsed.npy", x)
    return codes


def test_table(gaedist, files):
    code, out, err = gaedist("diagnose", "collapsed.npy", "--format", "table")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "collapsed.npy  300 × 4"
    first = [line.split(" ")[0] for line in lines[2 : lines.index("")]]
    assert [word for word in first if word] == list(CHECKS)
    assert "Axis 2 hardly varies (sd 0.01" in out
    assert "follows from scale of axis 2" in out
    assert "KL of the Gaussian fit from N(0, I): " in out


def test_tsv_has_a_row_for_each_check(gaedist, files):
    _, out, _ = gaedist("diagnose", "normal.npy", "wide.npy", "--format", "tsv")
    rows = list(csv.DictReader(io.StringIO(out), delimiter="\t"))
    assert [row["check"] for row in rows] == [*CHECKS, *CHECKS]
    assert [row["file"] for row in rows] == ["normal.npy"] * len(CHECKS) + ["wide.npy"] * len(CHECKS)
    assert {row["found"] for row in rows if row["file"] == "normal.npy"} == {"False"}


def test_json(gaedist, files):
    _, out, _ = gaedist("diagnose", "collapsed.npy", "one.npy", "--format", "json")
    first, second = map(json.loads, out.splitlines())
    keys = (
        "file dataset n dim alpha verdict checks kl sizes detectable notes threads seconds version prior "
        "posterior"
    )
    assert list(first) == keys.split()
    keys = "name statistic p_value p_adjusted found effect quantity details where follows_from sentence note"
    assert [list(check) for check in first["checks"]] == [keys.split()] * len(CHECKS)
    assert set(first["kl"]) >= {"total", "mean", "scales", "correlations"}
    assert second["kl"]["total"] is None
    assert second["kl"]["infinite"] is True
    assert first["kl"]["null_mean"] > 0
    assert [check["name"] for check in second["checks"] if check["note"]] == [
        name for name in CHECKS if name != "location"
    ]


def test_directions_are_written_whole_to_a_file(gaedist, files, digits):
    assert gaedist("diagnose", digits, "-o", "out.json")[0] == 0
    (direction, *_) = next(
        check["where"]
        for check in json.loads(Path("out.json").read_text())["checks"]
        if check["name"] == "directions"
    )
    assert len(direction["vector"]) == 8
    assert abs(sum(v * v for v in direction["vector"]) - 1) < 1e-9
    _, out, _ = gaedist("diagnose", digits, "--format", "json")
    assert '"vector": [' not in out


def test_value_keeps_the_place_of_a_bad_file(gaedist, files):
    code, out, err = gaedist("diagnose", "normal.npy", "none.npy", "wide.npy", "one.npy", "--format", "value")
    assert code == 2
    values = [float(line) for line in out.split()]
    assert values[0] > 0.01
    assert np.isnan(values[1])
    assert values[2] < 1e-100
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("gate", "file", "message"),
    [
        (("--fail-p", "0.01"), "wide.npy", "adjusted p is"),
        (("--max-shift", "0.05"), "normal.npy", "the largest mean of an axis is"),
        (("--min-sd", "0.5"), "collapsed.npy", "the smallest sd of an axis is"),
        (("--max-sd", "1.5"), "wide.npy", "the largest sd of an axis is"),
        (("--max-correlation", "0.01"), "normal.npy", "the largest correlation of two axes is"),
        (("--max-duplicates", "0"), "collapsed.npy", "the number of rows that repeat another is 1, above"),
    ],
)
def test_gates(gaedist, files, gate, file, message):
    code, _, err = gaedist("diagnose", file, *gate)
    assert code == 1
    assert err.count("\n") == 1
    assert f"{file}: {message}" in err
    assert gate[0] in err


def test_gates_that_are_met(gaedist, files):
    bounds = ("--fail-p", "0.001", "--max-shift", "0.5", "--min-sd", "0.5", "--max-sd", "1.5")
    more = ("--max-correlation", "0.5", "--max-duplicates", "0")
    assert gaedist("diagnose", "normal.npy", *bounds, *more)[0] == 0


@pytest.mark.parametrize("gate", ["--min-sd", "--max-correlation"])
def test_what_cannot_be_judged_does_not_pass(gaedist, files, gate):
    code, _, err = gaedist("diagnose", "one.npy", gate, "0.5")
    assert code == 2
    assert f"{gate} cannot be evaluated" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("normal.npy", "--check", "no"), "'no' is not one of location, scale"),
        (("normal.npy", "--alpha", "0"), "--alpha must be between 0 and 1; got 0."),
        (("normal.npy", "--fail-p", "0"), "--fail-p 0 cannot fail"),
        (("normal.npy", "--top", "0"), "--top"),
        (("bad.npy",), "row 3 has nan in column 1"),
        (("normal.npy", "-o", "normal.npy"), "is an input of this command"),
    ],
)
def test_mistakes(gaedist, files, arguments, message):
    code, out, err = gaedist("diagnose", *arguments)
    assert (code, out) == (2, "")
    assert message.lower() in err.lower()
    assert err.count("\n") == 1


def test_chosen_checks(gaedist, files):
    _, out, _ = gaedist("diagnose", "normal.npy", "--check", "order", "--check", "scale", "--format", "tsv")
    assert [line.split("\t")[5] for line in out.splitlines()[1:]] == ["order", "scale"]


def test_notes(gaedist, files):
    assert "is the array transposed?" in gaedist("diagnose", "few.npy")[2]
    assert gaedist("diagnose", "few.npy", "-q")[2] == ""
