import json
import math
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gaedist as library

FIELDS = ["method", "precision", "threads", "seconds", "version"]
SCORE_KEYS = ["file", "dataset", "n", "dim", "metric", "value", "log_value", "value_se"]
SCORE_KEYS += ["parameters", "target", "estimator"]
SCORE_KEYS += ["covariance", "sigma", "terms", "null", "excess", "z", "p_value", *FIELDS]
COMPARE_KEYS = ["file_a", "dataset_a", "file_b", "dataset_b", "n", "m", "dim", "metric", "estimator"]
COMPARE_KEYS += ["value", "log_value", "value_se", "parameters", "covariance", "sigma", "null"]
COMPARE_KEYS += ["p_value", *FIELDS]


@pytest.fixture
def codes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("normal.npy", rng.normal(size=(500, 4)))
    np.save("wide.npy", 2 * rng.normal(size=(400, 4)))
    np.save("narrow.npy", 0.5 * rng.normal(size=(400, 4)))
    bad = rng.normal(size=(20, 4))
    bad[[3, 7], 1] = np.nan
    np.save("bad.npy", bad)
    np.save("three.npy", rng.normal(size=(20, 3)))
    return tmp_path


def test_score_json(gaedist, codes):
    code, out, err = gaedist("score", "normal.npy", "wide.npy", "--format", "json", "--sigma", 0.8)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(rows)) == (0, "", 2)
    assert list(rows[0]) == SCORE_KEYS
    assert list(rows[0]["sigma"])[:4] == ["rule", "min", "median", "max"]
    assert set(list(rows[0]["sigma"].values())[4:]) == {None}
    assert list(rows[0]["terms"]) == ["pair", "cross", "prior"]
    assert list(rows[0]["null"]) == ["method", "mean", "sd", "replicates", "note"]
    expected = library.score(np.load("normal.npy"), sigma=0.8)
    for key in ("n", "dim", "value", "log_value", "excess", "z", "p_value", "metric", "target", "covariance"):
        assert rows[0][key] == getattr(expected, key)
    assert rows[0]["file"] == "normal.npy"
    assert rows[0]["dataset"] is None
    assert rows[0]["version"] == library.__version__


def test_compare_json(gaedist, codes):
    code, out, err = gaedist("compare", "normal.npy", "wide.npy", "--format", "json")
    row = json.loads(out)
    assert (code, err, list(row)) == (0, "", COMPARE_KEYS)
    assert row["null"] == dict.fromkeys(["method", "mean", "sd", "replicates", "note"]) | {"method": "none"}
    assert row["value"] == library.compare(np.load("normal.npy"), np.load("wide.npy")).value
    assert (row["n"], row["m"], row["file_a"], row["file_b"]) == (500, 400, "normal.npy", "wide.npy")


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


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("normal.npy", "No difference from N(0, I) seen"),
        ("wide.npy", "more spread, shifted or clustered"),
        ("narrow.npy", "more concentrated than N(0, I)"),
    ],
)
def test_table_says_what_the_number_means(gaedist, codes, file, words):
    _, out, _ = gaedist("score", file, "--format", "table")
    result = library.score(np.load(file))
    assert words in out
    assert f"{result.z:+.2f}" in out
    assert " ± " in out
    assert "\x1b" not in out


def test_table_warns_of_saturation(gaedist, codes):
    np.save("big.npy", np.random.default_rng(0).normal(size=(30, 400)))
    _, out, _ = gaedist("score", "big.npy", "--format", "table")
    assert "At D = 400 and σ = 1 the distance has saturated: it is 1 + 1/n to within rounding" in out


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


def test_bad_files_are_named_and_the_others_scored(gaedist, codes):
    Path("text.npy").write_text("hello")
    code, out, err = gaedist("score", "bad.npy", "none.npy", "text.npy", "normal.npy", "--format", "json")
    assert code == 2
    assert json.loads(out)["file"] == "normal.npy"
    assert err.splitlines() == [
        "gaedist: bad.npy: row 3 has NaN in column 1; 2 of 20 rows are not finite. "
        "Drop them with --drop-nonfinite.",
        "gaedist: none.npy: No such file or directory.",
        "gaedist: text.npy: not an .npy, .npz or HDF5 file: it starts with b'hello'.",
    ]


