"""Other metrics on the command line."""

import json

import numpy as np
import pytest
from test_cli import COMPARE_KEYS, SCORE_KEYS

import gaedist as library
from gaedist.api.compare import METRICS as COMPARE_METRICS
from gaedist.api.score import METRICS
from gaedist.metrics.parameters import SCALES

FEW = ["--directions", 20]


@pytest.fixture
def codes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("normal.npy", rng.normal(size=(60, 3)))
    np.save("wide.npy", 1.5 * rng.normal(size=(50, 3)))
    np.save("flat.npy", rng.normal(size=(50, 3)) * [1, 1, 0])


def test_all_metrics_are_rows_with_the_same_keys(gaedist, codes):
    code, out, err = gaedist("score", "normal.npy", "--metric", "all", *FEW, "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [row["metric"] for row in rows]) == (0, "", list(METRICS))
    for row in rows:
        assert list(row) == SCORE_KEYS
        assert isinstance(row["sigma"], dict)
        alone = library.score(
            np.load("normal.npy"),
            metric=row["metric"],
            parameters=library.Parameters(
                directions=20 if "directions" in METRICS[row["metric"]].takes else None
            ),
        )
        np.testing.assert_allclose(row["value"], alone.value, rtol=1e-10)
        assert row["z"] is not None
    used = {row["metric"]: {k: v for k, v in row["parameters"].items() if v is not None} for row in rows}
    assert used["mmd"] == {"kernel": "inverse-quadratic", "scales": list(SCALES)}
    assert used["sliced-epps-pulley"] == {"beta": 1.0, "directions": 20}
    assert (used["gaussian"], used["kl"]) == ({}, {})
    assert next(row for row in rows if row["metric"] == "sliced-wasserstein")["value_se"] > 0


@pytest.mark.parametrize("first", ["kl", "gaussian"])
def test_rows_of_tsv_have_the_columns_of_the_header_whichever_metric_comes_first(gaedist, codes, first):
    others = [name for name in ("kl", "gaussian", "mmd") if name != first]
    options = [word for name in (first, *others) for word in ("--metric", name)]
    _, out, _ = gaedist("score", "normal.npy", *options)
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert {len(row) for row in rows} == {len(header)}
    named = {row[header.index("metric")]: dict(zip(header, row, strict=True)) for row in rows}
    assert named["gaussian"]["sigma_median"] == "1.0"
    assert named["kl"]["sigma_median"] == named["kl"]["terms_pair"] == ""
    assert named["mmd"]["parameters_scales"] == "0.1,0.2,0.5,1,2,5,10"


def test_several_metrics_are_a_table_for_each_file_and_a_sentence(gaedist, codes):
    options = ["--metric", "kl", "--metric", "gaussian", "--format", "table"]
    _, out, _ = gaedist("score", "normal.npy", "wide.npy", *options)
    lines = out.splitlines()
    assert lines[0] == "normal.npy  60 × 3"
    assert lines[1].split()[:2] == ["metric", "value"]
    assert lines[2].startswith("kl ")
    assert lines[3].startswith("gaussian (σ = 1) ")
    assert "wide.npy  50 × 3" in lines
    assert out.count("Of 2 p-values, 0.1 are below 0.05 by chance.") == 2
    assert "No difference from N(0, I) seen by kl, gaussian (σ = 1)." in out


def test_one_metric_is_a_row_for_each_file(gaedist, codes):
    _, out, _ = gaedist("score", "normal.npy", "wide.npy", "--metric", "energy", "--format", "table")
    header, first, second, *sentences = out.splitlines()
    assert header.split()[:3] == ["n", "D", "energy"]
    assert first.startswith("normal.npy")
    assert second.startswith("wide.npy")
    assert "normal.npy: No difference from N(0, I) seen: samples of N(0, I) of this size give" in out
    assert sentences[-1].endswith("energy sees mean and scale in any dimension.")


def test_a_metric_that_cannot_be_had_is_named_and_the_others_are_written(gaedist, codes):
    options = ["--metric", "kl", "--metric", "energy", "--format", "json"]
    code, out, err = gaedist("score", "flat.npy", "normal.npy", *options)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row["metric"] for row in rows]) == (2, ["energy", "kl", "energy"])
    assert err.startswith(
        "gaedist: flat.npy: kl: the covariance is singular: the codes do not vary along 1 of 3"
    )
    assert err.count("\n") == 1


