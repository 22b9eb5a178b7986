"""Verdicts are right for samples whose distribution is known, and say what to do where there is none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from samples import SAMPLES, sample

import gaedist as library
from gaedist import compare, score
from gaedist.report.blind_spots import detectable_shift
from gaedist.report.comparisons import compare_sentence
from gaedist.report.verdicts import score_paragraphs, score_sentence

SETTINGS = [{}, *({"target": "smoothed", "sigma": sigma} for sigma in (1.0, "median", "silverman"))]


def verdict(result):
    return (
        score_sentence(result).split("distinguishes them. ")[-1].split(":")[0]
    )  # after the note on saturation


@pytest.mark.parametrize("dim", [2, 8, 64])
@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_verdict_is_wrong(name, options, dim):
    result = score(sample(name, 1000, dim), **options)
    sentence = score_sentence(result)
    if name == "normal":
        assert verdict(result) in ("No difference from N(0, I) detected", "No verdict")
    if name == "collapsed":
        assert verdict(result) == "Not N(0, I)" or (dim, options.get("sigma")) == (64, "silverman")
    if "These codes are" in sentence:  # only the score against N(0, I) itself has a side
        assert options == {}
        concentrated = {"shrunk", "collapsed", "heavy-tailed"}
        assert ("more concentrated" in sentence) == (name in concentrated)
        assert ("more spread out, shifted or clustered" in sentence) == (name not in concentrated)


@pytest.mark.parametrize(
    ("dim", "seen"), [(2, set(SAMPLES)), (8, set(SAMPLES)), (64, {"collapsed", "heavy-tailed", "shrunk"})]
)
def test_what_the_smoothed_target_detects_at_sigma_one(dim, seen):
    found = {
        name
        for name in SAMPLES
        if verdict(score(sample(name, 1000, dim), target="smoothed")) == "Not N(0, I)"
    }
    assert found == seen - {"normal"}


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_what_the_smoothed_target_detects_at_the_median(dim):
    found = {
        name
        for name in SAMPLES
        if "No difference" not in verdict(score(sample(name, 1000, dim), target="smoothed", sigma="median"))
    }
    moments = {"shrunk", "stretched", "shifted", "collapsed"}
    assert moments <= found
    assert "normal" not in found


def test_a_null_distribution_that_is_too_skewed_gives_no_verdict_but_a_remedy():
    sentence = score_sentence(score(sample("normal", 100, 8), sigma=0.3))
    assert sentence.startswith("No verdict: these codes give ")
    assert "the null distribution is too skewed at this n, D and σ to convert z to a p-value." in sentence
    assert (
        "Use --null monte-carlo, or --target smoothed --sigma median. At n = 100 and D = 8 this" in sentence
    )


def test_a_value_beyond_all_of_99_simulated_samples_is_a_verdict_but_of_19_is_not():
    x = 1 + sample("normal", 60, 2)
    far = score(x, target="smoothed", null="monte-carlo", replicates=99)
    assert far.p_value == 0.01
    assert verdict(far) == "Not N(0, I)"
    few = score(x, target="smoothed", null="monte-carlo", replicates=19)
    assert (few.p_value, verdict(few)) == (0.05, "No verdict")
    sentence = score_sentence(few)
    assert "but p cannot be below 0.05 with 19 simulated samples. Use more --replicates. " in sentence
    near = score(x - 1, metric="energy", null="monte-carlo", replicates=19)
    assert score_sentence(near).startswith("No verdict: these codes give ")


def test_verdicts_of_permutations():
    x, y = sample("normal", 60, 2), sample("normal", 60, 2, seed=1)
    assert "No difference detected: " in compare_sentence(compare(x, y, permutations=99))
    shifted = compare_sentence(compare(x, y + 1, permutations=99))
    assert "Different distributions: 0 of 99 random permutations of the labels give a distance " in shifted
    assert shifted.endswith(" at least this large (p = 0.01).")
    few = compare_sentence(compare(x, y + 1, permutations=19))
    assert "No verdict: 0 of 19" in few
    assert few.endswith("With 19 permutations, p cannot be below 0.05. Use more --permutations.")
    pairs = compare_sentence(compare(x[:2], 1000 + y[:2], permutations=999))
    assert pairs.endswith("With 2 and 2 points, p cannot be below 0.33. Use more points.")
    assert compare_sentence(compare(x, y)).endswith(
        "Add --permutations 999 to test whether the difference is real."
    )
    assert compare_sentence(compare(x, y, sigma=1e9)).startswith("No verdict: the kernel is so wide")


def test_an_unbiased_distance_below_zero_is_expected():
    x, y = sample("normal", 50, 3), sample("normal", 40, 3, seed=1)
    assert "negative about half the time" in compare_sentence(compare(x, y, estimator="u"))
    result = score(x, target="smoothed", estimator="u")
    assert "negative about half the time" in score_sentence(replace(result, value=-1e-4))
    assert "negative" not in score_sentence(replace(result, value=1e-4))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("normal.npy", "No difference from N(0, I) detected"),
        ("wide.npy", "more spread out, shifted or clustered"),
        ("narrow.npy", "more concentrated or more evenly spaced than N(0, I)"),
    ],
)
def test_the_table_has_a_verdict(gaedist, codes, file, words):
    _, out, _ = gaedist("score", file, "--format", "table")
    result = library.score(np.load(file))
    assert words in out
    assert f"{result.z:+.2f}" in out
    assert " ± " in out
    assert "\x1b" not in out


def test_the_table_warns_of_saturation(gaedist, codes):
    np.save("big.npy", np.random.default_rng(0).normal(size=(30, 400)))
    _, out, _ = gaedist("score", "big.npy", "--sigma", "1", "--format", "table")
    assert "At D = 400 and σ = 1 the distance is saturated: it equals 1 + 1/n to within rounding" in out


def test_an_unbiased_value_below_zero_is_explained(gaedist, codes):
    np.save("even.npy", np.random.default_rng(6).normal(size=(60, 4)))
    options = ["--target", "smoothed", "--estimator", "u"]
    _, out, _ = gaedist("score", "even.npy", *options, "--format", "table")
    assert " -0.0" in out
    assert "An unbiased value is negative about half the time for samples of N(0, I)." in out
    _, out, _ = gaedist("score", "even.npy", *options, "--format", "json")
    row = json.loads(out)
    assert row["value"] < 0
    assert row["log_value"] is None
    assert row["p_value"] > 0.3


def test_far_codes_are_not_called_saturated():
    x = 1000 + sample("normal", 300, 8)
    sentence = score_sentence(score(x))
    assert sentence.startswith("Not N(0, I): these codes give 1.072, and samples of N(0, I)")


def test_degenerate_codes_have_a_verdict_that_says_why():
    dead = score_sentence(score(sample("normal", 50, 3) * [1, 1, 0], metric="kl"))
    assert dead.startswith(
        "Not N(0, I): kl is inf: the codes are constant along 1 of 3 directions, which no "
    )
    sentence = score_sentence(score(sample("normal", 1, 3), metric="henze-zirkler"))
    assert sentence.startswith("No verdict: henze-zirkler is 4: the covariance of 1 point is singular")


def test_the_default_verdict_rests_on_two_distances():
    normal = score(sample("normal", 400, 64))
    sentence = score_sentence(normal)
    assert "; with the smoothed target at σ = √D, 0.00" in sentence
    assert f"; together p = {normal.p_combined:.2g}. " in sentence
    assert verdict(normal) == "No difference from N(0, I) detected"
    shifted = score(sample("shifted", 300, 64))
    assert verdict(shifted) == "Not N(0, I)"
    assert f"This is as far as a mean shift of {shifted.companion.effect:.2g}." in score_sentence(shifted)
    assert "These codes are" not in score_sentence(shifted)  # the sign of z of Eq. (8) is chance here


def test_the_last_sentence_says_what_is_not_seen_and_which_command_looks_for_it():
    last = "gaedist diagnose FILE looks for these."
    near = score_sentence(score(sample("normal", 300, 4)))
    assert near.endswith(f"and details that are smaller than σ: {last}")
    many = score_sentence(score(sample("normal", 300, 64)))
    assert many.endswith(f"dead or dependent axes among many, and rare outliers: {last}")
    narrow = score_sentence(score(sample("normal", 300, 64), target="smoothed"))
    assert narrow.endswith(f"and nearly everything else, as few points overlap: {last}")
    blind = score_sentence(score(sample("normal", 300, 512), sigma=1.0))
    assert "this distance can miss any shift of the mean, " in blind
    far = score_sentence(score(sample("shifted", 300, 4)))
    assert far.endswith("gaedist diagnose FILE shows what is wrong and where.")


def test_the_shift_that_can_be_missed_is_found_half_the_time():
    n, dim, rng = 400, 64, np.random.default_rng(5)
    shift = detectable_shift(score(rng.normal(size=(n, dim))))
    step = np.full(dim, shift / np.sqrt(dim))
    seen = [score(rng.normal(size=(n, dim)) + step).companion.p_value < 1e-3 for _ in range(40)]
    assert 8 <= sum(seen) <= 32


def test_rows_of_the_same_verdict_share_a_paragraph():
    files = {name: score(sample(name, 400, 64)) for name in ("normal", "shifted", "shrunk", "stretched")}
    paragraphs = score_paragraphs(list(files), list(files.values()))
    assert len(paragraphs) == 3
    assert paragraphs[0] == "Not N(0, I): shifted, shrunk, stretched."
    assert paragraphs[1] == "No difference from N(0, I) detected: normal."
    assert paragraphs[2].startswith("At n = 400 and D = 64 these distances can miss mean shifts below 0.")
    many = score_paragraphs([f"{k}.npy" for k in range(12)], [files["normal"]] * 12)
    assert many[0].endswith("7.npy and 4 more.")
