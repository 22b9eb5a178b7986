"""Through the sandbox every file reads the same, and nothing that its process does ends this one.

A crash, a hang, a hunger for memory and answers that make no sense are one line each; the next file is read.
The test of damaged HDF5 files is `tests/fuzz/hdf5.py` in small.
"""

import fcntl
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz import hdf5 as fuzz
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import shell

from gaedist.files.arrays import open_arrays
from gaedist.files.codes import read_latents
from gaedist.files.hdf5_plugins import allow_plugins
from gaedist.files.sandbox import sandbox_in_use, sandboxed
from gaedist.files.selection import Selection

X = np.random.default_rng(0).normal(size=(1000, 4))

NAMES = ("c.npy", "f.npy", "big.npy", "x.npz", "packed.npz", "x.h5::a/x", "x.h5::packed", "x.mat")


@pytest.fixture
def files():
    np.save("c.npy", X)
    np.save("f.npy", np.asfortranarray(X))
    np.save("big.npy", X.astype(">f4"))
    np.savez("x.npz", a=X)
    np.savez_compressed("packed.npz", X)
    with h5py.File("x.h5", "w") as file:
        file["a/x"] = X
        file["b"] = h5py.SoftLink("/a/x")
        file.create_dataset("packed", data=X, chunks=(100, 3), compression="gzip")
        file["sigma"] = X[:, :2]
        file["sigma"].attrs["gaedist"] = "sigma"
    with h5py.File("x.mat", "w", userblock_size=512) as file:
        file["x"] = X
        file["x"].attrs["MATLAB_class"] = np.bytes_("double")


def bad(monkeypatch, code):
    """Have the sandbox run this code in place of listing a file."""
    script = (
        "import sys; from gaedist.files import sandbox_child as child\n"
        "import os, signal, contextlib, numpy as np\n"
        "from gaedist.files.stored_array import StoredArray\n"
        "@contextlib.contextmanager\n"
        f"def listed(stream, size, suffix):\n    {code}\n    yield found\n"
        "child.listed = listed; child.serve(int(sys.argv[2]))"
    )
    monkeypatch.setattr("gaedist.files.sandbox._COMMAND", script)


def test_every_format_reads_the_same(files):
    plain = {name: read_latents(name) for name in NAMES}
    selection = Selection(rows=(100, 900), subsample=50)
    picked = np.sort(np.random.default_rng(0).choice(800, 50, replace=False))
    with sandboxed():
        for name in NAMES:
            latents = read_latents(name)
            np.testing.assert_array_equal(latents.codes, plain[name].codes)
            assert latents.name == plain[name].name
            assert latents.is_transposed == (name == "x.mat")
            part = read_latents(name, selection).codes
            np.testing.assert_array_equal(part, plain[name].codes[100:900][picked])
            assert sandbox_in_use().status[0] == 0
        with open_arrays("x.h5") as arrays:
            assert [array.names for array in arrays] == [("packed",), ("sigma",), ("a/x", "b")]
            assert [array.is_sigma for array in arrays] == [False, True, False]
    assert sandbox_in_use() is None


def test_arrays_with_more_axes_in_any_order():
    from gaedist.smoothing.files import read_sigma

    x = np.random.default_rng(0).normal(size=(30, 4, 5))
    np.save("c.npy", x)
    np.save("f.npy", np.asfortranarray(x))
    with sandboxed():
        for name in ("c.npy", "f.npy"):
            np.testing.assert_array_equal(read_sigma(name), x)


def test_refusals_are_the_same(files, refused):
    Path("text.npy").write_text("no codes")
    np.save("nan.npy", np.full((3, 2), np.nan))
    np.savez("two.npz", a=X, b=X)
    np.save("object.npy", np.array([{}], object), allow_pickle=True)
    np.save("fields.npy", np.zeros(3, [("a", float)]))
    names = ["none.npy", "text.npy", "nan.npy", "two.npz", "two.npz::c", "object.npy", "fields.npy"]
    plain = [refused(name) for name in names]
    with sandboxed():
        for name, message in zip(names, plain, strict=True):
            assert refused(name).split("(3 ")[0] == message.split("(3 ")[0]


