"""How `scores` and `compares` report a metric that does not apply, and go on with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaedist.errors import GaedistError
from gaedist.smoothing.rules import Sigma, is_repeatable

OnError = Callable[[str, GaedistError], None]
"""A function that is called with the name of a metric and the error that left it without a result."""


class SigmaError(GaedistError):
    """An error with one of several σ, whose message names it.

    Attributes
    ----------
    sigma : float, str or array_like
        That σ.
    """

    def __init__(self, sigma: Sigma, error: GaedistError) -> None:
        super().__init__(f"sigma {sigma if is_repeatable(sigma) else 'of a file'}: {error}")
        self.sigma = sigma


@contextmanager
def reporting(
    metric: str, on_error: OnError | None, sigma: Sigma | None = None, *, optional: bool = False
) -> Iterator[None]:
    """Pass a `GaedistError` to ``on_error`` if it is given; a `SigmaError` if σ is one of several.

    An optional metric, one of ``all``, is left out without an error.
    """
    try:
        yield
    except GaedistError as error:
        if on_error:
            on_error(metric, error if sigma is None else SigmaError(sigma, error))
        elif not optional:
            raise
