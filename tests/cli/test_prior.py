"""--prior in every command that takes one, and `gaedist sample`: tables and JSON name the prior and its
units, and no line of them speaks of N(0, I).
"""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from gaedist.mixtures.prior_files import read_prior

ROOT = np.array([[0.5, 0, 0, 0], [1, 2, 0, 0], [0, 0.3, 1, 0], [0.2, 0, 0, 3]])
MEAN = np.array([5.0, 0.0, -3.0, 1.0])


@pytest.fixture
def files(codes):
    """Add codes of a prior, and the prior as one Gaussian, as constants of channels, and as a mixture."""
    np.save("latents.npy", np.load("normal.npy") @ ROOT.T + MEAN)
    cov = ROOT @ ROOT.T
    np.savez("prior.npz", mean=MEAN, cov=cov)
    np.savez("constants.npz", mean=MEAN.reshape(1, 4, 1, 1), std=np.sqrt(np.diag(cov)).reshape(1, 4, 1, 1))
    np.savez("mixture.npz", weights=[0.5, 0.5], means=[MEAN, MEAN + 1], covs=[cov, np.eye(4)])
    np.savez("any.npz", mean=0.0, std=1.0)
    return codes


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def test_score(gaedist, files):
    code, out, err = gaedist("score", "latents.npy", "--prior", "prior.npz", "--format", "json")
    (found,), (plain,) = rows(out), rows(gaedist("score", "normal.npy", "--format", "json")[1])
    assert (code, err) == (0, "")
    assert found["prior"] == {"file": "prior.npz", "kind": "gaussian", "units": "whitened"}
    assert plain["prior"] == {"file": None, "kind": None, "units": None}
    assert found["p_combined"] == pytest.approx(plain["p_combined"], rel=1e-9)
    assert found["verdict"] == "No difference from the prior detected"


@pytest.mark.parametrize(
    "options",
    [
        ["latents.npy"],
        ["latents.npy", "wide.npy", "narrow.npy"],
        ["wide.npy", "--metric", "energy"],
        ["narrow.npy", "--metric", "gaussian", "--metric", "mardia-kurtosis"],
        ["narrow.npy", "--target", "smoothed", "--sigma", "median", "--sigma", "2"],
        ["latents.npy", "--null", "none"],
        ["latents.npy", "--sigma", "mean-field"],
    ],
)
def test_tables_of_scores_speak_of_the_prior(gaedist, files, options):
    code, out, _ = gaedist("score", *options, "--prior", "prior.npz", "--format", "table")
    assert code == 0
    assert "N(0, I)" not in out
    assert "under the prior" in out
    assert "Codes were whitened by the prior, so numbers are in its units." in out


def test_table_of_a_mixture(gaedist, files):
    options = "--prior", "mixture.npz", "--null", "monte-carlo", "--replicates", "99", "--format", "table"
    code, out, _ = gaedist("score", "narrow.npy", *options)
    assert code == 0
    assert "Not the prior: these codes give" in out
    assert "N(0, I)" not in out
    assert "gaedist sample PRIOR -n N" in out
    assert out.endswith("Numbers are in units of the codes.\n")


def test_a_mixture_in_many_dimensions_is_saturated_and_only_z_judges(gaedist, files):
    x = np.random.default_rng(0).normal(size=(60, 512))
    np.save("many.npy", x)
    np.savez("many.npz", weights=[0.4, 0.6], means=np.stack([0 * x[0], 0 * x[0] + 0.2]), covs=1.0)
    options = "--prior", "many.npz", "--null", "monte-carlo", "--replicates", "99", "--format"
    code, out, _ = gaedist("score", "many.npy", *options, "table")
    assert code == 0
    assert "the distance is saturated: it equals the same number to within rounding for nearly every" in out
    (found,) = rows(gaedist("score", "many.npy", *options, "json")[1])
    assert found["z"] is not None
    assert found["p_value"] is not None
    assert gaedist("score", "many.npy", *options, "json", "--fail-above", "2")[0] == 2


def test_diagnose(gaedist, files):
    code, out, _ = gaedist("diagnose", "latents.npy", "--prior", "prior.npz", "--format", "table")
    assert (code, "N(0, I)" in out) == (0, False)
    assert "No departure from the prior found" in out
    assert "Axis j is what axis j of the codes adds to those before it." in out
    (found,) = rows(gaedist("diagnose", "latents.npy", "--prior", "constants.npz", "--format", "json")[1])
    assert (found["n"], found["prior"]["file"], found["prior"]["units"]) == (500, "constants.npz", "whitened")
    assert next(check["name"] for check in found["checks"] if check["found"]) == "dependence"
    assert "adds to" not in found["verdict"]
    out = gaedist("diagnose", "latents.npy", "--prior", "constants.npz", "--format", "tsv")[1]
    assert {"prior_file", "prior_kind", "prior_units"} <= set(out.splitlines()[0].split("\t"))