def test_dropped_rows_are_told(gaedist, codes):
    code, out, err = gaedist("score", "bad.npy", "--drop-nonfinite", "--format", "json")
    assert (code, json.loads(out)["n"]) == (0, 18)
    assert err == "gaedist: bad.npy: dropped 2 of 20 rows that are not finite.\n"
    assert gaedist("score", "bad.npy", "--drop-nonfinite", "--quiet")[2] == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "normal.npy", "--sigma", "0"], "sigma must be a positive, finite number; got 0"),
        (["score", "normal.npy", "--sigma", "nan"], "got nan"),
        (["score", "normal.npy", "--sigma", "x"], "--sigma"),
        (["score", "normal.npy", "--frobnicate"], "No such option: --frobnicate"),
        (["score", "normal.npy", "--metric", "no"], "'no' is not one of gaussian, bhep, "),
        (["score", "normal.npy", "--null", "no"], "'no' is not one of auto, closed-form, monte-carlo, none."),
        (["score", "normal.npy", "--format", "xml"], "'xml' is not one of auto, table, json, tsv, value."),
        (["score", "normal.npy", "--rows", "1"], "--rows must be A:B with whole numbers; got '1'."),
        (["score", "normal.npy", "--subsample", "0"], "--subsample"),
        (["score", "normal.npy", "--threads", "0"], "--threads"),
        (["score", "normal.npy", "--fail-above", "nan"], "--fail-above must be a number; got nan."),
        (["score"], "Missing argument 'FILE"),
        (["compare", "normal.npy"], "Missing argument 'B'"),
        (["compare", "normal.npy", "three.npy"], "normal.npy and three.npy: dimensions differ: 4 and 3."),
        (["compare", "normal.npy", "none.npy"], "none.npy: No such file"),
        (["inspect", "none.npy"], "none.npy: No such file"),
        (["score", "normal.npy", "-o", "no/folder.tsv"], "no/folder.tsv: cannot be written: No such file"),
        (["divide"], "No such command 'divide'"),
        (["--nope"], "No such option: --nope"),
    ],
)
def test_mistakes_get_one_line_and_exit_two(gaedist, codes, arguments, message):
    code, out, err = gaedist(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("gaedist: ")
    assert err.count("\n") == 1
    assert message in err


def test_gates(gaedist, codes):
    assert gaedist("score", "normal.npy", "--fail-above", "1", "--fail-z", "4")[0] == 0
    code, out, err = gaedist(
        "score",
        "normal.npy",
        "wide.npy",
        "narrow.npy",
        "--fail-z",
        "4",
        "--fail-above",
        ".7",
        "--format",
        "value",
    )
    assert code == 1
    assert len(out.splitlines()) == 3
    lines = err.splitlines()
    assert [line.split(" = ")[0] for line in lines] == [
        "gaedist: wide.npy: value",
        "gaedist: wide.npy: |z|",
        "gaedist: narrow.npy: |z|",
    ]
    assert lines[0].endswith("is above --fail-above 0.7.")
    assert gaedist("score", "wide.npy", "none.npy", "--fail-z", "4")[0] == 2
    code, _, err = gaedist("score", "wide.npy", "--fail-z", "4", "--null", "none")
    assert (code, err.count("\n")) == (2, 1)
    assert "--fail-z needs what N(0, I) scores, which is not known here. Add --null monte-carlo." in err
    np.save("big.npy", np.zeros((5, 3000)))
    assert gaedist("score", "big.npy", "--sigma", "0.5", "--fail-above", "1e300")[0] == 1


def test_gates_on_p_say_which_way(gaedist, codes):
    arguments = ["wide.npy", "normal.npy", "narrow.npy", "--fail-p", "0.001", "--format", "value"]
    code, out, err = gaedist("score", *arguments)
    assert (code, len(out.splitlines())) == (1, 3)
    wide, narrow = err.splitlines()
    assert wide.startswith("gaedist: wide.npy: p = ")
    assert wide.endswith(" is below --fail-p 0.001: more spread, shifted or clustered than N(0, I).")
    assert narrow.startswith("gaedist: narrow.npy: p = ")
    assert "more concentrated than N(0, I)" in narrow
    code, _, err = gaedist("score", *arguments, "--target", "smoothed", "--fail-z", "50")
    assert (code, err.count("wide.npy: z = "), err.count("narrow.npy: p = ")) == (1, 1, 1)
    assert "more" not in err
    assert gaedist("score", "normal.npy", "--fail-p", "0.001")[0] == 0


def test_gates_of_several_sigmas_name_them(gaedist, codes):
    arguments = ["--sigma", "0.5", "--sigma", "median", "--target", "smoothed", "--fail-p", "0.01"]
    code, out, err = gaedist("score", "wide.npy", *arguments)
    assert (code, len(out.splitlines())) == (1, 3)
    first, second = err.splitlines()
    assert "wide.npy, σ = 0.5: p = " in first
    assert re.search(r"wide.npy, σ = \S+ median: p = ", second)


def test_gates_that_nothing_can_fail_are_refused(gaedist, codes):
    for arguments, message in (
        (["score", "wide.npy", "--null", "monte-carlo", "--replicates", "99", "--fail-p", "0.02"], "0.02"),
        (["compare", "wide.npy", "normal.npy", "--permutations", "9", "--fail-p", "0.05"], "0.1"),
    ):
        code, out, err = gaedist(*arguments)
        assert (code, out) == (2, "")
        assert f"cannot fail: p is at least {message}. Use more --" in err
    code, _, err = gaedist("compare", "wide.npy", "normal.npy", "--fail-p", "0.05")
    assert (code, err) == (2, "gaedist: --fail-p needs a p-value. Add --permutations R.\n")


def test_a_gate_without_a_p_value_says_what_to_do(gaedist, codes):
    np.save("big.npy", np.random.default_rng(0).normal(size=(50, 64)))
    code, out, err = gaedist("score", "big.npy", "normal.npy", "--fail-p", "0.01", "--format", "value")
    assert (code, len(out.splitlines())) == (2, 2)
    assert "big.npy: --fail-p cannot be judged: " in err
    assert "Use --null monte-carlo" in err


def test_compare_has_gates(gaedist, codes):
    pair = ["normal.npy", "wide.npy"]
    code, out, err = gaedist("compare", *pair, "--permutations", "99", "--fail-p", ".05", "--fail-above", "9")
    row = dict(zip(*(line.split("\t") for line in out.splitlines()), strict=True))
    assert (code, row["p_value"], row["null_replicates"]) == (1, "0.01", "99")
    assert err == "gaedist: normal.npy and wide.npy: p = 0.01 is below --fail-p 0.05.\n"
    assert gaedist("compare", *pair, "--fail-above", "1e-6")[0] == 1
    assert gaedist("compare", *pair, "--fail-above", "9")[0] == 0


def test_a_sigma_that_cannot_be_used_leaves_the_others(gaedist, codes):
    np.save("equal.npy", np.ones((20, 2)))
    arguments = ["--sigma", "1", "--sigma", "median", "--sigma", "0.5", "--format", "json"]
    code, out, err = gaedist("score", "equal.npy", *arguments)
    assert code == 2
    assert [json.loads(line)["sigma"]["median"] for line in out.splitlines()] == [1, 0.5]
    assert err.startswith("gaedist: equal.npy: sigma median: the median distance between points is 0.")
    assert err.count("\n") == 1


def test_several_sigmas_are_rows_with_their_rules(gaedist, codes):
    _, out, _ = gaedist("score", "normal.npy", "--sigma", "1", "--sigma", "scott", "--format", "table")
    assert re.search(r"normal.npy +500 +4 +1 +0\.", out)
    assert re.search(r"normal.npy +500 +4 +0.4599 scott +", out)
    assert "normal.npy, σ = 0.4599 scott: No difference from N(0, I) seen" in out


def test_simulated_laws_on_the_command_line(gaedist, codes, own_cache):
    arguments = [
        "normal.npy",
        "wide.npy",
        "--subsample",
        "30",
        "--sigma",
        "mean-field",
        "--null",
        "monte-carlo",
    ]
    code, out, err = gaedist("score", *arguments, "--replicates", "19", "--no-cache", "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, list(own_cache.iterdir())) == (0, "", [])
    assert rows[0]["null"]["method"] == "monte-carlo"
    assert rows[0]["null"]["mean"] == rows[1]["null"]["mean"]
    assert rows[1]["p_value"] == 0.1
    gaedist("score", *arguments, "--replicates", "29")
    assert len(list(own_cache.iterdir())) == 1
    code, _, err = gaedist("score", "normal.npy", "--replicates", "19")
    assert (code, err) == (
        2,
        "gaedist: normal.npy: replicates are simulated samples: add --null monte-carlo (null=).\n",
    )


def test_an_unbiased_value_below_zero_is_explained(gaedist, codes):
    np.save("even.npy", np.random.default_rng(6).normal(size=(60, 4)))
    options = ["--target", "smoothed", "--estimator", "u"]
    _, out, _ = gaedist("score", "even.npy", *options, "--format", "table")
    assert " -0.0" in out
    assert "An unbiased value is below 0 for about half of all samples of N(0, I)." in out
    _, out, _ = gaedist("score", "even.npy", *options, "--format", "json")
    row = json.loads(out)
    assert row["value"] < 0
    assert row["log_value"] is None
    assert row["p_value"] > 0.3


def test_reading_options(gaedist, codes):
    x = np.load("normal.npy")
    np.savez("two.npz", a=x, b=x[:9])
    for arguments, expected in [
        (["normal.npy", "--rows", "10:20"], x[10:20]),
        (["two.npz::b"], x[:9]),
        (["two.npz", "--dataset", "a"], x),
    ]:
        _, out, _ = gaedist("score", *arguments, "--format", "value")
        assert float(out) == library.score(expected).value
    first, again, other = (
        gaedist("score", "normal.npy", "--subsample", 50, "--seed", seed, "--format", "value")[1]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_output_appears_whole_or_not_at_all(gaedist, codes):
    assert gaedist("score", "normal.npy", "-o", "out.tsv") == (0, "", "")
    assert Path("out.tsv").read_text().startswith("file\tdataset")
    gaedist("score", "normal.npy", "-o", "out.json")
    assert json.loads(Path("out.json").read_text())["n"] == 500
    gaedist("score", "normal.npy", "-o", "out.txt", "--format", "table")
    before = Path("out.txt").read_text()
    assert "N(0, I) gives" in before
    assert gaedist("score", "none.npy", "-o", "out.txt", "--format", "table")[0] == 2
    assert Path("out.txt").read_text() == before
    assert gaedist("score", "normal.npy", "-o", "/dev/null")[0] == 0
    assert not Path("/dev/null").is_file()
    assert not list(codes.glob(".*"))


def test_inspect(gaedist, codes):
    np.savez("two.npz", a=2 * np.load("normal.npy"), b=np.zeros(3), c=np.zeros((4, 2)))
    code, out, err = gaedist("inspect", "two.npz", "bad.npy", "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [(row["file"], row["dataset"]) for row in rows] == [
        ("two.npz", "a"),
        ("two.npz", "b"),
        ("two.npz", "c"),
        ("bad.npy", None),
    ]
    x = 2 * np.load("normal.npy")
    assert rows[0]["mean_norm"] == pytest.approx(np.linalg.norm(x.mean(axis=0)), rel=1e-12)
    assert rows[0]["sd_min"] == pytest.approx(x.std(axis=0).min(), rel=1e-12)
    assert rows[0]["sd_max"] == pytest.approx(x.std(axis=0).max(), rel=1e-12)
    assert rows[0]["norm"] == pytest.approx((x**2).mean(), rel=1e-12)
    assert (rows[0]["scale"] * x).var(axis=0).mean() == pytest.approx(1, rel=1e-12)
    assert rows[1]["problem"].startswith("an array with 1 axis")
    assert (rows[2]["sd_max"], rows[2]["scale"]) == (0, None)
    assert rows[3]["problem"] == "2 of 20 rows are not finite, first row 3"
    _, out, _ = gaedist("inspect", "two.npz", "--format", "table")
    assert "two.npz::a" in out
    np.save("same.npy", np.full((1000, 3), 0.1))
    assert json.loads(gaedist("inspect", "same.npy", "--format", "json")[1])["scale"] is None
    assert "500 × 4" in out
    assert "two.npz::b: an array with 1 axis" in out
    assert gaedist("inspect", "two.npz::c", "--format", "tsv")[1].count("\n") == 2


def test_help_and_version(gaedist):
    code, out, _ = gaedist("--version")
    assert (code, out) == (0, f"gaedist {library.__version__}\n")
    for command in ("score", "compare", "inspect"):
        code, out, _ = gaedist(command, "--help")
        assert code == 0
        assert "Example: gaedist" in out


def shell(command, **environment):
    line = f"{sys.executable} -m gaedist {command}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("options", ["", "--format table", "--format json", "--format value"])
@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (">/dev/full", "the results cannot be written: No space left on device."),
        (">&-", "standard output is closed."),
    ],
)
def test_results_that_cannot_be_written_are_no_failed_gate(codes, options, stream, message):
    assert shell(f"score normal.npy {options} {stream}") == (2, "", f"gaedist: {message}\n")


def test_other_streams_that_are_closed_or_full(codes):
    assert shell("score - <&-") == (2, "", "gaedist: -: standard input is closed.\n")
    code, out, _ = shell("score normal.npy --format value 2>&-")
    assert code == 0
    assert float(out) > 0
    assert shell("score none.npy 2>&-") == (2, "", "")
    assert shell("score none.npy 2>/dev/full") == (2, "", "")


def test_encodings_without_greek_letters(codes):
    for options in ("score normal.npy --format table", "score --help"):
        code, out, err = shell(options, PYTHONIOENCODING="ascii")
        assert (code, err) == (0, "")
        assert "?" in out
    odd = os.fsdecode(b"odd\xff\n.npy")
    Path("normal.npy").rename(odd)
    for form in ("json", "tsv", "table"):
        assert shell(f"score odd* --format {form}", PYTHONIOENCODING="utf-8", LC_ALL="C")[0] == 0
        assert shell(f"score odd* --format {form} -o out.{form}")[::2] == (0, "")
    assert json.loads(Path("out.json").read_text())["file"] == odd


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


def test_memory_that_does_not_suffice_leaves_the_other_files(gaedist, codes, monkeypatch):
    def read(file, selection):
        raise MemoryError

    monkeypatch.setattr("gaedist.cli.commands.read_latents", read)
    code, _, err = gaedist("score", "normal.npy", "wide.npy")
    assert code == 2
    assert err.splitlines()[1] == "gaedist: wide.npy: not enough memory. Use --rows or --subsample."


def test_a_gate_that_means_little_says_so(gaedist, codes):
    np.save("big.npy", 0.9 * np.random.default_rng(0).normal(size=(30, 400)))
    _, _, err = gaedist("score", "big.npy", "--fail-above", "2")
    assert err == "gaedist: big.npy: the distance has saturated, so a gate on the value tells nothing.\n"
    assert gaedist("score", "big.npy", "--fail-above", "2", "--quiet")[2] == ""
    np.save("big.npy", np.random.default_rng(0).normal(size=(100, 64)))
    assert "a gate on z is rough" in gaedist("score", "big.npy", "--fail-z", "9")[2]
    assert "No verdict" in gaedist("score", "big.npy", "--format", "table")[1]


def test_a_name_stays_in_its_line(gaedist, codes):
    odd = "a\nb\x1b[31m.npy"
    Path("normal.npy").rename(odd)
    assert "a\\nb\\x1b[31m.npy" in gaedist("score", odd, "--format", "table")[1]
    assert gaedist("score", "c\rd.npy")[2] == "gaedist: c\\rd.npy: No such file or directory.\n"


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "gaedist", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_closed_pipe_ends_quietly(codes):
    process = start("score", *["normal.npy"] * 20, "--format", "json")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == -signal.SIGPIPE


def terminal_output(arguments, interrupt_at=None, **environment):
    """Run with a terminal as standard error; return the exit code, standard output and what it shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gaedist", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment,
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
            if interrupt_at and interrupt_at in shown:
                process.send_signal(signal.SIGINT)
                interrupt_at = None
    except OSError:  # the terminal is closed when the process ends
        pass
    os.close(leader)
    out, _ = process.communicate()
    return process.returncode, out.decode(), shown.decode()


def test_control_c_shows_no_traceback_and_keeps_what_is_done(codes):
    np.save("large.npy", np.random.default_rng(0).normal(size=(400_000, 8)).astype("f4"))
    code, out, shown = terminal_output(
        ["score", "normal.npy", "large.npy", "--format", "json"], interrupt_at=b"large.npy"
    )
    assert code == 130
    assert "gaedist: interrupted." in shown
    assert "Traceback" not in shown
    assert "%" in shown
    assert json.loads(out)["file"] == "normal.npy"
    code, out, _ = terminal_output(
        ["score", "normal.npy", "large.npy", "-o", "out.json"], interrupt_at=b"large.npy"
    )
    assert (code, out) == (130, "")
    assert json.loads(Path("out.json").read_text())["file"] == "normal.npy"


def test_no_bar_when_quiet_or_quick(codes):
    for arguments in (["score", "normal.npy"], ["score", "normal.npy", "--quiet"]):
        assert terminal_output(arguments)[2] == ""


def test_colours_only_on_a_terminal_that_wants_them(codes):
    def shown(**environment):
        leader, follower = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "gaedist", "score", "normal.npy"],
            stdout=follower,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment,
            check=True,
        )
        os.close(follower)
        text = os.read(leader, 65536).decode()
        os.close(leader)
        return text

    assert "\x1b[1m" in shown()
    assert "\x1b[3" not in shown(NO_COLOR="1")
    assert "N(0, I) gives" in shown(NO_COLOR="1")
    assert max(map(len, shown(NO_COLOR="1", TERM="dumb").splitlines())) <= 80


def test_sigma_writes_what_score_reads(gaedist, codes):
    code, out, err = gaedist(
        "sigma", "normal.npy", "--covariance", "radial", "-o", "s.npy", "--format", "json"
    )
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert row["shape"] == [500, 2]
    assert row["sigma"]["rule"] == "mean-field"
    assert set(row["directions"]) == {"along x", "across x"}
    assert np.load("s.npy").shape == (500, 2)
    given = gaedist("score", "normal.npy", "--sigma", "s.npy", "--format", "value")[1]
    chosen = gaedist(
        "score", "normal.npy", "--sigma", "mean-field", "--covariance", "radial", "--format", "value"
    )
    assert float(given) == pytest.approx(float(chosen[1]), rel=1e-12)


def test_sigma_without_a_file_is_a_summary(gaedist, codes):
    code, out, err = gaedist("sigma", "normal.npy", "--format", "table")
    assert (code, err) == (0, "")
    assert "spherical" in out
    assert "least … median … largest" in out


def test_an_optimisation_says_how_it_went(gaedist, codes):
    options = ("--sigma", "optimize", "--rows", ":40")
    row = json.loads(gaedist("score", "normal.npy", *options, "--format", "json")[1])
    assert row["sigma"]["converged"] is True
    assert row["sigma"]["interrupted"] is False
    assert row["sigma"]["evaluations"] > row["sigma"]["iterations"] > 0
    assert row["null"]["method"] == "none"
    table = gaedist("score", "normal.npy", *options, "--format", "table")[1]
    assert f"converged after {row['sigma']['evaluations']} passes over all pairs" in table


def test_compare_joint_reports_its_bounds(gaedist, codes):
    options = ("--sigma", "joint", "--sigma-factor", "1.5", "--rows", ":30", "--format", "json")
    code, out, _ = gaedist("compare", "normal.npy", "wide.npy", *options)
    row = json.loads(out)
    assert code == 0
    assert 0 <= row["sigma"]["at_bounds"] <= 60
    start = json.loads(gaedist("compare", "normal.npy", "wide.npy", "--sigma", "mean-field", *options[4:])[1])
    assert row["value"] < start["value"]
    assert row["sigma"]["max"] <= 1.5 * start["sigma"]["max"] * (1 + 1e-9)


def test_a_gate_on_z_is_refused_before_an_optimisation(gaedist, codes):
    code, out, err = gaedist("score", "normal.npy", "--sigma", "optimize", "--fail-z", "3")
    assert (code, out) == (2, "")
    assert "--fail-z needs what N(0, I) scores, which is not known here. Add --null monte-carlo." in err


def test_interrupted_optimisation_writes_the_best_so_far(codes):
    np.save("many.npy", np.random.default_rng(1).normal(size=(6000, 2)))
    command = [sys.executable, "-m", "gaedist", "sigma", "many.npy", "--sigma", "optimize", "-o", "s.npy"]
    script = (
        "import os, signal, sys; from gaedist import objectives\n"
        "found = objectives.Score.__call__\n"
        "def call(self, covariances, seen=[]):\n"
        "    seen.append(0)\n"
        "    if len(seen) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return found(self, covariances)\n"
        "objectives.Score.__call__ = call\n"
        "from gaedist.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command[3:]], capture_output=True, text=True, check=False, cwd=codes
    )
    assert done.returncode == 130
    assert "many.npy: interrupted after" in done.stderr
    assert "Traceback" not in done.stderr
    assert np.load(codes / "s.npy").shape == (6000,)
