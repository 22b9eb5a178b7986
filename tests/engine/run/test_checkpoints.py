"""A run that is killed resumes from its checkpoint to the same bits, with any number of threads.

A checkpoint of another run, and a file that is not a checkpoint, are refused and left unchanged.
"""

import io
import json
import math
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gaedist import GaedistError, Run, compare, score, scores
from gaedist.engine import Checkpoint, tiling, work
from gaedist.engine.run import checkpoints, program

SCRIPT = """
import sys, numpy, gaedist
from gaedist.engine import Checkpoint, Run, work
from gaedist.engine.run import checkpoints
checkpoints.SECONDS, work._RANGE_SECONDS = 0.0, 0.01
x = numpy.random.default_rng(0).normal(size=(9000, 12))
run = Run(method=sys.argv[2], checkpoint=Checkpoint(sys.argv[1]), threads=int(sys.argv[3]), tolerance=None)
print(gaedist.scores(x, [1.0], run=run)[0].value.hex())
"""


def codes(n=3000, dim=9, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.fixture
def frequent_writes(monkeypatch):
    """Write the checkpoint after every range, and make ranges of few tiles."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(work, "_RANGE_SECONDS", 0.0)
    monkeypatch.setattr(work, "_FIRST", 1)


class _KilledError(Exception):
    pass


def interrupt(call, path, after):
    """Call with a checkpoint, and stop the run when ``after`` ranges are done."""
    seen = []

    def progress(done, total):
        seen.append(done)
        if len(seen) == after:
            raise _KilledError

    with pytest.raises(_KilledError):
        call(Run(method="pairs", checkpoint=Checkpoint(path), progress=progress))


CALLS = {
    "constant": lambda run: score(codes(), run=run),
    "several σ": lambda run: score(codes(), sigma=2.0, run=run),
    "per-point σ": lambda run: score(codes(2000), sigma="mean-field", run=run),
    "metrics": lambda run: score(codes(2000), metric="energy", run=run),
    "two samples": lambda run: compare(codes(), codes(2100, seed=1), run=run),
    "labels": lambda run: compare(codes(2300), codes(2100, seed=1), permutations=40, run=run),
    "underflow": lambda run: score(codes(2000), sigma=0.001, run=run),
}


def numbers(result):
    return result.value, result.log_value, result.p_value


@cache
def uninterrupted(name):
    """The numbers of a call that is not interrupted."""
    return numbers(CALLS[name](Run(method="pairs")))


EARLY_AND_LATE = "constant"
"""The call that is interrupted after the first and after many ranges, the others by hand only."""


@pytest.mark.parametrize(
    ("name", "after"),
    [
        pytest.param(name, after, marks=[] if after == 3 or name == EARLY_AND_LATE else pytest.mark.slow)
        for after in (1, 3, 9)
        for name in CALLS
    ],
)
def test_a_resumed_run_gives_the_same_bits(tmp_path, frequent_writes, name, after):
    path, call = tmp_path / "run.ckpt", CALLS[name]
    interrupt(call, path, after)
    assert path.exists()
    done = []
    found = call(
        Run(
            method="pairs",
            threads=1,
            checkpoint=Checkpoint(path),
            progress=lambda *counts: done.append(counts),
        )
    )
    assert numbers(found) == uninterrupted(name)
    assert done[0][0] > 1 or after == 1


@pytest.mark.parametrize(
    "after",
    [k if k in (2, 6, 7, 8, 13) else pytest.param(k, marks=pytest.mark.slow) for k in range(1, 14)],
)
def test_a_run_resumes_within_any_block_of_tiles(tmp_path, frequent_writes, monkeypatch, after):
    monkeypatch.setattr(tiling, "_BLOCK", 7)
    expected, path = CALLS["constant"](Run(method="pairs")), tmp_path / "run.ckpt"
    interrupt(CALLS["constant"], path, after)
    found = CALLS["constant"](Run(method="pairs", checkpoint=Checkpoint(path)))
    assert numbers(found) == numbers(expected)


@pytest.mark.parametrize(
    ("method", "delays"), [("pairs", (0.0, 0.05)), pytest.param("sample", (0.05,), marks=pytest.mark.slow)]
)
def test_a_killed_process_resumes_at_any_time(tmp_path, method, delays):
    path = tmp_path / "run.ckpt"
    command = [sys.executable, "-c", SCRIPT, str(path), method]
    x = np.random.default_rng(0).normal(size=(9000, 12))  # as in the script
    (expected,) = scores(x, [1.0], run=Run(method=method, threads=2, tolerance=None))
    for delay in delays:
        process = subprocess.Popen([*command, "2"], stdout=subprocess.PIPE)
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert Checkpoint(path).records
    done = subprocess.run([*command, "1"], check=True, capture_output=True, text=True)
    assert done.stdout == f"{expected.value.hex()}\n"
    assert len(list(tmp_path.iterdir())) <= 1  # what was being written had no name


def test_another_run_is_refused(tmp_path, frequent_writes):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS["constant"], path, 2)
    before = path.read_bytes()

    def run(**options):
        return Run(method="pairs", checkpoint=Checkpoint(path), **options)

    with pytest.raises(GaedistError, match=r"of another run: its data differ\. Delete it to start anew"):
        score(codes(seed=1), run=run())
    with pytest.raises(GaedistError, match=r"kernel is Gaussian.* in the file and Gaussian.* now"):
        score(codes(), sigma=0.5, run=run())
    with pytest.raises(GaedistError, match="precision is 'double' in the file and 'single' now"):
        score(codes(), run=run(precision="single"))
    assert path.read_bytes() == before


def test_another_version_is_refused(tmp_path, frequent_writes, monkeypatch):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS["constant"], path, 2)
    monkeypatch.setattr(program, "__version__", "9.9")
    with pytest.raises(GaedistError, match=r"gaedist is 0\.\S+ \S+ in the file and 9\.9"):
        score(codes(), run=Run(method="pairs", checkpoint=Checkpoint(path)))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and more", b"\x93NUMPY\x01\x00"])
def test_another_file_is_refused_and_left_unchanged(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(GaedistError, match="not a checkpoint of gaedist"):
        Checkpoint(path)
    assert path.read_bytes() == content


def test_an_archive_of_codes_is_refused(tmp_path):
    np.savez(tmp_path / "codes.npz", header=np.array("[]"), x=codes(10))
    with pytest.raises(GaedistError, match="not a checkpoint of gaedist"):
        Checkpoint(tmp_path / "codes.npz")


def test_a_truncated_checkpoint_is_refused(tmp_path, frequent_writes):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS["constant"], path, 2)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GaedistError, match=r"a damaged checkpoint: .* Delete it to start anew, or"):
        Checkpoint(path)


def test_a_change_of_any_byte_is_refused(tmp_path, frequent_writes):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS["labels"], path, 3)
    content = path.read_bytes()
    rng = np.random.default_rng(5)
    for place in [*range(120), *rng.choice(len(content), 60), len(content) - 1]:
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        with pytest.raises(GaedistError, match=r"damaged checkpoint|not a checkpoint of gaedist"):
            Checkpoint(path)
    path.write_bytes(content)
    found = CALLS["labels"](Run(method="pairs", checkpoint=Checkpoint(path)))
    assert numbers(found) == uninterrupted("labels")


def written_by_another(path, name, value):
    """Replace one field of a checkpoint, with the right digest, as another program would."""
    content = path.read_bytes()[checkpoints._LINE :]
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    header = json.loads(str(arrays["header"]))
    if name in ("done", "identity"):
        header["passes"][0][name] = value
    elif name == "passes":
        header["passes"] = value
    elif value is None:
        del arrays[name]
    else:
        arrays[name] = value(arrays[name]) if callable(value) else value
    if name != "header":
        arrays["header"] = np.array(json.dumps(header))
    new = io.BytesIO()
    np.savez(new, **arrays)
    path.write_bytes(checkpoints._first_line(new.getvalue()) + new.getvalue())


FOREIGN = {
    "done": [10**9, 0, 1, -1, "7", 2.5, None, True, [], math.inf],
    "identity": ["x", 3, None, {"gaedist": 3}, {}],
    "passes": [None, 3, "x", [3], {}, []],
    "header": [np.array(3), np.array("{}"), np.array("x"), np.zeros(5), None],
    "array": [
        None,
        lambda a: a[:-1],
        lambda a: np.append(a, a[:1], axis=0),
        lambda a: a.astype("f4"),
        lambda a: a.astype(complex),
        lambda a: a[..., None],
        np.array(1.0),
        np.array("x"),
        np.array([]),
    ],
}


@pytest.mark.parametrize(
    ("call", "field"),
    [
        *(("constant", field) for field in FOREIGN),
        ("labels", "array"),  # the others are those of any call
        *(pytest.param("labels", field, marks=pytest.mark.slow) for field in FOREIGN if field != "array"),
    ],
)
def test_what_another_program_wrote_is_refused_in_every_field(tmp_path, frequent_writes, call, field):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS[call], path, 3)
    before = path.read_bytes()
    with np.load(io.BytesIO(before[checkpoints._LINE :])) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "header"}
    assert arrays
    for name in arrays if field == "array" else [field]:
        for value in FOREIGN[field]:
            if callable(value) and value(arrays[name]).tobytes() == arrays[name].tobytes() == b"":
                continue  # no block is finished, and one row fewer is the same
            path.write_bytes(before)
            written_by_another(path, name, value)
            with pytest.raises(GaedistError, match=r"Delete it to start anew"):
                CALLS[call](Run(method="pairs", checkpoint=Checkpoint(path)))
    path.unlink()  # and the run starts anew
    assert numbers(CALLS[call](Run(method="pairs", checkpoint=Checkpoint(path)))) == uninterrupted(call)


def test_a_full_disk_does_not_end_a_run(tmp_path, frequent_writes, monkeypatch):
    def full(path):
        raise GaedistError(f"{path}: cannot be written: No space left on device.")

    monkeypatch.setattr(checkpoints, "whole_file", full)
    notes, expected = [], CALLS["constant"](Run(method="pairs"))
    checkpoint = Checkpoint(tmp_path / "run.ckpt", notes.append)
    found = CALLS["constant"](Run(method="pairs", checkpoint=checkpoint))
    assert numbers(found) == numbers(expected)
    assert len(notes) == 1
    assert notes[0].endswith("No space left on device. The run continues without a checkpoint.")


def test_the_command_line_deletes_the_checkpoint_at_the_end(tmp_path, gaedist):
    np.save(tmp_path / "a.npy", codes())
    path = tmp_path / "run.ckpt"
    arguments = ["score", tmp_path / "a.npy", "--format", "value", "--checkpoint", path]
    _, plain, _ = gaedist(*arguments[:-2])
    assert gaedist(*arguments) == (0, plain, "")
    assert not path.exists()


def test_the_command_line_keeps_the_checkpoint_of_another_run(tmp_path, gaedist, frequent_writes):
    path = tmp_path / "run.ckpt"
    interrupt(CALLS["constant"], path, 2)
    np.save(tmp_path / "a.npy", codes(seed=5))
    code, out, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "another run: its data differ" in err
    assert path.exists()
    code, _, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", tmp_path / "a.npy")
    assert code == 2
    assert "is an input of this command" in err
    assert Path(tmp_path / "a.npy").exists()
    code, _, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", tmp_path / "no" / "run.ckpt")
    assert code == 2
    assert "there is no such folder" in err
