"""The verdict is one paragraph: findings, at most five, and consequences; or what would have been found."""

import numpy as np
import pytest

import gaedist
from gaedist.diagnostics.words import counted, joined, number


def test_normal_samples(normal):
    text = gaedist.diagnose(normal(1000, 8)).verdict
    assert text.startswith("No departure from N(0, I) found by 9 checks; smallest adjusted p ")
    assert "One axis with a mean of 0.1" in text
    assert text.endswith("would have been found with 90 % probability.")


def test_sentences(normal):
    x = normal(1000, 50)
    x[:, [3, 17]] *= 0.02
    x[:, 40] *= 0.05
    x[:, 5] += 0.3
    x[907] = x[12]
    text = gaedist.diagnose(x).verdict
    assert "Axes 17, 3 and 40 hardly vary" in text or "Axes 3, 17 and 40 hardly vary" in text
    assert "): collapsed." in text
    assert "The mean of axis 5 is off by 0.3" in text
    assert "Rows 12 and 907 are equal." in text
    assert "\n" not in text


def test_at_most_five_findings(normal):
    x = np.exp(normal(400, 6))
    x[:100] = 0
    x[:, 1] = 0.9 * x[:, 0] + 0.1 * x[:, 1]
    assert "Also found: " in gaedist.diagnose(x).verdict


def test_no_check_applies():
    assert (
        gaedist.diagnose([[0.5]], checks=["scale"]).verdict == "No verdict: no check applies to this sample."
    )


def test_words():
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert counted("axis", [3]) == "axis 3"
    assert counted("row", [1, 2], 5) == "rows 1, 2 and 5 more"
    assert [number(v) for v in (0.0, 0.0512, 0.3, -1.25, 17.4, 640.2, 1e-7, 1e200)] == [
        "0",
        "0.051",
        "0.30",
        "-1.25",
        "17",
        "640",
        "1.0e-07",
        "1.0e+200",
    ]


@pytest.mark.parametrize("point", [(0.0, 0.0, 0.0), (0.3, 0.3, 0.3), (0.1, -7.7, 1e5)])
def test_codes_that_have_collapsed_to_a_point(point):
    found = gaedist.diagnose(np.tile(point, (300, 1)))
    assert "All points are equal: the codes have collapsed." in found.verdict
    results = {check.name: check for check in found.checks}
    assert results["order"].note == "the codes do not vary."
    assert (results["dependence"].found, results["squares"].found) == (
        False,
        False,
    )  # nothing varies together
