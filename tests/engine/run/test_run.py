"""`Run` takes keywords only, refuses settings that do not exist, and takes no more threads than available."""

import pytest

from gaedist import GaedistError, Run
from gaedist.engine import available_threads


def test_settings_are_given_by_name():
    with pytest.raises(TypeError):
        Run(2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "magic"}, r"method must be one of auto, pairs, .*; got 'magic'"),
        ({"precision": "half"}, "precision must be one of double, single; got 'half'"),
        ({"threads": 0}, "threads must be a whole number, at least 1; got 0"),
        ({"seed": -1}, "seed must be a whole number, at least 0; got -1"),
        ({"method": "sample", "tolerance": 0.0}, r"tolerance must be positive and finite; got 0\.0"),
        ({"method": "sample", "tolerance": float("inf")}, "tolerance must be positive and finite; got inf"),
        ({"tolerance": 0.5}, "tolerance applies to method sample only; the method is auto. Add --method"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(GaedistError, match=message):
        Run(**settings)


def test_threads_are_limited_to_those_available():
    assert Run().used_threads == Run(threads=10**6).used_threads == available_threads()
    assert Run(threads=1).used_threads == 1
