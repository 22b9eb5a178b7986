"""A page to hand on is well-formed, has everything it shows inside, escapes names, and is the same text for
the same results; html5lib parses it as a browser does.
"""

import re
import sys

import html5lib
import numpy as np
import pytest

HTML = "{http://www.w3.org/1999/xhtml}"
EVIL = 'a<script>alert("1 & 2").npy'


@pytest.fixture
def page(gaedist, codes, monkeypatch):
    """Write a page, and return its text and its tree: page(command) → text, tree."""

    def write(*command):
        arguments = [*command, "--report", "x.html"]
        monkeypatch.setattr(sys, "argv", ["gaedist", *arguments])
        code, _, err = gaedist(*arguments)
        assert (code, err) == (0, "")
        text = (codes / "x.html").read_text(encoding="utf-8")
        return text, html5lib.HTMLParser(strict=True).parse(text)

    return write


def text_of(element):
    return "".join(element.itertext())


def test_a_page_of_scores(page, codes):
    for k, scale in enumerate((2, 1.5, 1.1)):
        np.save(f"step{10**k}.npy", scale * np.random.default_rng(k).normal(size=(100, 3)))
    names = ["step1.npy", "step10.npy", "step100.npy"]
    text, tree = page("score", *reversed(names), "--metric", "kl")
    rows = [[text_of(cell) for cell in row] for row in tree.iter(f"{HTML}tr")]
    assert rows[0][:2] == ["file", "verdict"]
    assert [row[0] for row in rows[1:]] == names
    assert rows[1][1] == "Not N(0,\xa0I)"
    headings = [text_of(found) for found in tree.iter(f"{HTML}h2")]
    assert headings == [
        "Verdicts", "Trend", "The last file: step100.npy", "The worst file: step1.npy", "To repeat it",
    ]  # fmt: skip
    assert "gaedist score step100.npy step10.npy step1.npy --metric kl --report x.html" in text
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 4
    assert page("score", *reversed(names), "--metric", "kl")[0] == text


def test_a_page_of_diagnoses(page, codes):
    text, tree = page("diagnose", "normal.npy", "wide.npy")
    headings = [text_of(found) for found in tree.iter(f"{HTML}h2")]
    assert headings == ["Verdicts", "The last file: wide.npy", "To repeat it"]
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 9
    assert "The codes are too wide" in text
    # its pictures share no names
    names = re.findall(r'\bid="([^"]+)"', text)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    assert used <= set(names)
    assert all(names.count(name) == 1 for name in used)


def test_a_page_of_a_comparison(page, codes):
    np.save(EVIL, np.load("wide.npy")[:80] + 1)
    several = ["--metric", "energy", "--metric", "mmd"]
    text, tree = page("compare", "wide.npy", EVIL, "--permutations", "49", *several)
    rows = [[text_of(cell) for cell in row] for row in tree.iter(f"{HTML}tr")]
    assert rows[0] == ["comparison", "verdict", "metric", "value", "expected", "p", "n", "m", "D"]
    assert [(row[0], row[2], row[7]) for row in rows[1:]] == [
        (f"wide.npy and {EVIL}", metric, "80") for metric in ("energy", "mmd")
    ]
    headings = [text_of(found) for found in tree.iter(f"{HTML}h2")]
    assert headings == ["Verdicts", f"wide.npy and {EVIL}", "To repeat it"]
    assert "1 comparison by gaedist" in text
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 4
    assert "<script>alert" not in text


def test_names_are_text_and_nothing_is_asked_for(page, codes):
    (codes / "wide.npy").rename(EVIL)
    text, tree = page("score", EVIL, "normal.npy", "--metric", "kl")
    scripts = list(tree.iter(f"{HTML}script"))
    assert len(scripts) == 1
    assert "alert" not in text_of(scripts[0])
    assert EVIL in [text_of(cell) for cell in tree.iter(f"{HTML}td")]
    for element in tree.iter():
        for name, value in element.attrib.items():
            if re.search(r"(^|\})(src|href|action|data|poster|srcset)$", str(name)):
                assert value.startswith(("#", "data:")), (element.tag, name, value[:80])
    outside = re.findall(r"url\((?!#)[^)]*\)|@import|https?://[^\s\"<]*", text)
    assert set(outside) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names of XML
    assert "default-src 'none'" in text


def test_all_metrics_of_the_last_file_are_shown(page):
    _, tree = page("score", "normal.npy", "--metric", "kl", "--metric", "energy")
    found = [text_of(found) for found in tree.iter(f"{HTML}p")]
    assert [words.partition(":")[0] for words in found[1:3]] == ["kl", "energy"]
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 2


def test_colours_are_those_of_the_page(page):
    text, _ = page("score", "normal.npy", "--metric", "kl")
    svg = text[text.index("<svg") : text.rindex("</svg>")]
    assert "var(--ink)" in svg
    assert "#24292f" not in svg.lower()
    assert "#ffffff" not in svg.lower()
