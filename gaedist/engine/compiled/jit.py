"""How this package compiles: Numba's options, the `compiled` decorator, and the cache on disk.

The first compilation of a process is announced through `COMPILE_NOTICE`. Entry points release Python's
global lock, so that Python threads can run them: parallel loops of Numba take as long again to compile, and
their threads do not survive a fork.
"""

import contextlib
import ctypes
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import numba
from numba import _dynfunc
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from gaedist.files.atomic import whole_file
from gaedist.files.trust import is_own, read_own
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

    def send(self, foreign: Path | None = None) -> None:
        """Send the message, unless it was sent before; ``foreign`` is a cache that cannot be trusted."""
        if self.note and not self.sent:
            self.sent = True
            reason = ", which takes some seconds the first time."
            if foreign:
                reason = (
                    f", each time, because other users can write to the cache in {foreign}. Set "
                    "NUMBA_CACHE_DIR to a folder of your own."
                )
            self.note(f"compiling for this machine{reason}")


COMPILE_NOTICE = CompileNotice()
"""The notice of this process."""


class _OwnFiles(IndexDataCacheFile):
    """The files of a cache: unpickled only if no other user can have written them, and written whole."""

    def __init__(self, cache: FunctionCache, others: tuple[int, ...]) -> None:
        super().__init__(
            cache_path=cache._cache_path,
            filename_base=cache._impl.filename_base,
            source_stamp=cache._impl.locator.get_source_stamp(),
        )
        self.others = others

    def _load_index(self) -> Any:
        try:
            stream = io.BytesIO(read_own(Path(self._index_path), others=self.others))
        except OSError:  # there is none, or it is foreign
            return {}
        if pickle.load(stream) != self._version:
            return {}
        stamp, overloads = pickle.load(stream)
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        return pickle.loads(read_own(Path(self._data_path(name)), others=self.others))

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BinaryIO]:
        with whole_file(Path(filepath)) as partial, partial.open("wb") as stream:
            partial.chmod(partial.stat().st_mode & 0o755)  # or it would not be trusted
            yield stream


COMPILED_FROM = "engine/compiled/", "numerics.py"
"""The parts of the package that hold all functions and constants which are compiled."""


class _Cache(FunctionCache):
    """Numba's cache on disk, keyed by all code that can be compiled as well; a damaged one never stops a run.

    Numba itself notices edits only of the file that holds the cached function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        installed = Path(function.__code__.co_filename).stat().st_uid  # whose code runs here anyway
        folder = Path(self._cache_path)
        self.foreign = None if is_own(folder.stat(), others=(installed,)) else folder
        self._cache_file = _OwnFiles(self, (installed,))

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), *map(code_digest, COMPILED_FROM))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        try:
            if not self.foreign:
                found = super().load_overload(sig, target_context)
        except Exception:  # unpickling random bytes can raise anything
            with contextlib.suppress(Exception):
                self.flush()
        if found is None:
            COMPILE_NOTICE.send(self.foreign)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):  # a full disk
            if not self.foreign:
                super().save_overload(sig, data)


_LONGEST_VECTORS = '"prefer-vector-width"="512"'
_refuse = ctypes.PYFUNCTYPE(ctypes.c_void_p)(lambda: None)
_NO_FUNCTION = ctypes.cast(_refuse, ctypes.c_void_p).value
"""The address of a function that fails with a SystemError where Python calls it."""


class _Library(JITCodeLibrary):
    """Code with vectors as long as the processor has: for some, LLVM prefers shorter ones."""

    def add_ir_module(self, ir_module: Any) -> None:
        for function in ir_module.functions:
            set.add(function.attributes, _LONGEST_VECTORS)  # llvmlite's method knows only some
        super().add_ir_module(ir_module)


class _PartLibrary(_Library):
    """Code that is only linked into other code, with which it is optimised: neither is done here."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


def _no_executable(library: Any, description: Any, environment: Any) -> Any:
    """Return what stands for a function that Python cannot call: for Numba it must be a built-in function."""
    return _dynfunc.make_function(
        description.lookup_module(), description.qualname, "", _NO_FUNCTION, environment, (library,)
    )


class _EntryCompiler(Compiler):
    """Compiles what Python calls."""

    def define_pipelines(self) -> Any:
        state = self.state
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().define_pipelines()


class _PartCompiler(Compiler):
    """Compiles what other compiled code calls.

    Numba makes machine code of every function, also where another calls it and contains it: half the time.
    """

    def define_pipelines(self) -> Any:
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.targetctx.get_executable = _no_executable  # of a copy for this function
        return super().define_pipelines()


ENTRY: dict[str, Any] = {
    **OPTIONS,
    "nogil": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _EntryCompiler,
}
"""The options of functions that Python calls."""

PART: dict[str, Any] = {
    **OPTIONS,
    "no_cfunc_wrapper": True,
    "no_cpython_wrapper": True,
    "pipeline_class": _PartCompiler,
    "_nrt": False,
}
"""The options of functions that only compiled code calls, which neither make nor return arrays.

They borrow those of their callers: with a count of references to each array of a tile, which processors
change one after the other, a call would cost as much as a hundred pairs.
"""

ARRAY_PART: dict[str, Any] = {**PART, "_nrt": True}
"""The same, for functions that make or return arrays."""

INLINED_PART: dict[str, Any] = {**PART, "forceinline": True}
"""The same, for what inner loops call."""


def compiled(
    *, inline: bool = False, arrays: bool = False, nogil: bool = False, cache: bool = False
) -> Callable[[F], F]:
    """Compile a part of an entry point, or with ``nogil`` or ``cache`` an entry point, which Python can call.

    A part that makes or returns ``arrays`` must say so. What inner loops call is inlined whatever its size: a
    loop with a call is not vectorised. Only entry points are cached: what they call is compiled into them.
    """

    def compile_(function: F) -> F:
        options = ENTRY if nogil or cache else INLINED_PART if inline else ARRAY_PART if arrays else PART
        found = numba.njit(**options)(function)
        if cache:
            with contextlib.suppress(RuntimeError, OSError):  # no folder for the cache can be written
                found._cache = _Cache(function)
        return cast(F, found)

    return compile_
