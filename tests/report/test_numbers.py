"""Numbers show the digits that mean something."""

import pytest

from gaedist.report.numbers import p_text, z_text


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.0521, "0.052"), (3.21e-7, "3.2e-07"), (1e-13, "< 1e-12"), (1.0, "1")]
)
def test_p_values_are_written_to_two_digits(p, text):
    assert p_text(p) == text


@pytest.mark.parametrize(("z", "text"), [(None, "–"), (1.234, "+1.23"), (-12.0, "-12.00"), (1e30, "+1e+30")])
def test_z_is_written_to_two_decimals(z, text):
    assert z_text(z) == text
