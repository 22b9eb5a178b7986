"""Closed or full streams and encodings without Greek letters give no traceback and the right exit code."""

import json
import os
from pathlib import Path

import pytest
from processes import shell

FULL = ">/dev/full", "the results cannot be written: No space left on device."
CLOSED = ">&-", "standard output is closed."


@pytest.mark.parametrize(
    ("options", "stream"),
    [
        ("", FULL),
        ("--format table", FULL),
        ("--format json", CLOSED),
        pytest.param("--format value", FULL, marks=pytest.mark.slow),
        pytest.param("", CLOSED, marks=pytest.mark.slow),
        pytest.param("--format table", CLOSED, marks=pytest.mark.slow),
        pytest.param("--format json", FULL, marks=pytest.mark.slow),
        ("--format value", CLOSED),
    ],
)
def test_results_that_cannot_be_written_exit_with_two(codes, options, stream):
    redirected, message = stream
    assert shell(f"score normal.npy {options} {redirected}") == (2, "", f"gaedist: {message}\n")


def test_standard_input_and_error_can_be_closed_or_full(codes):
    assert shell("score - <&-") == (2, "", "gaedist: -: standard input is closed.\n")
    code, out, _ = shell("score normal.npy --format value 2>&-")
    assert code == 0
    assert float(out) > 0
    assert shell("inspect none.npy 2>&-") == (2, "", "")
    for buffered in ("", "1"):  # Python's standard error is buffered unless PYTHONUNBUFFERED is set
        assert shell("inspect none.npy 2>/dev/full", PYTHONUNBUFFERED=buffered) == (2, "", "")


def test_encodings_without_greek_letters(gaedist, codes):
    for options in ("score normal.npy --format table", "score --help"):
        code, out, err = shell(options, PYTHONIOENCODING="ascii")
        assert (code, err) == (0, "")
        assert "?" in out
    odd = os.fsdecode(b"odd\xff\n.npy")
    Path("normal.npy").rename(odd)
    for form in ("json", "tsv", "table"):
        assert shell(f"inspect odd* --format {form}", PYTHONIOENCODING="utf-8", LC_ALL="C")[0] == 0
        assert gaedist("score", odd, "--format", form, "-o", f"out.{form}") == (0, "", "")
    assert json.loads(Path("out.json").read_text())["file"] == odd
