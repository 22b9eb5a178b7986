"""A diagnosis in rows: where and how much, in words, and 0 for what is only rounding."""

import numpy as np

import gaedist
from gaedist.diagnostics.base import Place
from gaedist.report.diagnosis import check_rows, details_text, kl_sentence, place_text, rounded


def test_places():
    assert place_text(Place("pair", (3, 5), 0.91234)) == "pair 3 5: 0.9123"
    assert (
        place_text(Place("direction", (3, 5), 1.5, loadings=(0.8, -0.6))) == "direction +0.80·3 -0.60·5: 1.5"
    )
    assert place_text(Place("rows", (3, 5), 1e-17)) == "rows 3 5: 0"


def test_details():
    assert details_text({"skewness": 0.123456, "kurtosis": -1.0}) == "skewness 0.1235; kurtosis -1"
    assert rounded(None) == "–"


def test_rows_and_divergence():
    x = np.random.default_rng(0).normal(size=(100, 3))
    result = gaedist.diagnose(x)
    assert [row.check for row in check_rows(result)] == [check.name for check in result.checks]
    assert "; samples of N(0, I) have 0.04572. Axes with most: 0 (" in kl_sentence(result)
    white = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, bias=True))).T
    assert "Axes" not in kl_sentence(gaedist.diagnose(white))  # which axis has most, only rounding says
    x[:, 1] = 0
    assert kl_sentence(gaedist.diagnose(x)).endswith("do not vary along 1 direction (axis 1).")
