"""Posteriors in `score`, `diagnose`, `compare` and `inspect`: what is measured of them, and reported."""

import json
import math

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import GaedistError, Run, compare, diagnose, inspect, score, scores
from gaedist.numerics import Stream

N, DIM = 300, 3
RNG = np.random.default_rng(0)
SDS = RNG.uniform(0.3, 0.9, size=(N, DIM))
MEANS = RNG.normal(size=(N, DIM)) * np.sqrt(1 - SDS**2)
LOGVAR = 2 * np.log(SDS)


def drawn(seed=0, *more):
    return MEANS + SDS * np.random.default_rng((seed, Stream.POSTERIORS, *more)).normal(size=MEANS.shape)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", mu=MEANS, logvar=LOGVAR)
    return "x.npz"


@pytest.mark.parametrize("seed", [0, 5])
def test_a_sample_is_what_its_points_give(seed):
    run = Run(seed=seed)
    got, expected = score(MEANS, sd=SDS, run=run), score(drawn(seed), run=run)
    assert (got.value, got.p_value, got.verdict) == (expected.value, expected.p_value, expected.verdict)
    assert got.companion == expected.companion
    assert (got.posterior.form, got.posterior.width, got.posterior.name) == ("sample", "sd", None)
    assert got.posterior.seed == seed
    assert expected.posterior is None


def test_other_metrics_take_a_sample():
    names = ["mmd", "kl", "mardia-kurtosis", "energy"]
    got, expected = scores(MEANS, sd=SDS, metric=names), scores(drawn(), metric=names)
    assert [(r.metric, r.value, r.p_value) for r in got] == [(r.metric, r.value, r.p_value) for r in expected]


def test_diagnose_takes_a_sample():
    got, expected = diagnose(MEANS, logvar=LOGVAR), diagnose(drawn())
    assert got.verdict == expected.verdict
    assert_allclose(got.value, expected.value, rtol=1e-9)
    assert_allclose(got.posterior.kl, float(naive.posterior_kl_mp(MEANS, LOGVAR)), rtol=1e-12)


def test_compare_draws_each_sample_anew():
    got = compare(MEANS, MEANS, sd=SDS, sd_b=SDS, permutations=19)
    expected = compare(drawn(), drawn(0, 1), permutations=19)
    assert (got.value, got.p_value) == (expected.value, expected.p_value)
    assert got.value > 0
    plain = compare(MEANS, drawn(3), sd=SDS, sd_b="none")
    assert plain.value == compare(drawn(), drawn(3)).value
    assert (plain.posterior_a.form, plain.posterior_b) == ("sample", None)
    second = compare(drawn(3), MEANS, sd_b=SDS)
    assert (second.value, second.posterior_a) == (compare(drawn(3), drawn(0, 1)).value, None)


