import subprocess
import sys

import pytest

import gaedist


@pytest.mark.parametrize("name", gaedist.__all__)
def test_all_that_is_public_can_be_had(name):
    found = getattr(gaedist, name)
    assert name == "__version__" or found.__name__ == name


def test_a_module_does_not_hide_the_function_of_its_question():
    script = "import gaedist.api.score, gaedist.api.compare, gaedist; print(gaedist.score([[0.0]]).n)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_what_there_is_not_is_an_attribute_error():
    name = "nothing"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(gaedist, name)
