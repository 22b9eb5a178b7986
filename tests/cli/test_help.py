"""Help fits a screen, breaks no word, groups options in a fixed order, and names every choice."""

import re

import pytest

from gaedist.cli.help import ABOUT, CHECKS, GROUPS
from gaedist.engine import METHODS, PRECISIONS
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.registry import METRICS, ONE_SAMPLE, TWO_SAMPLE
from gaedist.metrics.significance import NULLS
from gaedist.mixtures.families import FAMILIES
from gaedist.mixtures.targets import ESTIMATORS, TARGETS
from gaedist.report.writers import FORMATS
from gaedist.smoothing.rules import JOINT, RULES

LINES = {
    **{"score": 107, "compare": 100, "watch": 72, "diagnose": 81, "sigma": 65},
    **{"sample": 24, "inspect": 34, "metrics": 20},
}
"""Command → lines of help at 80 columns that it stays below: a tall terminal.

Options that say how files are read (--layout to --stack, --hdf5-plugins, --sandbox) took the last lines."""

ROW = re.compile(r"  (\S.*?)(?:  +(.*))?")


@pytest.fixture
def help_of(gaedist, monkeypatch):
    def run(*command, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, out, err = gaedist(*command, "--help")
        assert (code, err) == (0, "")
        return out

    return run


def rows(text):
    """Return the lines of each option of a help text, by its names with the metavar."""
    found, lines = {}, []
    for line in text.splitlines():
        if match := ROW.fullmatch(line):
            lines = found[match[1]] = [match[2]]
        elif line.startswith("   "):
            lines.append(line.strip())
    return found


@pytest.mark.parametrize("command", ABOUT)
def test_help_is_short(help_of, command):
    lines = help_of(command).splitlines()
    assert len(lines) < LINES[command]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ABOUT)
def test_an_option_takes_three_lines_at_most(help_of, command):
    for name, lines in rows(help_of(command)).items():
        assert len(lines) <= (4 if name == "--metric NAME" else 3), name  # the names of twelve metrics


@pytest.mark.parametrize("command", ABOUT)
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_word_is_broken(help_of, command, columns):
    narrow, wide = help_of(command, columns=columns), help_of(command, columns=10_000)
    assert narrow.split() == wide.split()
    assert "N(0,\n" not in narrow
    for name, lines in rows(narrow).items():
        assert " ".join(lines) == " ".join(rows(wide)[name])


@pytest.mark.parametrize("command", ABOUT)
def test_options_are_grouped_in_a_fixed_order(help_of, command):
    titles = [line for line in help_of(command).splitlines() if line in GROUPS]
    assert titles == [group for group in GROUPS if group in titles]
    assert titles[0] == "Input"
    if command == "score":
        assert titles == [group for group in GROUPS if group != CHECKS]


@pytest.mark.parametrize("command", ABOUT)
def test_help_has_an_example(help_of, command):
    assert f"\nExample: gaedist {command} " in help_of(command)


def test_help_lists_the_commands(help_of):
    text = help_of()
    assert [name for name in rows(text) if not name.startswith("-")] == list(ABOUT)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "option", "choices"),
    [
        ("score", "--metric NAME", [*ONE_SAMPLE, "all"]),
        ("compare", "--metric NAME", [*TWO_SAMPLE, "all"]),
        ("score", "--sigma S", RULES),
        ("compare", "--sigma S", [*RULES, JOINT]),
        ("sigma", "--sigma S", RULES),
        ("score", "--covariance NAME", FAMILIES),
        ("score", "--target NAME", TARGETS),
        ("score", "--estimator NAME", ESTIMATORS),
        ("compare", "--estimator NAME", ESTIMATORS),
        ("score", "--null NAME", NULLS),
        ("score", "--kernel NAME", KERNELS),
        ("score", "--method NAME", METHODS),
        ("score", "--precision NAME", PRECISIONS),
        ("score", "--format NAME", ["auto", *FORMATS]),
    ],
)
def test_every_choice_is_named(help_of, command, option, choices):
    words = re.findall(r"[\w-]+", " ".join(rows(help_of(command))[option]))
    assert set(choices) <= set(words)


def test_rules_of_sigma_are_explained(help_of):
    assert set(RULES) <= set(rows(help_of("sigma")))


def test_defaults_are_shown(help_of):
    text = help_of("score")
    for default in (
        "inverse-quadratic",
        "0.1, 0.2, 0.5, 1, 2, 5, 10",
        "1000",
        "(4/(3n))^(2/5)",
        "999",
        "0.1",
    ):
        assert f"[default: {default}]" in text


def test_parameters_of_metrics_are_options(help_of):
    names = {name.split()[0] for name in rows(help_of("score"))}
    parameters = {parameter for metric in METRICS.values() for parameter in metric.parameters}
    assert {"--scale" if name == "scales" else f"--{name}" for name in parameters} <= names