def test_names_are_those_of_the_command_line(file):
    np.save("lv.npy", LOGVAR)
    by_array = score(MEANS, logvar=LOGVAR)
    for got in (
        score(file, logvar="logvar"),
        score(f"{file}::mu", logvar="::logvar"),
        score(MEANS, logvar=f"{file}::logvar"),
        score(file + "::mu", logvar=LOGVAR),
        score(MEANS, logvar="lv.npy"),
    ):
        assert got.value == by_array.value
    assert score(file, logvar="logvar").posterior.name == "x.npz::logvar"
    assert compare(file, file, logvar="logvar").posterior_b.name == "x.npz::logvar"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"posterior": "mean"}, "posterior must be one of sample, mixture"),
        ({"posterior": "mixture"}, "needs the widths of the posteriors. Add --logvar"),
        ({"sd": SDS, "logvar": LOGVAR}, "both logvar and sd are given"),
        ({"sd": -SDS}, "Are these log-variances"),
        ({"sd": SDS[:-1]}, "shape 299 × 3, and the means are 300 × 3"),
        ({"sd": "nowhere.npy"}, "there is no file nowhere.npy"),
        ({"logvar": np.where(MEANS > 0, np.nan, LOGVAR)}, "rows cannot be used. Leave them out of the means"),
        ({"logvar": np.full((N, DIM), 1000.0)}, "300 of 300 rows cannot be used"),
        ({"sd": [[1.0], [1.0, 2.0]]}, "rows differ in length"),
        ({"sd": np.array(["a"] * 3)}, "real numbers"),
        ({"sd": SDS, "posterior": "mixture", "metric": "mmd"}, "for the metric gaussian alone"),
        ({"sd": SDS, "posterior": "mixture", "sigma": 0.5}, "is not smoothed: leave out --sigma"),
        ({"sd": SDS, "posterior": "mixture", "target": "smoothed"}, "is not smoothed: leave out"),
        ({"sd": SDS, "posterior": "mixture", "null": "closed-form"}, "no null distribution in closed form"),
        ({"sd": 0 * SDS, "posterior": "mixture"}, "standard deviation 0 (row 0, axis 0)"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(GaedistError) as caught:
        score(MEANS, **options)
    assert message in str(caught.value)


def test_compare_asks_whose_widths_they_are(file):
    with pytest.raises(GaedistError, match=r"belongs to the first sample\. Give sd_b too"):
        compare(MEANS, MEANS, sd=SDS)
    with pytest.raises(GaedistError, match=r"belong to the first sample\. Give --logvar-b"):
        compare(MEANS, MEANS, logvar=f"{file}::logvar")
    with pytest.raises(GaedistError, match="the posteriors of both samples"):
        compare(MEANS, MEANS, sd=SDS, sd_b="none", posterior="mixture")


@pytest.mark.parametrize("sd", [0.0, 1e-300, 1e-160])
def test_points_that_hardly_vary_are_their_means(sd):
    got = score(MEANS, sd=np.full(DIM, sd))
    assert got.value == score(MEANS).value
    assert (got.posterior.kl == math.inf) == (sd == 0)
    assert got.posterior.mutual_information is None


def test_points_that_vary_much():
    got = score(MEANS, logvar=np.full(DIM, 200.0))
    assert got.verdict == "Not N(0, I)"
    assert math.isfinite(got.posterior.kl)
    assert any("are they standard deviations?" in note for note in got.notes)


def test_one_point_in_one_dimension():
    got = score([[0.3]], sd=[[0.5]])
    assert (got.n, got.dim, got.posterior.active_units) == (1, 1, 0)
    assert_allclose(
        score([[0.3]], sd=0.5, posterior="mixture").value,
        naive.posterior_score(np.array([[0.3]]), np.array([[0.5]])),
        rtol=1e-13,
    )


def test_inspect_describes_posteriors(file):
    means, logvar = inspect(file)
    assert_allclose(means.posterior.kl, float(naive.posterior_kl_mp(MEANS, LOGVAR)), rtol=1e-12)
    assert_allclose(means.posterior.norm, (MEANS**2 + SDS**2).mean(), rtol=1e-12)
    assert (means.posterior.form, means.posterior.name, logvar.posterior) == (None, "x.npz::logvar", None)
    np.savez("y.npz", a=MEANS, b=SDS)
    assert [report.posterior for report in inspect("y.npz")] == [None, None]
    named = inspect("y.npz", sd="b")
    assert named[0].posterior.kl == pytest.approx(means.posterior.kl, rel=1e-12)
    assert named[1].posterior is None
    holes = LOGVAR.copy()
    holes[4, 1] = np.nan
    means_with_holes = MEANS.copy()
    means_with_holes[9] = np.nan
    np.savez("z.npz", mu=means_with_holes, logvar=holes)
    kept = np.delete(np.arange(N), [4, 9])
    got = inspect("z.npz")[0].posterior
    assert_allclose(got.kl, float(naive.posterior_kl_mp(MEANS[kept], LOGVAR[kept])), rtol=1e-12)


# The command line


def test_json_repeats_a_row(gaedist, file):
    np.savez("y.npz", mu=MEANS[::2], logvar=LOGVAR[::2])
    code, out, err = gaedist("score", file, "--logvar", "logvar", "--seed", 3, "--format", "json")
    assert (code, err) == (0, "")
    row = json.loads(out)
    found = row["posterior"]
    assert (found["form"], found["width"], found["name"], found["seed"]) == (
        "sample",
        "logvar",
        "x.npz::logvar",
        3,
    )
    assert {"kl", "mutual_information", "aggregate_kl", "active_units"} <= found.keys()
    assert row["value"] == score(MEANS, logvar=LOGVAR, run=Run(seed=3)).value
    _, out, _ = gaedist("score", f"{file}::mu", "--format", "json")
    assert json.loads(out)["posterior"] == dict.fromkeys(found)
    _, out, _ = gaedist("compare", file, "y.npz", "--logvar", "logvar", "--format", "json")
    both = json.loads(out)
    assert (both["posterior_a"]["name"], both["posterior_b"]["name"]) == ("x.npz::logvar", "y.npz::logvar")
    _, out, _ = gaedist("diagnose", file, "--logvar", "logvar", "--format", "json")
    assert json.loads(out)["posterior"]["form"] == "sample"
    _, out, _ = gaedist("score", file, "--logvar", "logvar")
    header, cells = (line.split("\t") for line in out.splitlines())
    assert dict(zip(header, cells, strict=True))["posterior_active_units"] == "3"


def test_rows_are_selected_alike(gaedist, file):
    for options, rows in ((["--rows", "10:60"], slice(10, 60)), (["--rows", ":25"], slice(25))):
        _, out, _ = gaedist("score", file, "--logvar", "logvar", "--format", "value", *options)
        assert float(out) == score(MEANS[rows], logvar=LOGVAR[rows]).value


def test_untrusted_files_are_read_in_a_sandbox(gaedist, file):
    np.save("mu.npy", MEANS)
    np.save("lv.npy", LOGVAR)
    plain = gaedist("score", file, "--logvar", "logvar", "--format", "value")
    for arguments in ((file, "--logvar", "logvar"), ("mu.npy", "--logvar", "lv.npy")):
        code, out, err = gaedist("score", *arguments, "--sandbox", "--format", "value")
        assert (code, out) == plain[:2], err


def test_compare_names_what_is_missing_in_b(gaedist, file):
    np.save("z.npy", drawn())
    code, _, err = gaedist("compare", file, "z.npy", "--logvar", "logvar")
    assert code == 2
    assert err.endswith("Give --logvar-b NAME|FILE, or --logvar-b none if B is no posterior.\n")
    code, _, _ = gaedist("compare", file, "z.npy", "--logvar", "logvar", "--logvar-b", "none")
    assert code == 0
    np.save("lv.npy", LOGVAR)
    code, _, err = gaedist("compare", f"{file}::mu", "z.npy", "--logvar", "lv.npy")
    assert (code, "Give --logvar-b" in err) == (2, True)
    code, _, err = gaedist(
        "compare", file, "z.npy", "--logvar", "logvar", "--logvar-b", "none", "--sd-b", "sd"
    )
    assert (code, "both --logvar-b and --sd-b" in err) == (2, True)


def test_widths_are_not_overwritten(gaedist, file):
    np.save("lv.npy", LOGVAR)
    code, _, err = gaedist("score", f"{file}::mu", "--logvar", "lv.npy", "-o", "lv.npy")
    assert code == 2
    assert "lv.npy" in err
    np.testing.assert_array_equal(np.load("lv.npy"), LOGVAR)


def test_tables_say_what_the_posteriors_are(gaedist, file):
    sentence = "The mean KL of the posteriors is"
    for command in ("score", "inspect"):
        _, out, _ = gaedist(command, file, "--logvar", "logvar", "--format", "table")
        assert sentence in out
        assert "3 of 3 units are active" in out
    np.savez("y.npz", mu=MEANS[::2], logvar=LOGVAR[::2])
    _, out, _ = gaedist("score", file, "y.npz", "--logvar", "logvar", "--format", "table")
    assert out.count(f"x.npz::mu (sample): {sentence}") == out.count(f"y.npz::mu (sample): {sentence}") == 1
    _, out, _ = gaedist(
        "score", file, "--logvar", "logvar", "--metric", "kl", "--metric", "energy", "--format", "table"
    )
    assert out.count(sentence) == 1
    _, out, _ = gaedist(
        "score", file, "--logvar", "logvar", "--posterior", "mixture", "--null", "none", "--format", "table"
    )
    assert "a lower value is not always closer" not in out


def test_values_that_cannot_be_read_come_with_their_logarithm(gaedist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", mu=np.random.default_rng(1).normal(size=(50, 24)), sd=np.full(24, 0.1))
    for command in (["score", "x.npz", "--null", "none"], ["compare", "x.npz", "x.npz"]):
        arguments = [*command, "--sd", "sd", "--posterior", "mixture", "--format"]
        _, out, _ = gaedist(*arguments, "json")
        value = json.loads(out)["value"]
        _, out, _ = gaedist(*arguments, "table")
        if value > 1e6:
            assert f"(log₁₀ {math.log10(value):.2f})" in out
        else:
            assert "log₁₀" not in out
    assert value == 0


def test_gates_on_an_aggregate_posterior(gaedist, file):
    arguments = ["score", file, "--logvar", "logvar", "--posterior", "mixture", "--rows", ":60"]
    code, _, err = gaedist(*arguments, "--null", "monte-carlo", "--replicates", 99, "--fail-p", 0.02)
    assert (code, err) == (0, "")
    np.savez("far.npz", mu=2 * MEANS, logvar=LOGVAR)
    arguments[1] = "far.npz"
    code, _, err = gaedist(*arguments, "--null", "monte-carlo", "--replicates", 99, "--fail-p", 0.02)
    assert (code, "is below --fail-p" in err) == (1, True)
