from dataclasses import replace

import pytest
from samples import SAMPLES, sample

from gaedist import compare, score
from gaedist.report.numbers import p_text, z_text
from gaedist.report.verdicts import compare_sentence, score_sentence

SETTINGS = [{}, *({"target": "smoothed", "sigma": sigma} for sigma in (1.0, "median", "silverman"))]


def verdict(result):
    return score_sentence(result).split("one from another. ")[-1].split(":")[0]  # after that it has saturated


@pytest.mark.parametrize("dim", [2, 8, 64])
@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_verdict_is_wrong(name, options, dim):
    result = score(sample(name, 1000, dim), **options)
    sentence = score_sentence(result)
    if name == "normal":
        assert verdict(result) in ("No difference from N(0, I) seen", "No verdict")
    if name == "collapsed":
        assert verdict(result) == "Not N(0, I)" or (dim, options.get("sigma")) == (64, "silverman")
    if "They are" in sentence:  # only the score against N(0, I) itself has a side
        assert options == {}
        concentrated = {"shrunk", "collapsed", "heavy-tailed"}
        assert ("more concentrated" in sentence) == (name in concentrated)
        assert ("more spread, shifted or clustered" in sentence) == (name not in concentrated)


@pytest.mark.parametrize(
    ("dim", "seen"), [(2, set(SAMPLES)), (8, set(SAMPLES)), (64, {"collapsed", "heavy-tailed", "shrunk"})]
)
def test_what_the_smoothed_target_sees_at_sigma_one(dim, seen):
    found = {
        name
        for name in SAMPLES
        if verdict(score(sample(name, 1000, dim), target="smoothed")) == "Not N(0, I)"
    }
    assert found == seen - {"normal"}


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_what_the_smoothed_target_sees_at_the_median(dim):
    found = {
        name
        for name in SAMPLES
        if "No difference" not in verdict(score(sample(name, 1000, dim), target="smoothed", sigma="median"))
    }
    moments = {"shrunk", "stretched", "shifted", "collapsed"}
    assert moments <= found
    assert "normal" not in found


def test_a_law_that_is_not_trusted_gives_no_verdict_but_what_to_do():
    sentence = score_sentence(score(sample("stretched", 1000, 64)))
    assert sentence.startswith("No verdict: samples of N(0, I) of this size score ")
    assert sentence.endswith("Use --null monte-carlo, or --target smoothed --sigma median.")


def test_simulated_samples_of_which_none_is_as_far_out_are_a_verdict():
    x = 1 + sample("normal", 60, 2)
    far = score(x, target="smoothed", null="monte-carlo", replicates=99)
    assert far.p_value == 0.01
    assert verdict(far) == "Not N(0, I)"
    few = score(x, target="smoothed", null="monte-carlo", replicates=19)
    assert (few.p_value, verdict(few)) == (0.05, "No difference from N(0, I) seen")


def test_what_permutations_tell():
    x, y = sample("normal", 60, 2), sample("normal", 60, 2, seed=1)
    assert "No difference seen: " in compare_sentence(compare(x, y, permutations=99))
    shifted = compare_sentence(compare(x, y + 1, permutations=99))
    assert shifted.endswith("Two different laws: 0 of 99 random labelings give as much or more, p = 0.01.")
    few = compare_sentence(compare(x, y + 1, permutations=19))
    assert "No difference seen: 0 of 19" in few
    assert compare_sentence(compare(x, y)).endswith("Add --permutations 999 to see whether that is chance.")
    assert compare_sentence(compare(x, y, sigma=1e9)).startswith("No verdict: the kernel is so wide")


def test_an_unbiased_distance_below_zero_is_expected():
    x, y = sample("normal", 50, 3), sample("normal", 40, 3, seed=1)
    assert "often below 0" in compare_sentence(compare(x, y, estimator="u"))
    result = score(x, target="smoothed", estimator="u")
    assert "below 0 for about half" in score_sentence(replace(result, value=-1e-4))
    assert "below 0" not in score_sentence(replace(result, value=1e-4))


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.0521, "0.052"), (3.21e-7, "3.2e-07"), (1e-13, "< 1e-12"), (1.0, "1")]
)
def test_p_values_are_written_to_two_digits(p, text):
    assert p_text(p) == text


@pytest.mark.parametrize(("z", "text"), [(None, "–"), (1.234, "+1.23"), (-12.0, "-12.00"), (1e30, "+1e+30")])
def test_z_is_written_to_two_decimals(z, text):
    assert z_text(z) == text
