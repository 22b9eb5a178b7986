"""`gaedist.compare` and `gaedist.compares`: what they accept, refuse and report, for any metric and σ."""

from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist import CompareResult, GaedistError, compare, compares
from gaedist.metrics.registry import TWO_SAMPLE


def sample(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def test_the_order_of_fields_is_the_order_of_json_keys():
    names = (
        "n m dim metric estimator value log_value value_se parameters covariance sigma expected "
        "null p_value notes method precision threads seconds version device prior posterior_a posterior_b "
        "distribution"
    )
    assert " ".join(field.name for field in fields(CompareResult)) == names


@pytest.mark.parametrize("metric", TWO_SAMPLE)
def test_dimensions_must_agree(metric):
    with pytest.raises(GaedistError, match="dimensions differ: 2 and 3"):
        compare(sample(4, 2), sample(4, 3), metric=metric)


def test_without_permutations_there_is_no_p_value():
    result = compare(sample(9, 2), sample(8, 2, seed=1))
    assert (result.null.method, result.null.mean, result.null.replicates) == ("none", None, None)
    assert result.p_value is None


@pytest.mark.parametrize("estimator", ["v", "u"])
def test_compares_are_what_each_sigma_gives_alone(estimator):
    x, y = sample(150, 3), 1.3 * sample(100, 3, seed=1)
    sigmas = [1.0, 0.2, "median", 5, "mean-field", "silverman", 1.0]
    found = compares(x, y, sigmas, estimator=estimator, permutations=49)
    for sigma, one in zip(sigmas, found, strict=True):
        alone = compare(x, y, sigma=sigma, estimator=estimator, permutations=49)
        assert one.sigma == alone.sigma
        assert_allclose(one.value, alone.value, rtol=1e-11)
        assert_allclose(one.expected, alone.expected, rtol=1e-12)
        assert_allclose([one.null.mean, one.null.sd], [alone.null.mean, alone.null.sd], rtol=1e-9)
        assert one.p_value == alone.p_value


@pytest.mark.parametrize("metric", ["gaussian", "energy"])
def test_a_number_of_permutations_that_is_not_a_count_is_an_error(metric):
    for count in (-1, 2.5):
        with pytest.raises(
            GaedistError, match=f"permutations must be a whole number, at least 0; got {count}"
        ):
            compare(sample(9, 2), sample(8, 2, seed=1), metric=metric, permutations=count)


def test_samples_are_left_alone():
    x, y = sample(30, 3), sample(20, 3, seed=1) + 1e7
    before = x.copy(), y.copy()
    compares(x, y, metric="all", permutations=9)
    assert (x == before[0]).all()
    assert (y == before[1]).all()


def test_metrics_that_do_not_apply_are_reported_and_the_others_go_on():
    errors = {}
    found = compares(sample(9, 1), sample(1, 1), metric="all", on_error=errors.__setitem__)
    assert list(errors) == ["mmd", "cramer-wold-approx"]
    assert "two points in each sample; got 9 and 1" in str(errors["mmd"])
    assert "one dimension" in str(errors["cramer-wold-approx"])
    assert [result.metric for result in found] == ["gaussian", "cramer-wold", "sliced-wasserstein", "energy"]
    assert len(compares(sample(9, 1), sample(1, 1), metric="all")) == 4
    with pytest.raises(GaedistError, match="an unbiased mean needs two points in each"):
        compares(sample(9, 1), sample(1, 1), metric=["mmd", "all"])


def test_a_sigma_that_does_not_fit_is_reported_and_the_others_go_on():
    errors = []
    x, y = sample(9, 2), sample(8, 2, seed=1)
    found = compares(
        x,
        y,
        [1.0, "optimize", 2.0],
        metric=["gaussian", "energy"],
        permutations=9,
        on_error=lambda *error: errors.append(error),
    )
    assert [name for name, _ in errors] == ["gaussian"]
    assert "sigma optimize: labels cannot be permuted" in str(errors[0][1])
    assert [result.metric for result in found] == ["gaussian", "gaussian", "energy"]
