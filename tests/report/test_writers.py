"""Every format holds all digits and the same keys in each row, and a file is written whole or not at all."""

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from processes import shell, shown_on_terminal

import gaedist as library
from gaedist.metrics.registry import METRICS


def test_value_is_the_bare_number_with_all_digits(gaedist, codes):
    code, out, err = gaedist("score", "normal.npy", "--format", "value")
    assert (code, err) == (0, "")
    assert float(out) == library.score(np.load("normal.npy")).value


def test_a_pipe_gets_tsv(gaedist, codes):
    code, out, _ = gaedist("score", "normal.npy", "wide.npy")
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert (code, len(rows)) == (0, 2)
    assert header[:6] == ["file", "dataset", "n", "dim", "metric", "value"]
    assert "sigma_median" in header
    assert "null_sd" in header
    row = dict(zip(header, rows[0], strict=True))
    assert row["dataset"] == row["null_replicates"] == ""
    assert float(row["p_value"]) == library.score(np.load("normal.npy")).p_value
    assert float(row["value"]) == library.score(np.load("normal.npy")).value


@pytest.mark.parametrize("first", ["kl", "gaussian"])
def test_rows_of_tsv_have_the_columns_of_the_header_whichever_metric_comes_first(gaedist, small_codes, first):
    others = [name for name in ("kl", "gaussian", "mmd") if name != first]
    options = [word for name in (first, *others) for word in ("--metric", name)]
    _, out, _ = gaedist("score", "normal.npy", *options)
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert {len(row) for row in rows} == {len(header)}
    named = {row[header.index("metric")]: dict(zip(header, row, strict=True)) for row in rows}
    assert named["gaussian"]["sigma_median"] == "1.0"
    assert named["kl"]["sigma_median"] == named["kl"]["terms_pair"] == ""
    assert named["mmd"]["parameters_scales"] == "0.1,0.2,0.5,1,2,5,10"


def test_beyond_a_double_json_has_null_and_the_logarithm(gaedist, codes):
    np.save("big.npy", np.random.default_rng(0).normal(size=(5, 3000)))
    _, out, _ = gaedist("score", "big.npy", "--sigma", "0.5", "--format", "json")
    row = json.loads(out, parse_constant=pytest.fail)
    assert row["value"] is None
    assert row["null"]["mean"] is None
    assert row["log_value"] == pytest.approx(1500 * math.log(4) - math.log(5), rel=1e-12)
    assert math.isfinite(row["z"])
    _, out, _ = gaedist("score", "big.npy", "--sigma", "0.5", "--format", "table")
    assert "e^2077.8" in out
    np.save("zero.npy", np.zeros((1, 2)))
    _, out, _ = gaedist("score", "zero.npy", "--format", "json")
    row = json.loads(out, parse_constant=pytest.fail)
    assert row["value"] == 0
    assert row["log_value"] is None


def test_output_appears_whole_or_not_at_all(gaedist, codes):
    assert gaedist("score", "normal.npy", "-o", "out.tsv") == (0, "", "")
    assert Path("out.tsv").read_text().startswith("file\tdataset")
    gaedist("score", "normal.npy", "-o", "out.json")
    assert json.loads(Path("out.json").read_text())["n"] == 500
    gaedist("score", "normal.npy", "-o", "out.txt", "--format", "table")
    before = Path("out.txt").read_text()
    assert "under N(0, I)" in before
    assert gaedist("score", "none.npy", "-o", "out.txt", "--format", "table")[0] == 2
    assert Path("out.txt").read_text() == before
    assert gaedist("score", "normal.npy", "-o", "/dev/null")[0] == 0
    assert not Path("/dev/null").is_file()
    assert not list(codes.glob(".*"))


def test_output_to_odd_places(gaedist, codes):
    Path("private.tsv").write_text("old")
    Path("private.tsv").chmod(0o600)
    Path("link.tsv").symlink_to("private.tsv")
    Path("loop").symlink_to("loop")
    assert gaedist("score", "normal.npy", "-o", "link.tsv")[0] == 0
    assert Path("link.tsv").is_symlink()
    assert Path("private.tsv").read_text().startswith("file")
    assert Path("private.tsv").stat().st_mode & 0o777 == 0o600
    code, _, err = gaedist("score", "normal.npy", "-o", "loop")
    assert (code, err) == (2, "gaedist: loop: cannot be written: Too many levels of symbolic links.\n")
    code, out, err = shell("score normal.npy --format value -o /dev/stdout | cat")
    assert (code, err) == (0, "")
    assert float(out) > 0


