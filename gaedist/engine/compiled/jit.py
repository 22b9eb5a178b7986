"""How this package compiles: Numba's options, the `compiled` decorator, and the cache on disk.

The first compilation of a process is announced through `COMPILE_NOTICE`.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

from gaedist.version import code_digest

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy"}
"""Numba's options for everything compiled.

Multiplications and additions may fuse, but nothing is reordered: a compiler that is free to reorder a sum
gives other bits to code from the cache than to the same code just compiled. error_model="numpy" leaves out
Python's check for division by zero, which keeps loops scalar.
"""


class CompileNotice:
    """A message to the user, sent at most once in a process, that something has to be compiled.

    Attributes
    ----------
    note : callable, optional
        Called with the message, by whichever thread compiles first.
    sent : bool
        Whether that has happened.
    """

    def __init__(self) -> None:
        self.note: Callable[[str], None] | None = None
        self.sent = False

    def send(self) -> None:
        """Send the message, unless it was sent before."""
        if self.note and not self.sent:
            self.sent = True
            self.note("compiling for this machine, which takes some seconds the first time.")


COMPILE_NOTICE = CompileNotice()
"""The notice of this process."""


class _Cache(FunctionCache):
    """Numba's cache on disk, keyed by all code of the package as well; a damaged one never stops a run.

    Numba itself notices edits only of the file that holds the cached function.
    """

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), code_digest())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # unpickling random bytes can raise anything
            with contextlib.suppress(Exception):
                self.flush()
            found = None
        if found is None:
            COMPILE_NOTICE.send()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):  # a full disk
            super().save_overload(sig, data)


def compiled(
    *, inline: bool = False, parallel: bool = False, nogil: bool = False, cache: bool = False
) -> Callable[[F], F]:
    """Compile with `OPTIONS`.

    What inner loops call is inlined whatever its size: a loop with a call is not vectorised. Only entry
    points are cached: what they call is compiled into them.
    """

    def compile_(function: F) -> F:
        dispatcher = numba.njit(forceinline=inline, parallel=parallel, nogil=nogil, **OPTIONS)(function)
        if cache:
            with contextlib.suppress(RuntimeError):  # no folder for the cache can be written
                dispatcher._cache = _Cache(function)
        return cast(F, dispatcher)

    return compile_
