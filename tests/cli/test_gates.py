"""A result that fails a gate gives exit code 1, and a gate that cannot be evaluated or fail gives 2."""

import re

import numpy as np
import pytest

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
    both = gaedist("score", *arguments)[2].splitlines()
    assert [line.split(" = ")[0] for line in both] == [
        "gaedist: wide.npy: p of both distances",
        "gaedist: narrow.npy: p of both distances",
    ]
    code, out, err = gaedist("score", *arguments, "--sigma", 1)
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
    options = "--target", "smoothed", "--fail-p", "0.01", "--format", "value"
    code, out, err = gaedist("score", "big.npy", "normal.npy", *options)
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


@pytest.mark.parametrize(
    ("scale", "shift", "shape"),
    [(2, 0, (100, 256)), (1, 0, (4, 300)), (1, 0, (100, 64))],
)
def test_a_gate_on_z_whose_null_distribution_is_too_skewed_never_passes(gaedist, codes, scale, shift, shape):
    np.save("big.npy", shift + scale * np.random.default_rng(0).normal(size=shape))
    alone = "--sigma", "1"
    value = "--format", "value"
    code, out, err = gaedist("score", "big.npy", "normal.npy", "-q", *alone, "--fail-z", "4", *value)
    assert (code, len(out.splitlines()), err.count("\n")) == (2, 2, 1)
    assert err.startswith("gaedist: big.npy: --fail-z cannot be evaluated: the null distribution is too ")
    few = shape[0] < 10  # which have no p-value in closed form
    assert err.endswith(" Use --fail-p with --null monte-carlo.\n" if few else " Use --fail-p.\n")
    simulated = *alone, "--null", "monte-carlo", "--replicates", "99", *value
    code, _, err = gaedist("score", "big.npy", "--fail-z", "4", *simulated)
    assert code == 2
    assert "big.npy: --fail-z cannot be evaluated: " in err
    assert err.endswith(" Use --fail-p.\n")
    code, _, err = gaedist("score", "big.npy", "--fail-p", "0.05", *simulated)
    assert code == (0 if (scale, shift) == (1, 0) else 1)
    assert ("No verdict" in gaedist("score", "big.npy", *alone, "--format", "table")[1]) == few
    if not few:
        fails = int((scale, shift) != (1, 0))
        assert gaedist("score", "big.npy", *alone, "--fail-p", "0.05", *value)[0] == fails
        options = "--target", "smoothed", "--sigma", "median", "--format", "value"
        assert gaedist("score", "big.npy", "--fail-z", "5", *options)[0] == int((scale, shift) != (1, 0))


def test_a_z_that_fails_under_any_distribution_fails_its_gate(gaedist, codes):
    np.save("collapsed.npy", 1e-3 * np.random.default_rng(0).normal(size=(100, 64)))
    result = library.score(np.load("collapsed.npy"), target="smoothed")
    assert (result.p_value, result.skewed) == (None, True)
    options = "score", "collapsed.npy", "--target", "smoothed", "--fail-z"
    assert gaedist(*options, "40")[0] == 1
    assert gaedist(*options, 2 * result.z)[0] == 2


def test_a_p_that_is_small_under_any_distribution_fails_its_gate(gaedist, codes):
    x = np.random.default_rng(0).normal(size=(200, 16))
    np.save("collapsed.npy", 1e-3 * x)
    options = "--target", "smoothed", "--sigma", "median", "--format", "value"
    result = library.score(np.load("collapsed.npy"), target="smoothed", sigma="median")
    assert (result.p_value, result.z > 100) == (None, True)
    code, _, err = gaedist("score", "collapsed.npy", "--fail-p", "0.001", *options)
    assert code == 1
    assert "collapsed.npy: p ≤ " in err
    least = 1 / (1 + result.z**2)
    assert gaedist("score", "collapsed.npy", "--fail-p", str(least / 2), *options)[0] == 2


def test_a_z_within_the_gate_is_no_ground_to_pass_where_p_is_far_smaller(gaedist, codes):
    # the lower tail of the null distribution is lighter than a normal one
    np.save("even.npy", np.linspace(-1, 1, 30)[:, np.newaxis])
    result = library.score(np.load("even.npy"))
    assert (abs(result.z) < 3, result.p_value < 1e-3) == (True, True)
    code, _, err = gaedist("score", "even.npy", "--fail-z", "3")
    assert code == 2
    assert err.endswith(" Use --fail-p.\n")
    assert gaedist("score", "even.npy", "--fail-z", "2")[0] == 1
    np.save("wider.npy", np.linspace(-2, 2, 30)[:, np.newaxis])
    assert gaedist("score", "wider.npy", "--fail-z", "3")[0] == 0


def test_a_gate_on_a_saturated_value_never_passes(gaedist, codes):
    np.save("big.npy", 0.9 * np.random.default_rng(0).normal(size=(30, 400)))
    code, _, err = gaedist("score", "big.npy", "--fail-above", "2")
    assert code == 2
    assert "big.npy: --fail-above cannot be evaluated: the distance is saturated: nearly every " in err
    assert gaedist("score", "big.npy", "--fail-above", "1")[0] == 1
    code, _, err = gaedist("compare", "normal.npy", "wide.npy", "--sigma", "1e9", "--fail-above", "1")
    assert code == 2
    assert "--fail-above cannot be evaluated: the kernel is so wide that rounding hides the sample" in err


