"""Each command prints what its library function returns, and one bad file or metric leaves the others."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import gaedist as library
from gaedist.metrics.parameters import DEFAULTS
from gaedist.metrics.registry import METRICS, ONE_SAMPLE, TWO_SAMPLE

FIELDS = ["notes", "method", "precision", "threads", "seconds", "version"]
SCORE_KEYS = ["file", "dataset", "n", "dim", "metric", "value", "log_value", "value_se"]
SCORE_KEYS += ["parameters", "target", "estimator"]
SCORE_KEYS += ["covariance", "sigma", "terms", "null", "excess", "z", "p_value", *FIELDS, "infinite"]
SCORE_KEYS += ["p_bound", "effect", "companion", "p_combined", "verdict", "device", "prior", "posterior"]
COMPARE_KEYS = ["file_a", "dataset_a", "file_b", "dataset_b", "n", "m", "dim", "metric", "estimator"]
COMPARE_KEYS += ["value", "log_value", "value_se", "parameters", "covariance", "sigma", "null"]
COMPARE_KEYS += ["p_value", *FIELDS, "device", "prior", "posterior_a", "posterior_b"]
FEW = ["--directions", 20]


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


def test_bad_files_are_named_and_the_others_scored(gaedist, codes):
    Path("text.npy").write_text("hello")
    code, out, err = gaedist("score", "bad.npy", "none.npy", "text.npy", "normal.npy", "--format", "json")
    assert code == 2
    assert json.loads(out)["file"] == "normal.npy"
    assert err.splitlines() == [
        "gaedist: bad.npy: row 3 has NaN in column 1; 2 of 20 rows are not finite. "
        "Drop them with --drop-nonfinite.",
        "gaedist: none.npy: No such file or directory.",
        "gaedist: text.npy: not an .npy, .npz, HDF5, safetensors, PyTorch, Parquet, CSV or TSV file: it "
        "starts with b'hello'.",
    ]


def test_dropped_rows_are_reported(gaedist, codes):
    code, out, err = gaedist("score", "bad.npy", "--drop-nonfinite", "--format", "json")
    assert (code, json.loads(out)["n"]) == (0, 18)
    assert err == "gaedist: bad.npy: dropped 2 of 20 rows that are not finite.\n"
    assert gaedist("score", "bad.npy", "--drop-nonfinite", "--quiet")[2] == ""


def test_too_little_memory_for_one_file_leaves_the_others(gaedist, codes, monkeypatch):
    def read(file, selection):
        raise MemoryError

    monkeypatch.setattr("gaedist.files.samples.read_latents", read)
    code, _, err = gaedist("score", "normal.npy", "wide.npy")
    assert code == 2
    assert err.splitlines()[1] == "gaedist: wide.npy: not enough memory. Use --rows or --subsample."


def test_a_sigma_that_cannot_be_used_leaves_the_others(gaedist, codes):
    np.save("one.npy", np.ones((1, 2)))
    arguments = ["--sigma", "1", "--sigma", "median", "--sigma", "0.5", "--format", "json"]
    code, out, err = gaedist("score", "one.npy", *arguments)
    assert code == 2
    assert [json.loads(line)["sigma"]["median"] for line in out.splitlines()] == [1, 0.5]
    assert err.splitlines()[0] == (
        "gaedist: one.npy: sigma median: the median distance between points needs at least 2 points. "
        "Give sigma as a number."
    )


def test_equal_points_have_a_median_bandwidth_and_fail_the_gate(gaedist, codes):
    np.save("equal.npy", np.full((200, 16), 5.0))
    np.save("half.npy", np.repeat([[0.0], [1.0]], [150, 50], axis=0) * np.ones((1, 16)))
    options = "--target", "smoothed", "--sigma", "median", "--fail-p", "0.001", "--format", "json"
    for file, sigma, words in (
        ("equal.npy", 4.0, "N(0, I), about √(2D)"),
        ("half.npy", math.sqrt(8), "7500 pairs of different points"),
    ):
        code, out, err = gaedist("score", file, *options)
        assert code == 1
        assert json.loads(out)["sigma"]["median"] == pytest.approx(sigma)
        assert f"the median distance between points is 0, so σ is taken from that of {words}." in err


def test_simulated_null_distributions_are_cached_unless_told_otherwise(gaedist, codes, own_cache):
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


def test_all_metrics_are_rows_with_the_same_keys(gaedist, small_codes):
    code, out, err = gaedist("score", "normal.npy", "--metric", "all", *FEW, "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [row["metric"] for row in rows]) == (0, "", list(ONE_SAMPLE))
    for row in rows:
        assert list(row) == SCORE_KEYS
        assert isinstance(row["sigma"], dict)
        alone = library.score(
            np.load("normal.npy"),
            metric=row["metric"],
            parameters=library.Parameters(
                directions=20 if "directions" in ONE_SAMPLE[row["metric"]].parameters else None
            ),
        )
        np.testing.assert_allclose(row["value"], alone.value, rtol=1e-10)
        assert row["z"] is not None
    used = {row["metric"]: {k: v for k, v in row["parameters"].items() if v is not None} for row in rows}
    assert used["mmd"] == {"kernel": "inverse-quadratic", "scales": list(DEFAULTS["scales"])}
    assert used["sliced-epps-pulley"] == {"beta": 1.0, "directions": 20}
    assert (used["gaussian"], used["kl"]) == ({}, {})
    assert next(row for row in rows if row["metric"] == "sliced-wasserstein")["value_se"] > 0


def test_a_metric_that_does_not_apply_is_named_and_the_others_are_written(gaedist, small_codes):
    np.save("line.npy", np.load("normal.npy")[:, :1])
    options = ["--metric", "cramer-wold-approx", "--metric", "energy", "--format", "json"]
    code, out, err = gaedist("score", "line.npy", "normal.npy", *options)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row["metric"] for row in rows]) == (2, ["energy", "cramer-wold-approx", "energy"])
    assert err.startswith("gaedist: line.npy: cramer-wold-approx: the approximate φ_D is not defined in one ")
    assert err.count("\n") == 1


def test_compare_by_all_metrics(gaedist, small_codes):
    options = ["--metric", "all", *FEW, "--permutations", 19]
    code, out, err = gaedist("compare", "normal.npy", "wide.npy", *options, "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [row["metric"] for row in rows]) == (0, "", list(TWO_SAMPLE))
    for row in rows:
        assert list(row) == COMPARE_KEYS
        assert row["null"]["method"] == "permutations"
        assert 0.05 <= row["p_value"] <= 1
    _, out, _ = gaedist("compare", "normal.npy", "wide.npy", *options, "--format", "table")
    assert out.startswith("normal.npy and wide.npy  60 and 50 × 3\n")


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


METRIC_KEYS = ["name", "detects", "options", "null", "reference", "summary", "formula", "commands"]


def test_metrics_are_listed_with_all_that_describes_them(gaedist):
    code, out, err = gaedist("metrics", "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [row["name"] for row in rows]) == (0, "", list(METRICS))
    for row in rows:
        metric = METRICS[row["name"]]
        assert list(row) == METRIC_KEYS
        assert (row["detects"], row["null"]) == (metric.detects, metric.null)
        assert (row["reference"], row["summary"]) == (metric.reference, metric.summary)
        assert " ".join(row["formula"]) == " ".join(metric.formula.split())
        assert ("score" in row["commands"]) == (row["name"] in ONE_SAMPLE)
        assert ("compare" in row["commands"]) == (row["name"] in TWO_SAMPLE)
    options = {row["name"]: row["options"] for row in rows}
    assert options["mmd"] == ["--kernel", "--scale", "--alpha"]
    assert options["gaussian"] == ["--sigma", "--covariance", "--target", "--estimator"]
    assert options["energy"] == []


def test_metrics_in_a_pipe_are_tsv_with_a_line_for_each(gaedist):
    code, out, _ = gaedist("metrics")
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert (code, header, len(rows)) == (0, METRIC_KEYS, len(METRICS))
    assert {len(row) for row in rows} == {len(header)}


def test_named_metrics_are_explained(gaedist):
    code, out, err = gaedist("metrics", "mmd", "kl", "--format", "table")
    assert (code, err) == (0, "")
    mmd, kl = out.split("\nkl\n")
    assert mmd.startswith("mmd\n")
    for name, text in (("mmd", mmd), ("kl", kl)):
        metric = METRICS[name]
        for part in (metric.summary, metric.formula, metric.detects, metric.reference):
            assert " ".join(part.split()) in " ".join(text.split())
        assert f"score: {metric.null}" in text
    assert "--scale (default: 0.1, 0.2, 0.5, 1, 2, 5, 10)" in mmd
    assert "gaedist compare" in mmd
    assert "compare" not in kl
    rows = gaedist("metrics", "mmd", "kl", "--format", "json")[1].splitlines()
    assert [json.loads(row)["name"] for row in rows] == ["mmd", "kl"]


def test_an_unknown_metric_is_a_mistake(gaedist):
    code, out, err = gaedist("metrics", "kl", "nope")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gaedist: metric must be one of gaussian, ")
    assert err.endswith("; got 'nope'.\n")


def test_inspect_shows_distinct_rows_where_rows_repeat(gaedist, codes):
    rows = np.random.default_rng(0).normal(size=(30, 4))
    np.save("copies.npy", np.tile(rows, (10, 1)))
    assert "distinct" not in gaedist("inspect", "normal.npy", "--format", "table")[1]
    header, *lines = gaedist("inspect", "normal.npy", "copies.npy", "--format", "table")[1].splitlines()
    assert header.endswith("distinct")
    assert [line.split()[-1] for line in lines[:2]] == ["500", "30"]
