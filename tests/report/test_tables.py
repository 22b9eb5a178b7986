"""Tables have the columns that apply to their results, and a name stays on its line."""

import re
from pathlib import Path

import pytest
from processes import shown_on_terminal


def test_several_sigmas_are_rows_with_their_rules(gaedist, codes):
    _, out, _ = gaedist("score", "normal.npy", "--sigma", "1", "--sigma", "scott", "--format", "table")
    assert re.search(r"normal.npy +500 +4 +1 +0\.", out)
    assert re.search(r"normal.npy +500 +4 +0.4599 scott +", out)
    names = "normal.npy, σ = 1; normal.npy, σ = 0.4599 scott"
    assert f"No difference from N(0, I) detected: {names}." in out


def test_several_metrics_are_a_table_for_each_file_and_a_sentence(gaedist, small_codes):
    options = ["--metric", "kl", "--metric", "gaussian", "--format", "table"]
    _, out, _ = gaedist("score", "normal.npy", "wide.npy", *options)
    lines = out.splitlines()
    assert lines[0] == "normal.npy  60 × 3"
    assert lines[1].split()[:2] == ["metric", "value"]
    assert lines[2].startswith("kl ")
    assert lines[3].startswith("gaussian (σ = 1) ")
    assert "wide.npy  50 × 3" in lines
    assert out.count("By chance alone, about 0.1 of 2 p-values would be below 0.05.") == 2
    assert "No difference from N(0, I) detected: kl, gaussian (σ = 1)." in out


def test_one_metric_is_a_row_for_each_file(gaedist, small_codes):
    _, out, _ = gaedist("score", "normal.npy", "wide.npy", "--metric", "energy", "--format", "table")
    header, first, second, *sentences = out.splitlines()
    assert header.split()[:3] == ["n", "D", "energy"]
    assert first.startswith("normal.npy")
    assert second.startswith("wide.npy")
    assert sentences[0::2] == [""] * 3
    assert sentences[1::2] == [
        "Not N(0, I): wide.npy.",
        "No difference from N(0, I) detected: normal.npy.",
        "What energy detects: mean and scale in any dimension. gaedist diagnose FILE shows what is wrong and "
        "where.",
    ]


def test_compare_by_one_other_metric_without_permutations(gaedist, small_codes):
    _, out, _ = gaedist("compare", "normal.npy", "wide.npy", "--metric", "energy", "--format", "table")
    assert out.splitlines()[0].split()[:4] == ["n", "m", "D", "energy"]
    assert "Add --permutations 999 to test whether the difference is real." in out


def test_an_estimate_is_marked_in_the_table(gaedist, write_codes):
    path = write_codes(8, 20_000)
    _, table, _ = gaedist("score", path, "--method", "sample", "--format", "table")
    assert "≈ 0." in table
    assert "Estimated from some of the pairs, with a standard error of" in table.replace("\n", " ")
    _, table, _ = gaedist("score", path, "--format", "table")
    assert "≈" not in table


def test_a_name_stays_in_its_line(gaedist, codes):
    odd = "a\nb\x1b[31m.npy"
    Path("normal.npy").rename(odd)
    assert "a\\nb\\x1b[31m.npy" in gaedist("score", odd, "--format", "table")[1]
    assert gaedist("score", "c\rd.npy")[2] == "gaedist: c\\rd.npy: No such file or directory.\n"


def test_the_default_score_has_a_line_for_each_distance_and_one_verdict(gaedist, codes):
    _, out, _ = gaedist("score", "wide.npy", "--format", "table")
    header, first, second, *_ = out.splitlines()
    assert header.split() == ["n", "D", "σ", "d²", "under", "N(0,", "I)", "z", "p", "effect", "verdict"]
    assert first.startswith("wide.npy ")
    assert first.endswith("  Not N(0, I)")
    assert re.match(r"  smoothed target +√D +0\.", second)
    assert len(gaedist("score", "wide.npy", "--sigma", "1", "--format", "table")[1].splitlines()) == 4


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_leaves_out_columns_that_do_not_fit(codes, columns):
    shown = shown_on_terminal(["score", "wide.npy", "narrow.npy"], columns=columns)
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= columns
    assert ("under N(0, I)" in lines[0]) == (columns == 200)
    assert sum(line.endswith("  Not N(0, I)") for line in lines) == 2
