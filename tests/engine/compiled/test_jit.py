"""Compiled code is cached on disk; a damaged or missing cache changes no bit of a result and stops no run.
The notice that something is compiled is sent once in a process.
"""

import os
import subprocess
import sys

import numba
import pytest

from gaedist.engine.compiled.jit import CompileNotice, compiled

SCRIPT = "import gaedist, numpy; print(gaedist.score(numpy.ones((2000, 9))).value.hex())"


def run(environment, script=SCRIPT):
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_damaged_cache_is_compiled_again_to_the_same_bits(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first = run(environment)
    cached = list(tmp_path.rglob("*.nb[ic]"))
    assert len(cached) == 2  # the index and the code of the one entry point that a score needs
    assert run(environment) == first
    (code,) = (path for path in cached if path.suffix == ".nbc")
    code.write_bytes(code.read_bytes()[:1000])
    assert run(environment) == first
    assert code.stat().st_size > 1000


@pytest.mark.slow
def test_a_damaged_index_of_the_cache_is_no_error(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first = run(environment)
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(b"nonsense")
    assert run(environment) == first


def test_a_missing_cache_folder_is_no_error():
    nowhere = {"NUMBA_CACHE_DIR": "/proc/none", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    run(nowhere, "from gaedist.engine.compiled import gaussian_tiles")


def half(x):
    return 0.5 * x


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


def test_the_notice_is_sent_once():
    notes, notice = [], CompileNotice()
    notice.send()  # to nobody, so it does not count
    notice.note = notes.append
    notice.send()
    notice.send()
    assert len(notes) == 1
