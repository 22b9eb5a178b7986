"""How `scores` and `compares` report a metric that does not apply, and go on with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from gaedist.errors import ClusterError, GaedistError
from gaedist.metrics.base import Form
from gaedist.metrics.options import CompareOptions, ScoreOptions
from gaedist.smoothing.rules import Sigma, is_repeatable

Options = TypeVar("Options", ScoreOptions, CompareOptions)
AppliedForm = TypeVar("AppliedForm", bound=Form)

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
    except ClusterError:
        raise
    except GaedistError as error:
        if on_error:
            on_error(metric, error if sigma is None else SigmaError(sigma, error))
        elif not optional:
            raise


def apply_each(
    metric: str,
    options: Sequence[Options],
    check: Callable[[Options], None],
    apply: Callable[[Options], AppliedForm],
    on_error: OnError | None,
    *,
    optional: bool,
) -> list[tuple[Options, AppliedForm]]:
    """Apply a metric with each set of options, up to an optimisation of σ that Ctrl-C ends.

    ``check`` raises `GaedistError` for what is wrong with any σ, ``apply`` for what is wrong with one.
    """
    applied: list[tuple[Options, AppliedForm]] = []
    with reporting(metric, on_error, optional=optional):
        for chosen in options:
            check(chosen)
        for chosen in options:
            sigma = chosen.sigma if len(options) > 1 else None
            with reporting(metric, on_error, sigma, optional=optional):
                applied.append((chosen, apply(chosen)))
            if applied and applied[-1][1].interrupted:
                break
    return applied