@pytest.mark.parametrize("metric", ["kl", "henze-zirkler"])
def test_degenerate_codes_fail_every_gate(gaedist, codes, metric):
    rng, value = np.random.default_rng(0), {"kl": "inf", "henze-zirkler": "200.0"}[metric]
    np.save("dead.npy", rng.normal(size=(50, 3)) * [1, 1, 0])
    np.save("equal.npy", np.ones((50, 3)))
    np.save("one.npy", np.ones((1, 3)))
    np.save("few.npy", rng.normal(size=(3, 3)))
    for gate, bound in (("--fail-p", 1e-9), ("--fail-z", 100), ("--fail-above", 100)):
        for file in ("dead.npy", "equal.npy"):
            code, out, err = gaedist("score", file, "--metric", metric, gate, bound, "--format", "value")
            assert (code, out) == (1, f"{value}\n")
            assert gate in err
            assert "which no sample of N(0, I) is.\n" in err
        for file in ("one.npy", "few.npy"):
            code, _, err = gaedist("score", file, "--metric", metric, gate, bound)
            assert code == 1
            assert "Use at least 4 points." in err


def test_a_gate_that_no_labeling_can_fail_is_refused(gaedist, codes):
    rng = np.random.default_rng(0)
    np.save("a.npy", rng.normal(size=(2, 3)))
    np.save("b.npy", 1000 + rng.normal(size=(2, 3)))
    code, out, err = gaedist("compare", "a.npy", "b.npy", "--permutations", 999, "--fail-p", 0.05)
    assert (code, out) == (2, "")
    expected = "--fail-p 0.05 cannot fail with 2 and 2 points: p is at least 0.33. Use more points.\n"
    assert err == f"gaedist: {expected}"
    assert gaedist("compare", "a.npy", "b.npy", "--permutations", 999, "--fail-p", 0.5)[0] == 1


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--fail-z", "inf"], "--fail-z must be a number; got inf."),
        (["--fail-above", "nan"], "--fail-above must be a number; got nan."),
        (["--fail-p", "0"], "--fail-p 0 cannot fail: p is never below 0."),
    ],
)
def test_bounds_that_no_number_can_exceed_are_refused(gaedist, codes, option, words):
    code, out, err = gaedist("score", "normal.npy", *option)
    assert (code, out, err) == (2, "", f"gaedist: {words}\n")


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


@pytest.mark.parametrize(
    ("scale", "shift", "shape"),
    [(2, 0, (300, 256)), (1, 1, (300, 256)), (1.5, 0, (300, 512)), (1, 0, (4, 300)), (1, 0, (100, 64))],
)
def test_the_companion_judges_where_the_default_distance_cannot(gaedist, codes, scale, shift, shape):
    np.save("big.npy", shift + scale * np.random.default_rng(0).normal(size=shape))
    value = "-q", "--format", "value"
    few, far = shape[0] < 10, (scale, shift) != (1, 0)
    code, _, err = gaedist("score", "big.npy", "--fail-z", "4", *value)
    assert code == (2 if few else int(far))
    if far:
        assert err.startswith("gaedist: big.npy: z of the smoothed target at σ = √D = ")
    code, _, err = gaedist("score", "big.npy", "--fail-p", "1e-9", *value)
    assert code == (2 if few else int(far))
    if far:
        assert err.startswith("gaedist: big.npy: p of both distances = ")
    code, _, err = gaedist("score", "big.npy", "--fail-effect", "3", *value)
    assert code == int(far)
    if far:
        assert err.startswith("gaedist: big.npy: effect = ")
        assert err.endswith(" is above --fail-effect 3.\n")


def test_a_gate_on_the_effect_says_why_there_is_none(gaedist, codes):
    gate = "--fail-effect", "0.5", "--format", "value"
    for arguments, why in (
        (["narrow.npy", "--target", "normal"], "the value is below that of N(0, I)"),
        (["wide.npy", "--metric", "henze-zirkler"], "henze-zirkler does not measure shifts of the mean"),
        (["wide.npy", "--sigma", "mean-field", "--null", "none"], "--fail-effect needs a null distribution"),
    ):
        code, _, err = gaedist("score", *arguments, *gate)
        assert code == 2
        assert why in err
    assert gaedist("score", "wide.npy", "--metric", "energy", *gate)[0] == 1
    assert gaedist("score", "normal.npy", "--metric", "energy", *gate)[0] == 0


def test_codes_farther_than_any_shift_fail_a_gate_on_the_effect(gaedist, codes):
    np.save("equal.npy", np.zeros((100, 8)))
    options = "--target", "smoothed", "--sigma", "0.5", "--fail-effect", "99", "--format", "value"
    code, _, err = gaedist("score", "equal.npy", "-q", *options)
    assert (code, err) == (1, "gaedist: equal.npy: effect = inf is above --fail-effect 99.\n")
