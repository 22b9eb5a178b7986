"""Lines of block characters show the counts of a histogram and the course of z, on a terminal only, in ASCII
where it has no others.
"""

import numpy as np
import pytest
from processes import shown_on_terminal

import gaedist
from gaedist.report.rows import Row
from gaedist.report.sketches import ASCII, BLOCKS, bars, diagnosis_lines, levels_in, line, trend_lines


def row(name, x):
    return Row({"file": name, "dataset": None}, gaedist.score(x, metric="kl"))


def test_bars():
    assert bars(np.array([0, 1, 4, 8])) == " ▁▄█"
    assert bars(np.array([0, 1, 4, 8]), ASCII) == " _=#"
    assert bars(np.zeros(3)) == "   "


def test_lines():
    assert line(np.array([1.0, np.nan, 2.0, 8.0])) == "▁ ▂█"
    assert line(np.array([3.0, 3.0])) == "▁▁"
    assert line(np.array([np.nan])) == " "


def test_a_trend_goes_down_in_natural_order():
    sizes = {f"run/s{k}.npy": 4.0 / k for k in (1, 2, 3, 10)}
    x = np.random.default_rng(1).normal(size=(300, 2))
    rows = [row(name, (1 + s) * x) for name, s in sorted(sizes.items(), reverse=True)]
    (text,) = trend_lines(rows, 80, BLOCKS)
    drawn = "".join(c for c in text if c in BLOCKS)
    assert len(drawn) == 4
    assert list(drawn) == sorted(drawn, reverse=True)
    assert drawn[0] + drawn[-1] == "█▁"
    assert text.endswith("run: kl")
    assert trend_lines(rows[:2], 80, BLOCKS) == []


@pytest.mark.parametrize("width", [40, 80, 200])
def test_lines_fit_a_terminal(width):
    result = gaedist.diagnose(np.random.default_rng(1).normal(size=(500, 3)))
    lines = diagnosis_lines([Row({"file": "x.npy", "dataset": None}, result)], width, BLOCKS)
    assert [text.split()[0] for text in lines] == ["radius", "N(0,", "axis", "N(0,"]
    assert max(map(len, lines)) <= width


def test_an_ascii_terminal_gets_ascii():
    assert levels_in("ascii") == levels_in(None) == levels_in("latin-1") == ASCII
    assert levels_in("utf-8") == BLOCKS


def test_only_a_terminal_gets_them(codes, gaedist):
    assert "█" in shown_on_terminal(["diagnose", "normal.npy"], NO_COLOR="1")
    _, out, _ = gaedist("diagnose", "normal.npy", "--format", "table")
    assert "█" not in out
