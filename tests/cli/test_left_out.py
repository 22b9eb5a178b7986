"""What has no result keeps its place among bare values, and `all` is what applies, the rest named once."""

from pathlib import Path

import numpy as np
import pytest

DIRECTIONS = ["--directions", "10", "--null", "none", "--format", "value"]


@pytest.mark.parametrize("options", [[], ["--sigma", "1", "--sigma", "2"]])
def test_a_bad_file_keeps_its_place(gaedist, codes, options):
    count = max(1, len(options) // 2)
    files = ["normal.npy", "bad.npy", "none.npy", "wide.npy"]
    code, out, err = gaedist("score", *files, *options, "--format", "value")
    assert code == 2
    places = [file in files[1:3] for file in files for _ in range(count)]
    assert [line == "nan" for line in out.splitlines()] == places
    assert err.count("\n") == 2
    for form in ("json", "tsv", "table"):
        assert "nan" not in gaedist("score", *files, *options, "--format", form)[1]


def test_a_sigma_that_does_not_fit_keeps_its_place(gaedist, codes):
    np.save("sigma.npy", np.ones(7))
    options = ["--sigma", "1", "--sigma", "sigma.npy", "--sigma", "2", "--format", "value"]
    code, out, _ = gaedist("score", "normal.npy", *options)
    assert code == 2
    assert [line == "nan" for line in out.splitlines()] == [False, True, False]


def test_all_is_what_applies_and_the_rest_is_named_once(gaedist, codes):
    rng = np.random.default_rng(0)
    np.save("line.npy", rng.normal(size=(50, 1)))
    np.save("line2.npy", rng.normal(size=(50, 1)))
    code, out, err = gaedist("score", "line.npy", "line2.npy", "--metric", "all", *DIRECTIONS)
    assert code == 0
    assert [line == "nan" for line in out.splitlines()].count(True) == 2
    assert err.count("\n") == 1
    assert err.startswith("gaedist: line.npy: --metric all leaves out cramer-wold-approx (the ")
    assert gaedist("score", "line.npy", "-q", "--metric", "all", *DIRECTIONS)[2] == ""
    named = ["--metric", "cramer-wold-approx", "--metric", "all", *DIRECTIONS]
    assert gaedist("score", "line.npy", *named)[0] == 2
    np.save("few.npy", rng.normal(size=(3, 3)))
    code, out, err = gaedist("score", "few.npy", "--metric", "all", *DIRECTIONS)
    assert (code, out.count("nan")) == (0, 2)
    assert "leaves out henze-zirkler (the covariance of 3 points is singular" in err
    np.save("dead.npy", rng.normal(size=(50, 3)) * [1, 1, 0])
    code, out, err = gaedist("score", "dead.npy", "--metric", "all", *DIRECTIONS)
    assert (code, out.count("nan"), out.count("inf"), err) == (0, 0, 1, "")


def test_an_array_of_standard_input_is_named_as_the_table_prints_it(gaedist, codes, monkeypatch):
    np.savez("two.npz", z=np.load("normal.npy"), w=np.zeros(3))
    with Path("two.npz").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, out, _ = gaedist("score", "-::z", "--format", "table")
    assert (code, out.count("-::z")) == (0, 1)
