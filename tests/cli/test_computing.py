"""How a command computes: methods, precision, threads, and what it loads."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gaedist.engine import METHODS, PRECISIONS

LOADED = (
    "import sys; from gaedist.cli.app import main; code = main(sys.argv[1:]); print(*sys.modules); "
    "sys.exit(code)"
)


@pytest.fixture
def codes(tmp_path):
    """Files of codes by their dimension."""

    def write(dim, n=1500, name="codes"):
        path = tmp_path / f"{name}{dim}.npy"
        np.save(path, np.random.default_rng(dim).normal(size=(n, dim)))
        return path

    return write


def modules(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.rpartition("\n")[0], set(done.stdout.split())


def test_help_loads_no_library():
    text, loaded = modules("--help")
    assert "score" in text
    assert not loaded & {"numpy", "numba", "scipy", "h5py"}


def test_a_small_score_loads_no_compiler(codes):
    _, loaded = modules("score", codes(8, 1000), "--format", "value")
    assert not loaded & {"numba", "h5py", "joblib", "finufft"}
    assert "numpy" in loaded


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [2, 4])
def test_json_says_which_method_was_taken(gaedist, codes, method, dim):
    path = codes(dim, 20_000)
    code, out, err = gaedist("score", path, "--method", method, "--format", "json")
    if (method, dim) == ("fourier", 4):
        assert (code, out) == (2, "")
        assert f"method {method} is not available here: it needs D from" in err
        return
    result = json.loads(out)
    exact = json.loads(gaedist("score", path, "--method", "pairs", "--format", "json")[1])
    assert (code, err) == (0, "")
    assert result["method"] == method or (method == "auto" and result["method"] in METHODS)
    assert (result["value_se"] is not None) == (method == "sample")
    assert result["value"] == pytest.approx(exact["value"], rel=1e-3 if method == "sample" else 1e-11)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_json_says_which_precision_was_taken(gaedist, codes, precision):
    for command in (["score", codes(9)], ["compare", codes(9), codes(9, 1200, "other")]):
        code, out, err = gaedist(*command, "--precision", precision, "--format", "json")
        assert (code, err, json.loads(out)["precision"]) == (0, "", precision)


def test_single_precision_that_was_not_had_is_told(gaedist, codes):
    code, out, err = gaedist(
        "score", codes(9), "--precision", "single", "--sigma", "mean-field", "--format", "json"
    )
    assert (code, json.loads(out)["precision"]) == (0, "double")
    assert "computed in double precision: single precision is for one σ" in err


@pytest.mark.parametrize(
    "options", [["--target", "smoothed"], ["--metric", "bhep"], ["--metric", "henze-zirkler"]]
)
def test_single_precision_that_hides_the_null_law_is_told(gaedist, codes, options):
    arguments = ["score", codes(4, 40_000), "--method", "pairs", *options, "--format", "json"]
    single, double = (
        json.loads(gaedist(*arguments, "--precision", name)[1]) for name in ("single", "double")
    )
    assert (single["z"], single["p_value"]) == (None, None)
    assert "Take --precision double" in single["null"]["note"]
    assert double["p_value"] is not None
    assert single["value"] == pytest.approx(double["value"], rel=1e-2)


def test_an_estimate_is_marked_in_the_table(gaedist, codes):
    path = codes(8, 20_000)
    _, table, _ = gaedist("score", path, "--method", "sample", "--format", "table")
    assert "≈ 0." in table
    assert "Estimated from some of the pairs, with a standard error of" in table.replace("\n", " ")
    _, table, _ = gaedist("score", path, "--format", "table")
    assert "≈" not in table


def test_a_tolerance_is_for_estimates(gaedist, codes):
    code, _, err = gaedist("score", codes(2), "--tolerance", "0.5")
    assert code == 2
    assert err == (
        "gaedist: tolerance applies to method sample only; the method is auto. "
        "Add --method sample (method=).\n"
    )
    code, _, err = gaedist("compare", codes(2), codes(2, 1400, "b"), "--method", "sample")
    assert code == 2


@pytest.mark.parametrize("method", ["pairs", "hermite"])
def test_compiling_is_told_once(codes, tmp_path, method):
    command = [sys.executable, "-m", "gaedist", "score", str(codes(2)), "--method", method]
    command += ["--format", "value"]
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PATH": ""}
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in "12")
    assert first.stderr.count("\n") == 1
    assert "compiling for this machine" in first.stderr
    assert second.stderr == ""
    assert first.stdout == second.stdout
