"""Names of metrics, options that none of the chosen metrics takes, and the sharing of passes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import GaedistError, Parameters, Run, compare, compares, score, scores
from gaedist.metrics.base import ALL, metric_names, option_of
from gaedist.metrics.registry import ONE_SAMPLE, TWO_SAMPLE

FEW = Parameters(directions=7)


def test_names_are_listed_once_in_the_order_given():
    assert metric_names("kl", ONE_SAMPLE) == ["kl"]
    assert metric_names(["mmd", "kl", "mmd"], ONE_SAMPLE) == ["mmd", "kl"]
    assert metric_names(ALL, TWO_SAMPLE) == list(TWO_SAMPLE)
    assert metric_names(["kl", ALL], ONE_SAMPLE) == ["kl", *(name for name in ONE_SAMPLE if name != "kl")]


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ([], "no metric is given. Choose from gaussian, bhep"),
        ("entropy", "metric must be one of gaussian, bhep, .*, all; got 'entropy'"),
        (["kl", "entropy"], "metric must be one of .* got 'entropy'"),
    ],
)
def test_an_unknown_metric_is_an_error(metric, message):
    with pytest.raises(GaedistError, match=message):
        scores(sample("normal", 20, 3), metric=metric)


def test_a_metric_for_one_sample_only_is_an_error_for_two():
    with pytest.raises(GaedistError, match="metric must be one of gaussian, mmd"):
        compare(sample("normal", 9, 2), sample("normal", 8, 2), metric="kl")


@pytest.mark.parametrize(
    ("metric", "parameters", "message"),
    [
        ("bhep", {"gamma": 1.0}, "gamma is for cramer-wold and cramer-wold-approx, not for bhep"),
        (["kl", "energy"], {"beta": 1.0}, "beta is for bhep and sliced-epps-pulley, not for kl, energy"),
        (
            "gaussian",
            {"directions": 9},
            "directions is for sliced-wasserstein and sliced-epps-pulley, not for gaussian",
        ),
        ("henze-zirkler", {"beta": 1.0}, "beta is for .* not for henze-zirkler"),
        ("energy", {"kernel": "laplace"}, "kernel is for mmd, not for energy"),
        ("energy", {"scales": [1.0]}, "--scale is for mmd, not for energy"),
    ],
)
def test_a_parameter_that_no_metric_takes_is_an_error(metric, parameters, message):
    with pytest.raises(GaedistError, match=message):
        scores(sample("normal", 20, 3), metric=metric, parameters=Parameters(**parameters))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": Parameters(gamma=1)}, "gamma is for cramer-wold and cramer-wold-approx"),
        ({"metric": "gaussian", "parameters": FEW}, "directions is for sliced-wasserstein, not for gaussian"),
        ({"parameters": Parameters(beta=1)}, "beta is for other commands, not for energy"),
    ],
)
def test_a_parameter_that_no_two_sample_metric_takes_is_an_error(options, message):
    with pytest.raises(GaedistError, match=message):
        compare(sample("normal", 9, 2), sample("normal", 8, 2), **{"metric": "energy", **options})


@pytest.mark.parametrize(
    "options", [{"sigma": 0.5}, {"sigma": "median"}, {"target": "smoothed"}, {"covariance": "constant"}]
)
def test_smoothing_options_need_a_metric_that_smooths(options):
    x = sample("normal", 20, 3)
    message = "sigma, covariance, target and estimator are for gaussian, not for kl"
    with pytest.raises(GaedistError, match=message):
        score(x, metric="kl", **options)
    sigma = options.get("sigma", 1.0)
    rest = {name: value for name, value in options.items() if name != "sigma"}
    assert [r.metric for r in scores(x, [sigma], metric=["kl", "gaussian"], **rest)] == ["kl", "gaussian"]


@pytest.mark.parametrize(
    "options",
    [
        {"sigma": 2.0},
        {"sigma": np.ones(9), "sigma_b": np.ones(8)},
        {"sigma_b": 1.0},
        {"covariance": "full"},
        {"estimator": "u"},
        {"sigma_factor": 3.0},
    ],
)
def test_smoothing_options_of_two_samples_need_a_metric_that_smooths(options):
    with pytest.raises(GaedistError, match="are for gaussian, not for energy"):
        compare(sample("normal", 9, 2), sample("normal", 8, 2), metric="energy", **options)


def test_options_of_the_command_line_have_the_names_of_parameters():
    assert option_of("scales") == "--scale"
    assert option_of("beta") == "--beta"


def test_several_metrics_of_two_samples_give_what_each_gives_alone():
    x, y = sample("normal", 150, 3), sample("shifted", 100, 3)
    found = compares(x, y, [1.0, 0.3], metric=ALL, permutations=19)
    assert [result.metric for result in found] == ["gaussian", *TWO_SAMPLE]
    assert found[0] != found[1]
    for result in found[1:]:
        sigma = {"sigma": 0.3} if result.metric == "gaussian" else {}
        alone = compare(x, y, metric=result.metric, permutations=19, **sigma)
        assert_allclose(result.value, alone.value, rtol=1e-12, atol=1e-14)
        assert_allclose([result.null.mean, result.null.sd], [alone.null.mean, alone.null.sd], rtol=1e-11)
        assert (result.parameters, result.p_value) == (alone.parameters, alone.p_value)


def tiles_of(measure):
    """Total number of tiles of the passes that a call makes."""
    seen = []
    measure(Run(progress=lambda *counts: seen.append(counts)))
    return seen[-1][1]


def test_metrics_over_pairs_share_one_pass():
    x = np.random.default_rng(8).normal(size=(3000, 3))
    pairs = ["gaussian", "bhep", "mmd", "cramer-wold", "cramer-wold-approx", "energy"]
    alone, together = (
        tiles_of(lambda run, metric=metric: scores(x, metric=metric, run=run)) for metric in ("energy", pairs)
    )
    assert alone == 12 * 13 // 2
    # 12 tiles more for each of two sums of φ_D over points
    assert together == alone + 2 * 12


def test_metrics_of_two_samples_share_one_pass():
    x, y = sample("normal", 1500, 3), sample("shifted", 1400, 3)
    pairs = [name for name in TWO_SAMPLE if "directions" not in TWO_SAMPLE[name].parameters]
    alone, together = (
        tiles_of(lambda run, metric=metric: compares(x, y, metric=metric, run=run))
        for metric in ("energy", pairs)
    )
    assert alone == together


@pytest.mark.parametrize("metric", [["kl", "mmd"], ALL])
def test_one_result_is_that_of_one_metric(metric):
    x = sample("normal", 20, 3)
    with pytest.raises(
        GaedistError, match=r"metric must be one name; got .* Use gaedist\.scores for several"
    ):
        score(x, metric=metric)
    with pytest.raises(GaedistError, match=r"Use gaedist\.compares for several"):
        compare(x, x, metric=metric)
