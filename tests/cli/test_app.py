"""A mistake gets one line and exit code 2, and help loads no library that takes long."""

import signal
import subprocess
import sys

import pytest
from processes import start

import gaedist as library

LOADED = (
    "import sys; from gaedist.cli.app import main; code = main(sys.argv[1:]); print(*sys.modules); "
    "sys.exit(code)"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "normal.npy", "--sigma", "0"], "sigma must be a positive, finite number; got 0"),
        (["score", "normal.npy", "--sigma", "nan"], "got nan"),
        (["score", "normal.npy", "--sigma", "x"], "--sigma"),
        (["score", "normal.npy", "--frobnicate"], "No such option: --frobnicate"),
        (["score", "normal.npy", "--metric", "no"], "'no' is not one of gaussian, bhep, "),
        (["score", "normal.npy", "--null", "no"], "'no' is not one of auto, closed-form, monte-carlo, none."),
        (
            ["score", "normal.npy", "--format", "xml"],
            "'xml' is not one of auto, table, json, tsv, csv, value.",
        ),
        (["score", "normal.npy", "--rows", "1"], "--rows must be A:B with whole numbers; got '1'."),
        (["score", "normal.npy", "--subsample", "0"], "--subsample"),
        (["score", "normal.npy", "--threads", "0"], "--threads"),
        (["score", "normal.npy", "--fail-above", "nan"], "--fail-above must be a number; got nan."),
        (["score"], "Missing argument 'FILE"),
        (["compare", "normal.npy"], "Missing argument 'B'"),
        (["compare", "normal.npy", "three.npy"], "normal.npy and three.npy: dimensions differ: 4 and 3."),
        (["compare", "normal.npy", "none.npy"], "none.npy: No such file"),
        (["inspect", "none.npy"], "none.npy: No such file"),
        (
            ["score", "normal.npy", "-o", "no/folder.tsv"],
            "no/folder.tsv: cannot be written: there is no such folder.",
        ),
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


def modules(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.rpartition("\n")[0], set(done.stdout.split())


def test_help_loads_no_library():
    text, loaded = modules("--help")
    assert "score" in text
    assert not loaded & {"numpy", "numba", "scipy", "h5py"}


def test_a_small_score_loads_no_compiler(write_codes):
    _, loaded = modules("score", write_codes(8, 1000), "--format", "value")
    assert not loaded & {"numba", "h5py", "joblib", "finufft"}
    assert "numpy" in loaded


def test_inspect_loads_no_generators(codes):
    _, loaded = modules("inspect", "normal.npy")
    assert not loaded & {"numba", "scipy", "h5py", "numpy.random"}


def test_a_closed_pipe_ends_quietly(codes):
    process = start("score", *["normal.npy"] * 20, "--format", "json")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == -signal.SIGPIPE


def test_version(gaedist):
    code, out, _ = gaedist("--version")
    assert (code, out) == (0, f"gaedist {library.__version__}\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--fail-p", "2"],
            "Invalid value for '--fail-p': it must be at most 1. See 'gaedist score --help'.",
        ),
        (
            ["--threads", "0"],
            "Invalid value for '--threads': it must be at least 1. See 'gaedist score --help'.",
        ),
        (["-f"], "No such option: -f. See 'gaedist score --help'."),
    ],
)
def test_options_out_of_range_are_explained_in_full_sentences(gaedist, codes, options, words):
    assert gaedist("score", "normal.npy", *options) == (2, "", f"gaedist: {words}\n")


def test_the_help_without_arguments_ends_its_last_line(gaedist):
    code, out, err = gaedist()
    assert (code, err) == (2, "")
    assert out.endswith("exit\n")
