"""The fastest of the series and all pairs is chosen; a note names a missing series only where it matters."""

import numpy as np
import pytest

from gaedist.engine import PairSum, Run, pair_totals
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.series.choice import SERIES
from gaedist.engine.series.fourier import Fourier
from gaedist.engine.series.hermite import Hermite
from gaedist.errors import GaedistError


@pytest.fixture(autouse=True)
def no_dense_sums(monkeypatch):
    """Keep sums over few points from NumPy, so that a series or the tiles compute them."""
    monkeypatch.setattr("gaedist.engine.sums.is_small", lambda job, run: False)


@pytest.fixture
def slow_pairs(monkeypatch):
    """Make all pairs seem slow, so that a series pays for few points."""
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-3)


def codes(n, dim):
    return np.random.default_rng((0, dim)).normal(size=(n, dim))


def chosen(x, **settings):
    """The method that computes the sum over the pairs of one sample at σ = 1."""
    rate = 0.25 / np.log(2)
    job = PairSum(Gaussian(rate), x, None, np.zeros((1, len(x))), None, 0.0, rate)
    return pair_totals([job], Run(**settings))[0].provenance.method


def test_auto_takes_the_fastest_method(slow_pairs, monkeypatch):
    assert chosen(codes(300, 3)) == "fourier"  # for so few points choosing Hermite functions takes longer
    monkeypatch.setattr(Fourier, "unavailable", staticmethod(lambda: "it needs a spoon"))
    assert chosen(codes(300, 3)) == "hermite"
    assert chosen(codes(300, 4)) == "hermite"
    assert chosen(codes(300, 11)) == "pairs"
    assert chosen(codes(60, 3)) == "pairs"
    assert chosen(codes(300, 3), method="pairs") == "pairs"


def test_a_series_whose_terms_take_long_to_choose_is_not_tried_for_few_points(monkeypatch):
    monkeypatch.setattr(Hermite, "__init__", None)
    assert chosen(codes(2000, 4)) == "pairs"
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1e-3)
    with pytest.raises(TypeError):
        chosen(codes(2000, 4))


def test_a_missing_series_is_reported_where_it_matters(monkeypatch):
    for basis in SERIES.values():
        monkeypatch.setattr(basis, "unavailable", staticmethod(lambda: "no spoon"))
    notes = []
    assert chosen(codes(500, 2), note=notes.append) == "pairs"
    assert notes == []
    monkeypatch.setattr("gaedist.engine.series.sums.PAIR_SECONDS", 1.0)
    chosen(codes(500, 2), note=notes.append)
    assert notes == ["method hermite may be faster, but is not available here: no spoon."]
    with pytest.raises(GaedistError, match=r"method fourier is not available here: no spoon\. Use --method"):
        chosen(codes(500, 2), method="fourier")


@pytest.mark.parametrize(("method", "dim", "highest"), [("fourier", 4, 3), ("hermite", 11, 10)])
def test_dimensions_that_a_series_does_not_support_are_refused(method, dim, highest):
    message = f"method {method} is not available here: it needs D from 1 to {highest}; D is {dim}"
    with pytest.raises(GaedistError, match=message):
        chosen(codes(50, dim), method=method)


@pytest.mark.parametrize("method", SERIES)
def test_codes_that_spread_too_far_are_refused(method):
    with pytest.raises(GaedistError, match="spread too far compared with σ; the series needs"):
        chosen(1e150 * codes(50, SERIES[method].dims[-1]), method=method)
