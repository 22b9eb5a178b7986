"""p-values are adjusted over the panel; findings that others explain are consequences, and the verdict says
both; every defect is found by the check that it is for.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gaedist
from gaedist.diagnostics.panel import REMOVALS, examine
from gaedist.diagnostics.registry import CHECKS
from gaedist.null.tails import holm


def shell(x):
    return x * (math.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True))


def chain(x):
    x = x.copy()
    for i in range(1, len(x)):
        x[i] = 0.4 * x[i - 1] + math.sqrt(1 - 0.16) * x[i]
    return x


def with_axis(j, change):
    def made(x):
        x = x.copy()
        x[:, j] = change(x[:, j])
        return x

    return made


def correlated(x):
    x = x.copy()
    x[:, 1] = 0.9 * x[:, 0] + math.sqrt(1 - 0.81) * x[:, 1]
    return x


def outliers(x):
    x = x.copy()
    x[:8] *= 4
    return x


def copies(x):
    x = x.copy()
    x[:10] = x[-10:]
    return x


DEFECTS = {
    "shift": (with_axis(3, lambda c: c + 0.4), {"location"}, {}),
    "dead axis": (with_axis(3, lambda c: 0.02 * c), {"scale"}, {"marginals": "scale of axis 3"}),
    "constant axis": (with_axis(3, lambda c: 0 * c), {"scale"}, {"marginals": "scale of axis 3"}),
    "wide": (lambda x: 1.5 * x, {"scale"}, {"radius": "scale", "marginals": "scale"}),
    "pair": (correlated, {"dependence"}, {"squares": "dependence of axes 0 and 1"}),
    "shell": (shell, {"radius"}, {"squares": "radius"}),
    "outliers": (outliers, {"radius"}, {"squares": "radius"}),
    "skew": (with_axis(2, lambda c: np.exp(c) - 1.6), {"marginals", "scale", "radius"}, {}),
    "copies": (copies, {"points"}, {}),
    "sequence": (chain, {"order"}, {}),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects(name):
    change, found, follows = DEFECTS[name]
    x = change(np.random.default_rng(1).normal(size=(800, 16)))
    result = gaedist.diagnose(x)
    assert set(result.found) <= found
    assert set(result.found) & found
    for check in result.checks:
        if check.name in follows:
            assert check.follows_from == follows[check.name]
            assert check.name not in result.found
    assert result.verdict.startswith(next(c.sentence for c in result.checks if c.name == result.found[0])[:1])


def test_adjustment_is_that_of_holm(sample, normal):
    results = examine(sample(normal(300, 5)), list(CHECKS), 0.01)
    p = np.array([result.p_value for result in results])
    assert_allclose([result.p_adjusted for result in results], holm(p), rtol=1e-12)
    assert not any(result.found for result in results)


def test_a_check_alone_is_not_adjusted(sample, normal):
    (alone,) = examine(sample(normal(300, 5)), ["scale"], 0.01)
    assert alone.p_adjusted == alone.p_value


def test_checks_that_do_not_apply_are_left_out(sample):
    results = examine(sample(np.ones((1, 4))), list(CHECKS), 0.01)
    applied = [result.name for result in results if result.p_value is not None]
    assert applied == ["location"]
    assert all(result.note for result in results if result.p_value is None)


def test_a_real_scale_beside_far_points_is_news():
    """Two axes of sd 1.5 are not explained by ten far points."""
    x = outliers(np.random.default_rng(2).normal(size=(2000, 10)))
    x[:, [4, 7]] *= 1.5
    assert {"scale", "radius"} <= set(gaedist.diagnose(x).found)


def test_causes_are_checks():
    assert {name for names, _ in REMOVALS for name in names} <= set(CHECKS)
    for check in CHECKS.values():
        assert set(check.explained_by) <= set(CHECKS) - {check.name}


def test_progress_counts_checks(normal):
    steps = []
    gaedist.diagnose(
        normal(100, 3), run=gaedist.Run(threads=1, progress=lambda done, total: steps.append((done, total)))
    )
    assert steps == [(k + 1, len(CHECKS)) for k in range(len(CHECKS))]
