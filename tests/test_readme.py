"""The README's commands do what it shows. To write their output anew: python tests/test_readme.py."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
MACHINE = re.compile(r'("seconds"|"threads"): [\d.e-]+')


def run(line):
    """Run a line of a console block as a shell would, and return all that it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def with_output(block):
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{run(command.removeprefix('$ '))}" for command in commands)


@pytest.mark.parametrize("block", CONSOLE.findall(README.read_text()))
def test_console_blocks_show_what_is_printed(block):
    shown, found = MACHINE.sub(r"\1: …", block), MACHINE.sub(r"\1: …", with_output(block))
    assert NUMBER.sub("#", found) == NUMBER.sub("#", shown)
    # another processor's BLAS rounds differently
    assert_allclose(numbers(found), numbers(shown), rtol=1e-9, atol=1e-12)


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


def test_python_examples(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted >= 4
    assert result.failed == 0


if __name__ == "__main__":
    text = README.read_text()
    README.write_text(CONSOLE.sub(lambda match: f"```console\n{with_output(match[1])}```\n", text))