def test_gates_of_several_metrics_name_them(gaedist, codes):
    options = ["--metric", "kl", "--metric", "henze-zirkler", "--format", "value"]
    code, _, err = gaedist("score", "wide.npy", *options, "--fail-p", 1e-3)
    assert code == 1
    assert err.startswith("gaedist: wide.npy, kl: p = ")
    assert "henze-zirkler" not in err


def test_nothing_is_too_near_for_a_gate_on_a_distance(gaedist, digits):
    code, _, err = gaedist("score", digits, "--metric", "kl", "--fail-z", 4, "--format", "value")
    assert library.score(np.load(digits), metric="kl").z < -4
    assert (code, err) == (0, "")
    code, _, err = gaedist("score", digits, "--metric", "mardia-kurtosis", "--fail-z", 4, "--format", "value")
    assert code == 1
    assert "|z| = 4.85" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "kl", "--beta", 2], "--beta is for bhep and sliced-epps-pulley, not for kl."),
        (["--metric", "kl", "--scale", 2], "--scale is for mmd, not for kl."),
        (["--metric", "kl", "--sigma", 2], "sigma, covariance, target and estimator are for gaussian"),
        (["--metric", "mmd", "--alpha", 2], "alpha is for the rational-quadratic kernel"),
        (["--metric", "mmd", "--scale", 0], "scale must be a number from 1e-12 to 1e+12; got 0.0."),
        (["--metric", "mmd", "--kernel", "no"], "'no' is not one of gaussian, inverse-quadratic"),
        (["--metric", "energy", "--directions", 0], "--directions is for|directions must be"),
        (["--metric", "all", "--fail-above", 1], "--fail-above needs one metric"),
        (["--metric", "kl", "--null", "none", "--fail-p", 0.1], "--fail-p needs what N"),
    ],
)
def test_options_that_do_not_fit_are_said_once(gaedist, codes, options, message):
    code, out, err = gaedist("score", "normal.npy", "wide.npy", *options)
    assert (code, out) == (2, "")
    assert any(part in err for part in message.split("|"))


def test_compare_by_all_metrics(gaedist, codes):
    options = ["--metric", "all", *FEW, "--permutations", 19]
    code, out, err = gaedist("compare", "normal.npy", "wide.npy", *options, "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [row["metric"] for row in rows]) == (0, "", list(COMPARE_METRICS))
    for row in rows:
        assert list(row) == COMPARE_KEYS
        assert row["null"]["method"] == "permutations"
        assert 0.05 <= row["p_value"] <= 1
    _, out, _ = gaedist("compare", "normal.npy", "wide.npy", *options, "--format", "table")
    assert out.startswith("normal.npy and wide.npy  60 and 50 × 3\n")


def test_compare_by_one_other_metric_without_permutations(gaedist, codes):
    _, out, _ = gaedist("compare", "normal.npy", "wide.npy", "--metric", "energy", "--format", "table")
    assert out.splitlines()[0].split()[:4] == ["n", "m", "D", "energy"]
    assert "Add --permutations 999 to see whether that is chance." in out


def test_help_shows_what_is_taken_unless_told_otherwise(gaedist, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = gaedist("score", "--help")
    for default in (
        "(inverse-quadratic)",
        "(0.1, 0.2, 0.5, 1, 2, 5, 10)",
        "(1000)",
        "((4/(3n))^(2/5))",
        "(999)",
    ):
        assert f"[default: {default}]" in out
