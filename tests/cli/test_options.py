"""Options reach the library with the meaning that their help states, and misfits are named."""

import json
from functools import cache

import numpy as np
import pytest

import gaedist as library
from gaedist.engine import METHODS, PRECISIONS


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
        (["--metric", "kl", "--null", "none", "--fail-p", 0.1], "--fail-p needs a null distribution"),
    ],
)
def test_options_that_do_not_fit_are_reported_once(gaedist, small_codes, options, message):
    code, out, err = gaedist("score", "normal.npy", "wide.npy", *options)
    assert (code, out) == (2, "")
    assert any(part in err for part in message.split("|"))


@cache
def value_of_all_pairs(path):
    return library.score(np.load(path), run=library.Run(method="pairs")).value


@pytest.fixture(scope="module")
def many_codes(tmp_path_factory):
    paths = {dim: tmp_path_factory.mktemp("codes") / "codes.npy" for dim in (2, 4)}
    for dim, path in paths.items():
        np.save(path, np.random.default_rng(dim).normal(size=(20_000, dim)))
    return paths


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [2, 4])
def test_json_says_which_method_was_used(gaedist, many_codes, method, dim):
    path = many_codes[dim]
    code, out, err = gaedist("score", path, "--method", method, "--format", "json")
    if (method, dim) == ("fourier", 4):
        assert (code, out) == (2, "")
        assert f"method {method} is not available here: it needs D from" in err
        return
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert result["method"] == method or (method == "auto" and result["method"] in METHODS)
    assert (result["value_se"] is not None) == (method == "sample")
    assert result["value"] == pytest.approx(
        value_of_all_pairs(path), rel=1e-3 if method == "sample" else 1e-11
    )


@pytest.mark.parametrize("precision", PRECISIONS)
def test_json_says_which_precision_was_used(gaedist, write_codes, precision):
    for command in (["score", write_codes(9)], ["compare", write_codes(9), write_codes(9, 1200, "other")]):
        code, out, err = gaedist(*command, "--precision", precision, "--format", "json")
        assert (code, err, json.loads(out)["precision"]) == (0, "", precision)


def test_single_precision_that_is_not_available_is_reported(gaedist, write_codes):
    code, out, err = gaedist(
        "score", write_codes(9), "--precision", "single", "--sigma", "mean-field", "--format", "json"
    )
    assert (code, json.loads(out)["precision"]) == (0, "double")
    assert "computed in double precision: single precision is for one σ" in err


@pytest.mark.parametrize(
    "options",
    [
        ["--target", "smoothed"],
        ["--metric", "bhep"],
        pytest.param(["--metric", "henze-zirkler"], marks=pytest.mark.slow),
    ],
)
def test_single_precision_too_coarse_for_the_null_distribution_is_reported(gaedist, write_codes, options):
    arguments = ["score", write_codes(4, 40_000), "--method", "pairs", *options, "--format", "json"]
    single, double = (
        json.loads(gaedist(*arguments, "--precision", name)[1]) for name in ("single", "double")
    )
    assert (single["z"], single["p_value"]) == (None, None)
    assert "Use --precision double" in single["null"]["note"]
    assert double["p_value"] is not None
    assert single["value"] == pytest.approx(double["value"], rel=1e-2)


def test_a_tolerance_needs_the_sample_method(gaedist, write_codes):
    code, _, err = gaedist("score", write_codes(2), "--tolerance", "0.5")
    assert code == 2
    assert err == (
        "gaedist: tolerance applies to method sample only; the method is auto. "
        "Add --method sample (method=).\n"
    )
    code, _, err = gaedist("compare", write_codes(2), write_codes(2, 1400, "b"), "--method", "sample")
    assert code == 2
