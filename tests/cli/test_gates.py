"""A result that fails a gate gives exit code 1, and a gate that cannot be evaluated or fail gives 2."""

import re

import numpy as np

import gaedist as library


def test_gates_on_the_value_and_on_z(gaedist, codes):
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
    assert "--fail-z needs a null distribution. Leave out --null none, or use --null monte-carlo." in err
    np.save("big.npy", np.zeros((5, 3000)))
    assert gaedist("score", "big.npy", "--sigma", "0.5", "--fail-above", "1e300")[0] == 1


def test_a_failed_gate_on_p_says_how_the_codes_differ(gaedist, codes):
    arguments = ["wide.npy", "normal.npy", "narrow.npy", "--fail-p", "0.001", "--format", "value"]
    code, out, err = gaedist("score", *arguments)
    assert (code, len(out.splitlines())) == (1, 3)
    wide, narrow = err.splitlines()
    assert wide.startswith("gaedist: wide.npy: p = ")
    assert wide.endswith(" is below --fail-p 0.001: more spread out, shifted or clustered than N(0, I).")
    assert narrow.startswith("gaedist: narrow.npy: p = ")
    assert "more concentrated or more evenly spaced than N(0, I)" in narrow
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


def test_gates_that_no_result_can_fail_are_refused(gaedist, codes):
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
    assert "big.npy: --fail-p cannot be evaluated: " in err
    assert "Use --null monte-carlo" in err


def test_compare_has_gates(gaedist, codes):
    pair = ["normal.npy", "wide.npy"]
    code, out, err = gaedist("compare", *pair, "--permutations", "99", "--fail-p", ".05", "--fail-above", "9")
    row = dict(zip(*(line.split("\t") for line in out.splitlines()), strict=True))
    assert (code, row["p_value"], row["null_replicates"]) == (1, "0.01", "99")
    assert err == "gaedist: normal.npy and wide.npy: p = 0.01 is below --fail-p 0.05.\n"
    assert gaedist("compare", *pair, "--fail-above", "1e-6")[0] == 1
    assert gaedist("compare", *pair, "--fail-above", "9")[0] == 0


def test_a_gate_that_says_little_warns(gaedist, codes):
    np.save("big.npy", 0.9 * np.random.default_rng(0).normal(size=(30, 400)))
    _, _, err = gaedist("score", "big.npy", "--fail-above", "2")
    assert "gaedist: big.npy: the distance is saturated: nearly every sample has this value, " in err
    assert err.endswith("so use --fail-z or --fail-p.\n")
    assert gaedist("score", "big.npy", "--fail-above", "2", "--quiet")[2] == ""
    np.save("big.npy", np.random.default_rng(0).normal(size=(100, 64)))
    assert "--fail-z is a rough gate" in gaedist("score", "big.npy", "--fail-z", "9")[2]
    assert "No verdict" in gaedist("score", "big.npy", "--format", "table")[1]


def test_a_gate_on_z_is_refused_before_an_optimisation(gaedist, codes):
    code, out, err = gaedist("score", "normal.npy", "--sigma", "optimize", "--fail-z", "3")
    assert (code, out) == (2, "")
    assert "--fail-z needs a null distribution, and none is known for these σ. Add --null monte-carlo." in err


def test_gates_of_several_metrics_name_them(gaedist, small_codes):
    options = ["--metric", "kl", "--metric", "henze-zirkler", "--format", "value"]
    code, _, err = gaedist("score", "wide.npy", *options, "--fail-p", 1e-3)
    assert code == 1
    assert err.startswith("gaedist: wide.npy, kl: p = ")
    assert "henze-zirkler" not in err


def test_a_small_value_fails_a_gate_only_where_values_can_be_too_small(gaedist, digits):
    code, _, err = gaedist("score", digits, "--metric", "kl", "--fail-z", 4, "--format", "value")
    assert library.score(np.load(digits), metric="kl").z < -4
    assert (code, err) == (0, "")
    code, _, err = gaedist("score", digits, "--metric", "mardia-kurtosis", "--fail-z", 4, "--format", "value")
    assert code == 1
    assert "|z| = 4.85" in err