def test_a_pipe():
    np.save("x.npy", X)
    data = Path("x.npy").read_bytes()
    os.mkfifo("pipe")
    with sandboxed():
        writer = threading.Thread(target=Path("pipe").write_bytes, args=(data,))
        writer.start()
        np.testing.assert_array_equal(read_latents("pipe").codes, X)
        writer.join()


@pytest.mark.parametrize(
    "command",
    [
        "score {} --format value",
        "compare {} c.npy --format value",
        "sigma {} --sigma scott --format tsv",
        "inspect {} --format json",
        "score c.npy --sigma {} --format value",
    ],
)
def test_every_command_gives_the_same(gaedist, files, command):
    sigma = "spread.npy"
    np.save(sigma, np.full(1000, 0.5))
    words = command.format(sigma if "--sigma {}" in command else "packed.npz").split()
    assert gaedist(*words, "--sandbox") == gaedist(*words)


def test_standard_input(gaedist):
    np.save("x.npy", X)
    expected = gaedist("score", "x.npy", "--format", "value")
    assert expected[0] == 0
    assert shell("score - --format value --sandbox < x.npy") == expected
    assert shell("score - --format value --sandbox < <(cat x.npy)") == expected  # a pipe


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.abort()", "x.npy: reading it crashed the sandbox (SIGABRT). It is damaged or malicious."),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed the sandbox (SIGSEGV)"),
        ("while True: pass", "reading it was stopped after"),
        (
            "child._BUSY = 0.1; child._Allowance(child.Limits.of(9), is_pipe=False).renew(0); signal.pause()",
            "reading it was stopped after",
        ),
        ("bytearray(1 << 29)", "needs more memory than the sandbox has"),
        ("files = [open('/dev/null') for _ in range(4)]", "Too many open files"),
        ("open('written', 'w', 1).write('x\\n')", "File too large"),
        ("os._exit(0)", "the sandbox gave no answer that makes sense"),
        ("raise KeyError(1)", "cannot be read (KeyError). It is damaged or malicious."),
        ("os.write(stream.fileno(), b'x')", "Bad file descriptor"),
    ],
)
def test_what_the_process_does_is_one_line(monkeypatch, refused, code, message):
    np.save("x.npy", X)
    bad(monkeypatch, f"{code}; found = []" if "while" not in code else code)
    with sandboxed():
        assert message in refused("x.npy")


