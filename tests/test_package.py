"""The public names: they can be listed, loaded and read in help(), and no module hides a function."""

import subprocess
import sys
import types

import pytest

import gaedist

FUNCTIONS = [name for name in gaedist.__all__ if isinstance(getattr(gaedist, name), types.FunctionType)]


def output_of(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", gaedist.__all__)
def test_public_names_can_be_loaded(name):
    found = getattr(gaedist, name)
    assert name == "__version__" or found.__name__ == name


def test_dir_lists_the_public_names_and_no_others():
    assert dir(gaedist) == sorted(gaedist.__all__)
    assert output_of("import gaedist; print(dir(gaedist))") == f"{sorted(gaedist.__all__)}\n"


def test_public_functions_are_those_of_the_api():
    api = ["compare", "compares", "diagnose", "inspect", "score", "scores", "sigma"]
    assert sorted(FUNCTIONS) == sorted([*api, "read_latents", "read_samples"])


@pytest.fixture(scope="module")
def helps():
    """What help() shows of each function, in one process: importing the package takes a second."""
    script = f"import gaedist\nfor name in {FUNCTIONS}: help(getattr(gaedist, name)); print(chr(0))"
    return dict(zip(FUNCTIONS, output_of(script).split("\0\n"), strict=False))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_shows_names_of_types(helps, name):
    shown = helps[name]
    signature = shown.split("\n\n")[1].splitlines()[0]
    assert signature.startswith(f"{name}(")
    assert "numpy." not in shown
    assert "gaedist.engine" not in signature
    assert "Parameters\n" in shown.replace("-", "")


def test_a_module_does_not_hide_the_function_of_its_name():
    modules = ", ".join(f"gaedist.api.{name}" for name in ("score", "compare", "sigma", "inspect"))
    script = f"import {modules}, gaedist; print(gaedist.score([[0.0]]).n, gaedist.sigma([[0.0]]).n)"
    assert output_of(script) == "1 1\n"


def test_loading_the_package_loads_no_module_of_it():
    script = "import sys, gaedist; print([m for m in sys.modules if m.startswith('gaedist.')])"
    assert output_of(script) == "[]\n"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    name = "nothing"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(gaedist, name)
