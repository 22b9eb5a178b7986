"""Compiled code is cached on disk; a damaged or missing cache changes no bit of a result and stops no run.
The notice that something is compiled is sent once in a process.
"""

import pickle

import numba
import pytest
from processes import python

from gaedist.engine.compiled.jit import CompileNotice, compiled


def test_a_missing_cache_folder_is_no_error():
    nowhere = {"NUMBA_CACHE_DIR": "/proc/none", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    python("from gaedist.engine.compiled import gaussian_tiles", **nowhere)


def half(x):
    return 0.5 * x


def calls(hits, expected=1.5):
    """Call `half` as a new process would, and count what comes from the cache."""
    fresh = compiled(cache=True)(half)
    assert fresh(3.0) == expected
    assert sum(fresh.stats.cache_hits.values()) == hits


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_a_damaged_cache_is_compiled_again(tmp_path, monkeypatch, suffix, content):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    calls(hits=0)
    (path,) = tmp_path.rglob(f"*{suffix}")
    whole = path.read_bytes()
    damaged = whole[: len(whole) // 2] if content is None else content
    path.write_bytes(damaged)
    calls(hits=0)
    assert path.read_bytes() != damaged
    calls(hits=1)


def test_code_is_announced_when_it_is_compiled_and_not_when_it_is_loaded(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    for _ in range(2):
        notice = CompileNotice()
        notice.note = notes.append
        monkeypatch.setattr("gaedist.engine.compiled.jit.COMPILE_NOTICE", notice)
        assert compiled(cache=True)(half)(3.0) == 1.5
        assert len(notes) == 1
    assert "compiling for this machine" in notes[0]


class _Malice:
    """Fail the test if it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a foreign cache was unpickled')",)


@pytest.mark.parametrize("mode", [0o777, 0o772])
def test_a_cache_that_others_can_write_is_neither_read_nor_written(tmp_path, monkeypatch, mode):
    notes, notice = [], CompileNotice()
    notice.note = notes.append
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiled(cache=True)(half)(3.0) == 1.5
    (folder,) = tmp_path.iterdir()
    for path in folder.iterdir():
        path.write_bytes(pickle.dumps(_Malice()))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    folder.chmod(mode)
    monkeypatch.setattr("gaedist.engine.compiled.jit.COMPILE_NOTICE", notice)
    assert compiled(cache=True)(half)(3.0) == 1.5
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert f"because other users can write to the cache in {folder}. Set NUMBA_CACHE_DIR" in notes[0]


def test_files_of_a_cache_that_others_can_write_are_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiled(cache=True)(half)(3.0) == 1.5
    for path in tmp_path.rglob("*.nb[ic]"):
        path.write_bytes(pickle.dumps(_Malice()))
        path.chmod(0o666)
    assert compiled(cache=True)(half)(3.0) == 1.5
    again = compiled(cache=True)(half)
    assert again(3.0) == 1.5
    assert sum(again.stats.cache_hits.values()) == 1


def test_the_notice_is_sent_once():
    notes, notice = [], CompileNotice()
    notice.send()  # to nobody, so it does not count
    notice.note = notes.append
    notice.send()
    notice.send()
    assert len(notes) == 1
