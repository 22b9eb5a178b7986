"""The companion of a default score is the smoothed target at σ = √D, and any choice gives one distance."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from samples import sample

from gaedist import Run, score, scores
from gaedist.api.companion import Companion

DISTANCES = [
    {"sigma": 1.0},
    {"sigma": "prior"},
    {"target": "normal"},
    {"estimator": "v"},
    {"covariance": "constant"},
    {"metric": "gaussian"},
]


@pytest.mark.parametrize("shape", [(1, 3), (40, 1), (300, 8), (1100, 3), (200, 64)])
def test_both_distances_are_what_each_gives_alone(shape):
    x = sample("shifted", *shape)
    found, first = score(x), score(x, sigma=1)
    second = score(x, sigma="prior", target="smoothed")
    c = found.companion
    assert_allclose(found.value, first.value, rtol=1e-13, atol=1e-13)
    assert (found.target, found.sigma, found.null) == (first.target, first.sigma, first.null)
    if first.z is not None:
        assert_allclose([found.z, found.excess], [first.z, first.excess], rtol=1e-8)
    assert (c.target, c.sigma) == ("smoothed", second.sigma.median)
    assert c.sigma == pytest.approx(math.sqrt(shape[1]), rel=1e-15)
    assert (c.null_mean, c.null_sd, c.note) == (second.null.mean, second.null.sd, second.null.note)
    assert_allclose(c.value, second.value, rtol=1e-11)
    if second.z is not None:
        assert_allclose([c.z, c.effect], [second.z, second.effect], rtol=1e-8)
    assert (c.p_value is None, c.p_bound is None) == (second.p_value is None, second.p_bound is None)


@pytest.mark.parametrize("options", DISTANCES, ids=str)
def test_any_choice_of_the_distance_gives_it_alone(options):
    found = score(sample("normal", 60, 3), **options)
    assert (found.companion, found.p_combined) == (None, None)
    assert len(found.parts) == 1
    assert found.verdict == found.judgement.verdict


def test_other_options_leave_the_companion():
    x = sample("normal", 60, 3)
    assert score(x, null="none").companion.z is None
    assert score(x, null="none").verdict == "No verdict"
    assert score(x, run=Run(precision="single", threads=1)).companion is not None
    simulated = score(x, null="monte-carlo", replicates=199)
    assert simulated.p_combined == min(1, 2 * min(simulated.p_value, simulated.companion.p_value))
    (only,) = scores(x)
    assert only.companion == score(x).companion


def test_an_estimate_from_some_of_the_pairs_has_no_companion():
    # the smoothed target would need nearly all of them
    assert score(sample("normal", 3000, 8), run=Run(method="sample")).companion is None


@pytest.mark.parametrize(
    ("name", "dim", "verdict"),
    [
        *(("normal", dim, "No difference from N(0, I) detected") for dim in (2, 24, 64, 512)),
        *((name, dim, "Not N(0, I)") for name in ("shifted", "shrunk", "stretched") for dim in (24, 64, 512)),
    ],
)
def test_the_verdict_is_right_in_any_dimension(name, dim, verdict):
    assert score(sample(name, 500, dim)).verdict == verdict


def test_p_values_of_the_companion_are_calibrated():
    rng, found = np.random.default_rng(3), []
    for _ in range(400):
        found.append(score(rng.normal(size=(50, 24))).companion.p_value)
    assert 8 <= np.sum(np.array(found) < 0.05) <= 34  # 20 ± 3.2 standard deviations


def test_json_has_the_companion_or_its_keys(gaedist, codes):
    rows = [
        json.loads(gaedist("score", "normal.npy", *options, "--format", "json")[1])
        for options in ((), ("--sigma", "1"))
    ]
    names = [field.name for field in fields(Companion) if field.name != "distribution"]
    assert [list(row["companion"]) for row in rows] == [names, names]
    assert set(rows[1]["companion"].values()) == {None}
    assert rows[0]["verdict"] == "No difference from N(0, I) detected"
    header, row = gaedist("score", "normal.npy")[1].splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert float(cells["companion_p_value"]) == rows[0]["companion"]["p_value"]
    assert cells["verdict"] == rows[0]["verdict"]


def test_the_verdict_of_a_table_is_that_of_both_distances(gaedist, codes):
    x = 1.06 * np.random.default_rng(1).normal(size=(300, 6))
    np.save("x.npy", x)
    result = score(x)
    assert result.p_value < 0.001 <= result.p_combined
    out = gaedist("score", "x.npy", "--format", "table")[1]
    assert out.splitlines()[1].split()[-1] == result.verdict == "Borderline"