def test_a_full_disk_leaves_the_old_file(codes):
    Path("out.tsv").write_text("old")
    files = " ".join(["normal.npy"] * 30)
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; trap '' XFSZ; {sys.executable} -B -m gaedist score {files} -o out.tsv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written: File too large" in done.stderr
    assert Path("out.tsv").read_text() == "old"
    assert not list(codes.glob(".out*"))


def test_colours_only_on_a_terminal_that_wants_them(codes):
    assert "\x1b[1m" in shown_on_terminal(["score", "normal.npy"])
    plain = shown_on_terminal(["score", "normal.npy"], NO_COLOR="1")
    assert "\x1b[3" not in plain
    assert "verdict" in plain
    dumb = shown_on_terminal(["score", "normal.npy"], NO_COLOR="1", TERM="dumb")
    assert max(map(len, dumb.splitlines())) <= 80


@pytest.mark.parametrize("columns", [80, pytest.param(150, marks=pytest.mark.slow), 200])
def test_metrics_fit_the_terminal_and_their_names_are_whole(columns):
    lines = shown_on_terminal(["metrics"], columns, NO_COLOR="1", TERM="dumb").splitlines()
    assert max(map(len, lines)) <= columns
    assert [name for name in (line.split(" ")[0] for line in lines) if name] == list(METRICS)
    for option in ("--sigma", "--scale", "--directions"):
        assert any(option in line for line in lines)


def test_csv_is_tsv_with_commas(gaedist, codes):
    _, tsv, _ = gaedist("inspect", "normal.npy", "--format", "tsv")
    expected = list(csv.reader(io.StringIO(tsv), delimiter="\t"))
    Path("normal.npy").rename('a, "b".npy')
    expected[1][0] = 'a, "b".npy'
    _, out, _ = gaedist("inspect", 'a, "b".npy', "--format", "csv")
    assert list(csv.reader(io.StringIO(out))) == expected
    assert gaedist("inspect", 'a, "b".npy', "-o", "out.CSV") == (0, "", "")
    assert Path("out.CSV").read_text() == out


@pytest.mark.parametrize("command", [["inspect", "normal.npy"], ["metrics"]])
@pytest.mark.parametrize("form", ["tsv", "csv"])
def test_rows_without_a_header_can_be_joined(gaedist, codes, command, form):
    _, out, _ = gaedist(*command, "--format", form)
    assert gaedist(*command, "--format", form, "--no-header") == (0, out.partition("\n")[2], "")


def test_results_have_no_header_if_none_is_wanted(gaedist, codes):
    for command in (["score", "normal.npy"], ["compare", "normal.npy", "wide.npy"], ["sigma", "normal.npy"]):
        code, out, _ = gaedist(*command, "--format", "tsv", "--no-header")
        assert (code, out.count("\n"), out.partition("\t")[0]) == (0, 1, "normal.npy")


def test_a_table_has_a_header(gaedist, codes):
    for form in ("json", "value"):
        assert gaedist("score", "normal.npy", "--format", form, "--no-header")[0] == 0
    code, out, err = gaedist("score", "normal.npy", "--format", "table", "--no-header")
    assert (code, out, err) == (2, "", "gaedist: --no-header applies to tsv and csv. Add --format tsv.\n")


@pytest.mark.parametrize("form", ["tsv", pytest.param("csv", marks=pytest.mark.slow)])
def test_names_are_told_apart_in_ascii_and_have_no_control_characters(codes, form):
    names = ["é.npy", "è.npy", "?.npy", "a\x1b[31m.npy", "b\nc.npy", "d\te.npy"]
    for name in names:
        Path(name).write_bytes(Path("three.npy").read_bytes())
    options = f"inspect *.npy --format {form} --no-header"
    code, out, _ = shell(options, PYTHONIOENCODING="ascii")
    found = [line.split("," if form == "csv" else "\t")[0] for line in out.splitlines()]
    assert code == 0
    expected = {r"\xe9.npy", r"\xe8.npy", "?.npy", r"a\x1b[31m.npy", r"b\nc.npy", r"d\te.npy"}
    assert expected <= set(found)
    assert len(set(found)) == len(found) == len(list(Path().glob("*.npy")))