def test_compare_and_sigma(gaedist, files):
    options = "--prior", "prior.npz", "--format"
    (found,) = rows(gaedist("compare", "latents.npy", "wide.npy", *options, "json")[1])
    assert found["prior"]["kind"] == "gaussian"
    assert "in its units" in gaedist("compare", "latents.npy", "wide.npy", *options, "table")[1]
    (found,) = rows(gaedist("sigma", "latents.npy", *options, "json", "-o", "sigma.npy")[1])
    (plain,) = rows(gaedist("sigma", "normal.npy", "--format", "json")[1])
    assert found["sigma"]["median"] == pytest.approx(plain["sigma"]["median"], rel=1e-9)
    assert found["prior"]["file"] == "prior.npz"
    value = gaedist(
        "score", "latents.npy", "--sigma", "sigma.npy", "--prior", "prior.npz", "--format", "value"
    )
    expected = gaedist("score", "normal.npy", "--sigma", "mean-field", "--format", "value")
    assert float(value[1]) == pytest.approx(float(expected[1]), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "normal.npy", "--prior", "none.npz"], "none.npz: No such file"),
        (["score", "normal.npy", "--prior", "wide.npy"], "wide.npy: a prior needs mean and one of"),
        (["score", "three.npy", "--prior", "prior.npz"], "three.npy: prior.npz is a prior in 4 dimensions"),
        (["score", "normal.npy", "--prior", "mixture.npz", "--metric", "mmd"], "for gaussian, not for mmd"),
        (
            ["score", "normal.npy", "--prior", "mixture.npz", "--fail-p", "0.1"],
            "none is known for this prior",
        ),
        (["diagnose", "normal.npy", "--prior", "mixture.npz"], "diagnose needs a Gaussian prior"),
        (["compare", "normal.npy", "wide.npy", "--prior", "mixture.npz"], "compare needs a Gaussian prior"),
        (["sigma", "normal.npy", "--prior", "mixture.npz"], "sigma needs a Gaussian prior"),
        (["score", "normal.npy", "--prior", "prior.npz", "-o", "prior.npz"], "would be overwritten"),
        (["sample", "prior.npz", "-n", "3", "-o", "prior.npz"], "Name it PATH.npy"),
        (["sample", "any.npz", "-n", "3"], "one mean and one variance for any dimension. Give dim (--dim)"),
        (["sample", "prior.npz", "-n", "3", "--dim", "2"], "a prior in 4 dimensions"),
        (["sample", "prior.npz"], "Missing option"),
    ],
)
def test_refused(gaedist, files, arguments, message):
    code, out, err = gaedist(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_other_files_of_the_command_are_scored(gaedist, files):
    code, out, err = gaedist("score", "three.npy", "latents.npy", "--prior", "prior.npz", "--format", "value")
    assert (code, len(out.splitlines()), err.count("\n")) == (2, 2, 1)


@pytest.mark.parametrize("prior", ["prior.npz", "mixture.npz", "any.npz"])
def test_sample(gaedist, files, prior):
    arguments = ["sample", prior, "-n", "50", "--seed", "3", *(["--dim", "4"] if prior == "any.npz" else [])]
    assert gaedist(*arguments, "-o", "sample.npy") == (0, "", "")
    expected = read_prior(prior).sample(50, seed=3, dim=4)
    assert (np.load("sample.npy") == expected).all()


def test_a_sample_goes_into_a_pipe(files):
    command = [sys.executable, "-m", "gaedist", "sample", "prior.npz", "-n", "50", "--seed", "3"]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert (np.load(io.BytesIO(piped.stdout)) == read_prior("prior.npz").sample(50, seed=3, dim=4)).all()


def test_a_sample_of_the_prior_is_not_found_different(gaedist, files):
    gaedist("sample", "mixture.npz", "-n", "2000", "-o", "sample.npy")
    gaedist("sample", "mixture.npz", "-n", "300", "--seed", "1", "-o", "other.npy")
    options = "--metric", "energy", "--permutations", "99", "--format", "json"
    (same,) = rows(gaedist("compare", "other.npy", "sample.npy", *options)[1])
    (far,) = rows(gaedist("compare", "latents.npy", "sample.npy", *options)[1])
    assert same["p_value"] > 0.01
    assert far["p_value"] == 0.01
