"""A metric that cannot measure some codes is reported, and the others go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaedist.errors import GaedistError
from gaedist.smoothing.rules import Sigma, is_repeatable

OnError = Callable[[str, GaedistError], None]
"""Called with the name of a metric and the reason why it has no result."""


@contextmanager
def reporting(metric: str, on_error: OnError | None, sigma: Sigma | None = None) -> Iterator[None]:
    """Pass a `GaedistError` to ``on_error`` if that is given; σ is named where it is one of several."""
    try:
        yield
    except GaedistError as error:
        if on_error is None:
            raise
        if sigma is not None:
            error = GaedistError(f"sigma {sigma if is_repeatable(sigma) else 'of a file'}: {error}")
        on_error(metric, error)
