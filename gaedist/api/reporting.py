"""How `scores` and `compares` report a metric that does not apply, and go on with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaedist.errors import GaedistError
from gaedist.smoothing.rules import Sigma, is_repeatable

OnError = Callable[[str, GaedistError], None]
"""A function that is called with the name of a metric and the error that left it without a result."""


@contextmanager
def reporting(metric: str, on_error: OnError | None, sigma: Sigma | None = None) -> Iterator[None]:
    """Pass a `GaedistError` to ``on_error`` if it is given; the message names σ if it is one of several."""
    try:
        yield
    except GaedistError as error:
        if on_error is None:
            raise
        if sigma is not None:
            error = GaedistError(f"sigma {sigma if is_repeatable(sigma) else 'of a file'}: {error}")
        on_error(metric, error)