ANSWERS = {
    "a shape below zero": "StoredArray('x', (-1, 4), np.dtype('f8'), None, None)",
    "a shape of texts": "StoredArray('x', ('1', '2'), np.dtype('f8'), None, None)",
    "objects without a fault": "StoredArray('x', (5, 4), np.dtype('O'), None, None)",
    "no type": "StoredArray('x', (5, 4), None, None, None)",
    "a name that is none": "StoredArray(7, (5, 4), np.dtype('f8'), None, None)",
    "too few rows": "StoredArray('x', (5, 4), np.dtype('f8'), None, lambda a, b: iter([]))",
    "rows twice": (
        "StoredArray('x', (5, 4), np.dtype('f8'), None, "
        "lambda a, b: iter(2 * [(slice(0, 5), slice(0, 4), np.zeros((5, 4)))]))"
    ),
    "other rows": (
        "StoredArray('x', (5, 4), np.dtype('f8'), None, "
        "lambda a, b: iter([(slice(1, 6), slice(0, 4), np.zeros((5, 4)))]))"
    ),
    "other columns": (
        "StoredArray('x', (5, 4), np.dtype('f8'), None, "
        "lambda a, b: iter([(slice(0, 5), slice(0, 3), np.zeros((5, 4)))]))"
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_that_make_no_sense(monkeypatch, refused, answer):
    np.save("x.npy", X)
    bad(monkeypatch, f"found = [{ANSWERS[answer]}]")
    with sandboxed():
        assert "the sandbox gave no answer that makes sense" in refused("x.npy")


def test_a_process_that_does_not_start(monkeypatch, refused):
    np.save("x.npy", X)
    monkeypatch.setattr("gaedist.files.sandbox._COMMAND", "raise SystemExit(3)")
    with sandboxed():
        assert refused("x.npy") == "x.npy: the sandbox could not be started (exit code 3)."
        assert refused("x.npy") == "x.npy: the sandbox could not be started (exit code 3)."


def test_the_next_file_is_read(monkeypatch, gaedist):
    np.save("bad.npy", X)
    np.save("good.npy", X[:9])
    bad(
        monkeypatch,
        "with contextlib.ExitStack() as stack:\n"
        "        if size > 1000: os.abort()\n"
        "        from gaedist.files.formats import listed as good\n"
        "        found = stack.enter_context(good(stream, size))",
    )
    code, out, err = gaedist("score", "bad.npy", "good.npy", "--sandbox", "--format", "json")
    assert (code, out.count("\n"), '"good.npy"' in out) == (2, 1, True)
    assert err == "gaedist: bad.npy: reading it crashed the sandbox (SIGABRT). It is damaged or malicious.\n"


def test_a_crash_while_rows_are_read(monkeypatch, gaedist):
    np.save("x.npy", X)
    array = "StoredArray(n, (5, 4), np.dtype('f8'), None, lambda a, b: os.abort())"
    bad(monkeypatch, f"found = [{array} for n in 'ab']")
    code, out, _ = gaedist("inspect", "x.npy", "--sandbox", "--format", "tsv")
    assert code == 0
    assert "crashed the sandbox (SIGABRT)" in out.splitlines()[1]
    assert "the sandbox ended while another array was read" in out.splitlines()[2]


def test_an_interrupt_ends_the_process(files):
    def interrupted():
        with sandboxed(), open_arrays("c.npy") as arrays:
            arrays[0].described().blocks(0, 1000)
            sandbox = sandbox_in_use()
            try:
                raise KeyboardInterrupt
            finally:
                processes.append(sandbox)

    processes = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes[0]._process.returncode is not None
    gc.collect()


def test_the_process_does_not_outlive_this_one():
    """It waits for a pipe that stays open; the lock that it holds is released when its processes end."""
    os.mkfifo("pipe")
    script = (
        "from gaedist.files import sandbox\n"
        'lock = \'import fcntl; lock = open("lock", "w"); fcntl.flock(lock, 2); \'\n'
        "sandbox._COMMAND = lock + sandbox._COMMAND\n"
        "from gaedist.files.codes import read_latents\n"
        "with sandbox.sandboxed(): read_latents('pipe')"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as reader, Path("pipe").open("wb"):
        while not Path("lock").exists() or not _is_locked():
            time.sleep(0.01)
        time.sleep(0.5)  # or it is killed before it reads, which must do no harm either
        reader.kill()
        reader.wait()
        with Path("lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits for ever if a process is left


def _is_locked():
    with Path("lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_no_plugins_in_the_sandbox(files, refused):
    with sandboxed(), allow_plugins():
        assert refused("x.h5") == "x.h5: --sandbox loads no plugins. Leave out --hdf5-plugins."


def test_nothing_is_added_to_a_file_that_is_not_trusted(gaedist, files):
    before = Path("x.h5").read_bytes()
    code, _, err = gaedist("sigma", "x.h5::packed", "-o", "x.h5::new", "--sandbox")
    assert (code, Path("x.h5").read_bytes() == before) == (2, True)
    assert err == (
        "gaedist: x.h5: σ are not added to a file that must be read in a sandbox. Give a new file with -o.\n"
    )


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 10**6))
def _damaged_files(sources, number):
    Path("x.h5").write_bytes(fuzz.damaged(np.random.default_rng(number), sources))
    *_, fault = fuzz.judged("x.h5")
    assert fault is None


def test_damaged_hdf5_files():
    sources = fuzz.originals()
    with sandboxed():
        _damaged_files(sources)
