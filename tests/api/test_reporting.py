"""An error of one metric is passed on with its name, and with its σ where there are several."""

import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.api.reporting import reporting


def test_without_a_function_the_error_is_raised():
    with pytest.raises(GaedistError, match=r"^too few$"), reporting("kl", None, 1.0):
        raise GaedistError("too few")


@pytest.mark.parametrize(
    ("sigma", "message"),
    [(None, "too few"), ("median", "sigma median: too few"), (0.5, "sigma 0.5: too few")],
)
def test_an_error_is_passed_on_with_its_sigma(sigma, message):
    errors = []
    with reporting("kl", lambda *error: errors.append(error), sigma):
        raise GaedistError("too few")
    assert [(name, str(error)) for name, error in errors] == [("kl", message)]


def test_sigma_from_an_array_is_named_but_not_printed():
    errors = []
    with reporting("gaussian", lambda *error: errors.append(error), np.ones(1000)):
        raise GaedistError("too few")
    assert str(errors[0][1]) == "sigma of a file: too few"


def test_other_exceptions_are_not_caught():
    with pytest.raises(KeyboardInterrupt), reporting("kl", lambda *error: None):
        raise KeyboardInterrupt
