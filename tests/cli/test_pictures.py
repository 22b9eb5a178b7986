"""``--plot`` and ``--report`` draw the results of each command; what cannot be drawn is refused before
anything is computed, and no input is overwritten.
"""

import json

import numpy as np
import pytest

START = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}

COMMANDS = {
    "png": ["score", "normal.npy"],
    "svg": ["score", "normal.npy", *(f"--metric={name}" for name in ("kl", "energy", "bhep", "mmd"))],
    "pdf": ["score", "normal.npy", "wide.npy", "--metric", "kl"],
    "compare.png": ["compare", "normal.npy", "wide.npy"],
    "diagnose.svg": ["diagnose", "normal.npy"],
    "sigma.pdf": ["sigma", "normal.npy"],
    "inspect.PNG": ["inspect", "normal.npy", "wide.npy", "bad.npy"],
}  # fmt: skip
"""End of the name of a picture → a command."""


@pytest.mark.parametrize(
    "end",
    # pages of diagnoses take long, and are drawn below
    [pytest.param(end, marks=pytest.mark.slow) if end == "diagnose.svg" else end for end in COMMANDS],
)
def test_each_command_draws(gaedist, codes, end):
    code, _, err = gaedist(*COMMANDS[end], "--plot", f"x.{end}")
    assert (code, err) == (0, "")
    assert (codes / f"x.{end}").read_bytes().startswith(START[end.rpartition(".")[2].lower()])


def test_a_page_of_a_pdf_for_each_file(gaedist, codes):
    code, _, err = gaedist("diagnose", "normal.npy", "wide.npy", "--plot", "x.png")
    assert code == 2
    assert err.startswith("gaedist: x.png: .png has one page, and there are 2 files. Use --plot FILE.pdf")
    assert gaedist("diagnose", "normal.npy", "wide.npy", "--plot", "x.pdf")[0] == 0
    assert (codes / "x.pdf").read_bytes().count(b"/Type /Page ") == 2


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--plot", "x.jpg", "x.jpg: the end of the name of a picture is its format; found .jpg. Use .png,"),
        ("--plot", "x", "x: the end of the name of a picture is its format; found none."),
        ("--plot", "no/x.png", "no/x.png: cannot be written: there is no such folder."),
        ("--report", "x.txt", "x.txt: a report is a page of HTML. Use --report FILE.html."),
        ("--report", "no/x.html", "no/x.html: cannot be written: there is no such folder."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_at_once(gaedist, codes, option, name, message):
    code, out, err = gaedist("score", "normal.npy", option, name)
    assert (code, out) == (2, "")
    assert err.startswith(f"gaedist: {message}")


def test_no_input_is_overwritten(gaedist, codes):
    np.save("x.npy", np.zeros((3, 2)))
    (codes / "x.npy").rename("x.png")
    before = (codes / "x.png").read_bytes()
    code, _, err = gaedist("diagnose", "x.png", "--plot", "x.png")
    assert code == 2
    assert "would be overwritten" in err
    assert (codes / "x.png").read_bytes() == before


def test_without_matplotlib_the_extra_is_named(gaedist, codes, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for option in (["--plot", "x.png"], ["--report", "x.html"]):
        code, out, err = gaedist("score", "normal.npy", *option)
        assert (code, out) == (2, "")
        assert err == "gaedist: pictures need matplotlib. Install it with: pip install 'gaedist[plot]'\n"


def test_files_that_fail_leave_a_gap(gaedist, codes):
    code, _, _ = gaedist(
        *("score", "normal.npy", "bad.npy", "wide.npy", "--metric", "kl"),
        *("--plot", "x.png", "--report", "x.html"),
    )
    assert code == 2
    assert (codes / "x.png").exists()
    assert "bad.npy" not in (codes / "x.html").read_text().partition("To repeat it")[0]


def test_no_result_is_no_picture(gaedist, codes):
    assert gaedist("score", "bad.npy", "--plot", "x.png")[0] == 2
    assert not (codes / "x.png").exists()


def test_results_have_the_same_keys_as_before(gaedist, codes):
    _, out, _ = gaedist("diagnose", "normal.npy", "--format", "json")
    assert not {"profile", "distribution"} & json.loads(out).keys()
    _, out, _ = gaedist("score", "normal.npy", "--metric", "kl", "--format", "json")
    assert not {"distribution"} & (json.loads(out) | json.loads(out)["companion"]).keys()
