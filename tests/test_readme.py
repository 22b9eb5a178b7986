"""Every command and example of the README gives what it shows, and its tables are those of the registries.

To write outputs and tables anew, in tests/: python test_readme.py
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_tables import assert_same, header, rewritten, row, shown

import gaedist
from gaedist.engine import METHODS
from gaedist.files.formats import FORMATS as FILE_FORMATS
from gaedist.kernels.radial import KERNELS
from gaedist.metrics.base import option_of
from gaedist.metrics.registry import ONE_SAMPLE
from gaedist.mixtures.families import FAMILIES
from gaedist.null.on_demand import AFFORDABLE
from gaedist.smoothing.rules import RULES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
COMMAND = re.compile(r"^\$ .*\n(?:> .*\n)*", re.MULTILINE)  # lines that begin with > continue it, as in bash
PLAIN = re.compile(r"\$ gaedist ([^|;&<>()`\n]*)(\|.*)?\n")
"""A command alone, or with what its output goes to."""
COMPILING = re.compile(r"gaedist: .*: compiling for this machine.*\n")
MACHINE = re.compile(r'("seconds"|"threads"): [\d.e-]+')
MOST_WORDS = 6090  # as wc counts them


def bash(script, text=""):
    """Run a script with a text as standard input, and return all that it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def run(command):
    """Run a command of a console block in a shell, and return all that it prints."""
    return COMPILING.sub("", bash("\n".join(line[2:] for line in command.splitlines())))


def with_output(block, run=run):
    return "".join(command + run(command) for command in COMMAND.findall(block))


@pytest.mark.parametrize("block", CONSOLE.findall(README.read_text()))
def test_console_blocks_show_what_is_printed(block, gaedist, monkeypatch, simulation_unasked):
    simulation_unasked(AFFORDABLE)
    monkeypatch.chdir(ROOT)

    def here(command):
        """Run what is not a script in this process: to start gaedist takes a second."""
        plain = PLAIN.fullmatch(command)
        if not plain:
            return run(command)
        arguments = bash(f"printf '%s\\0' {plain[1]}").split("\0")[:-1]
        _, out, err = gaedist(*arguments)
        return err + (bash(f"cat {plain[2]}", out) if plain[2] else out)

    expected, found = MACHINE.sub(r"\1: …", block), MACHINE.sub(r"\1: …", with_output(block, here))
    # BLAS rounds differently on another processor
    assert_same(found, expected, rtol=1e-9, atol=1e-12)


def test_the_picture_is_what_its_command_draws(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    (block,) = re.findall(r"```sh\n(gaedist .* --plot \S+)\n```\n", README.read_text())
    command, _, shown_picture = block.rpartition(" ")
    assert f"]({shown_picture})" in README.read_text()
    run(f"$ {command} {tmp_path / 'x.png'}")
    found, expected = imread(tmp_path / "x.png"), imread(ROOT / shown_picture)
    assert found.shape == expected.shape
    assert (abs(found - expected) > 0.05).mean() < 0.001  # BLAS and FreeType round differently elsewhere


def test_python_examples(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted >= 4
    assert result.failed == 0


def metric_rows():
    """Yield the table of the metrics."""
    yield from header("`--metric`", "what it is", "detects", "options", "null distribution")
    for name, metric in ONE_SAMPLE.items():
        options = " ".join(f"`{option_of(parameter)}`" for parameter in metric.parameters)
        yield row(f"`{name}`", metric.summary, metric.detects, options or "–", metric.null)


def format_rows():
    """Yield the table of the formats of files."""
    yield from header("format", "names", "what holds codes", "extra")
    for file in FILE_FORMATS:
        names = " ".join(f"`{suffix}`" for suffix in file.suffixes)
        yield row(file.name, names, file.holds, f"`{file.extra}`" if file.extra else "–")


TABLES = {"metrics": metric_rows, "formats": format_rows}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_the_registries(name):
    assert shown(README, name) == list(TABLES[name]())


@pytest.mark.parametrize("choices", [RULES, FAMILIES, METHODS, KERNELS])
def test_every_choice_is_named(choices):
    assert all(re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", README.read_text()) for name in choices)


def test_every_room_is_on_the_map():
    package = Path(gaedist.__file__).parent
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert set(re.findall(r"^- `(\w+)`: ", README.read_text(), re.MULTILINE)) >= rooms


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]*)\)", README.read_text()):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = ROOT / file if file else README
        assert path.is_file()
        text = path.read_text() if anchor else ""
        headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
        assert not anchor or anchor in anchors


def test_length():
    assert len(README.read_text().split()) <= MOST_WORDS


if __name__ == "__main__":
    text = CONSOLE.sub(lambda match: f"```console\n{with_output(match[1])}```\n", README.read_text())
    README.write_text(rewritten(text, {name: rows() for name, rows in TABLES.items()}))
