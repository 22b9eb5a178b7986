"""Runs that are killed and go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gaedist import GaedistError, Run, compare, score
from gaedist.engine import Checkpoint, checkpoints, driver

SCRIPT = """
import sys, numpy, gaedist
from gaedist.engine import Checkpoint, Run, checkpoints, driver
checkpoints.SECONDS, driver._RANGE_SECONDS = 0.0, 0.01
x = numpy.random.default_rng(0).normal(size=(20000, 12))
run = Run(method=sys.argv[2], checkpoint=Checkpoint(sys.argv[1]), threads=int(sys.argv[3]), tolerance=None)
print(gaedist.scores(x, [1.0], run=run)[0].value.hex())
"""


def codes(n=3000, dim=9, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.fixture
def always(monkeypatch):
    """Write after each range, of few tiles."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(driver, "_RANGE_SECONDS", 0.0)
    monkeypatch.setattr(driver, "_FIRST", 1)


class _KilledError(Exception):
    pass


def interrupted(question, path, after):
    """NullOptions until so many ranges are done, and say how many the checkpoint then has."""
    seen = []

    def progress(done, total):
        seen.append(done)
        if len(seen) == after:
            raise _KilledError

    with pytest.raises(_KilledError):
        question(Run(method="pairs", checkpoint=Checkpoint(path), progress=progress))


QUESTIONS = {
    "constant": lambda run: score(codes(), run=run),
    "several σ": lambda run: score(codes(), sigma=2.0, run=run),
    "per-point σ": lambda run: score(codes(2000), sigma="mean-field", run=run),
    "metrics": lambda run: score(codes(2000), metric="energy", run=run),
    "two samples": lambda run: compare(codes(), codes(1500, seed=1), run=run),
    "labels": lambda run: compare(codes(1200), codes(900, seed=1), permutations=40, run=run),
    "underflow": lambda run: score(codes(2000), sigma=0.001, run=run),
}


def answer(result):
    return result.value, result.log_value, result.p_value


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("after", [1, 3, 9])
def test_a_run_goes_on_to_the_same_bits(tmp_path, always, name, after):
    path, question = tmp_path / "run.ckpt", QUESTIONS[name]
    expected = question(Run(method="pairs"))
    interrupted(question, path, after)
    assert path.exists()
    done = []
    found = question(
        Run(
            method="pairs",
            threads=1,
            checkpoint=Checkpoint(path),
            progress=lambda *counts: done.append(counts),
        )
    )
    assert answer(found) == answer(expected)
    assert done[0][0] > 1 or after == 1


def test_blocks_of_tiles_are_taken_up(tmp_path, always, monkeypatch):
    monkeypatch.setattr(driver, "_BLOCK", 7)
    expected = QUESTIONS["constant"](Run(method="pairs"))
    for after in range(1, 14):
        path = tmp_path / f"{after}.ckpt"
        interrupted(QUESTIONS["constant"], path, after)
        found = QUESTIONS["constant"](Run(method="pairs", checkpoint=Checkpoint(path)))
        assert answer(found) == answer(expected)


@pytest.mark.parametrize("method", ["pairs", "sample"])
def test_killed_at_any_time(tmp_path, method):
    path = tmp_path / "run.ckpt"
    command = [sys.executable, "-c", SCRIPT, str(path), method]
    expected = subprocess.run([*command, "2"], check=True, capture_output=True).stdout
    path.unlink()
    for delay in (0.0, 0.05):
        process = subprocess.Popen([*command, "2"], stdout=subprocess.PIPE)
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = Checkpoint(path).sections
    assert done
    assert subprocess.run([*command, "1"], check=True, capture_output=True).stdout == expected
    assert len(list(tmp_path.iterdir())) <= 3  # with what was being written when it was killed


def test_another_run_is_refused(tmp_path, always):
    path = tmp_path / "run.ckpt"
    interrupted(QUESTIONS["constant"], path, 2)
    before = path.read_bytes()

    def run(**options):
        return Run(method="pairs", checkpoint=Checkpoint(path), **options)

    with pytest.raises(GaedistError, match=r"of another run: its data are others\. Delete it"):
        score(codes(seed=1), run=run())
    with pytest.raises(GaedistError, match=r"kernel is Gaussian.* there and Gaussian.* here"):
        score(codes(), sigma=0.5, run=run())
    with pytest.raises(GaedistError, match="precision is 'double' there and 'single' here"):
        score(codes(), run=run(precision="single"))
    assert path.read_bytes() == before


def test_another_version_is_refused(tmp_path, always, monkeypatch):
    path = tmp_path / "run.ckpt"
    interrupted(QUESTIONS["constant"], path, 2)
    monkeypatch.setattr(checkpoints, "__version__", "9.9")
    with pytest.raises(GaedistError, match=r"gaedist is 0\.\S+ \S+ there and 9\.9"):
        score(codes(), run=Run(method="pairs", checkpoint=Checkpoint(path)))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and more", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_none_is_left_alone(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(GaedistError, match="no checkpoint of gaedist"):
        Checkpoint(path)
    assert path.read_bytes() == content


def test_an_archive_of_codes_is_none(tmp_path):
    np.savez(tmp_path / "codes.npz", header=np.array("[]"), x=codes(10))
    with pytest.raises(GaedistError, match="no checkpoint of gaedist"):
        Checkpoint(tmp_path / "codes.npz")


def test_a_cut_one_is_none(tmp_path, always):
    path = tmp_path / "run.ckpt"
    interrupted(QUESTIONS["constant"], path, 2)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GaedistError, match="no checkpoint of gaedist"):
        Checkpoint(path)


def test_a_full_disk_ends_no_run(tmp_path, always, monkeypatch):
    def full(path):
        raise GaedistError(f"{path}: cannot be written: No space left on device.")

    monkeypatch.setattr(checkpoints, "whole_file", full)
    notes, expected = [], QUESTIONS["constant"](Run(method="pairs"))
    checkpoint = Checkpoint(tmp_path / "run.ckpt", notes.append)
    found = QUESTIONS["constant"](Run(method="pairs", checkpoint=checkpoint))
    assert answer(found) == answer(expected)
    assert len(notes) == 1
    assert notes[0].endswith("No space left on device. The run goes on without a checkpoint.")


def test_the_command_line_deletes_it_at_the_end(tmp_path, gaedist):
    np.save(tmp_path / "a.npy", codes())
    path = tmp_path / "run.ckpt"
    arguments = ["score", tmp_path / "a.npy", "--format", "value", "--checkpoint", path]
    _, plain, _ = gaedist(*arguments[:-2])
    assert gaedist(*arguments) == (0, plain, "")
    assert not path.exists()


def test_the_command_line_keeps_that_of_another_run(tmp_path, gaedist, always):
    path = tmp_path / "run.ckpt"
    interrupted(QUESTIONS["constant"], path, 2)
    np.save(tmp_path / "a.npy", codes(seed=5))
    code, out, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "another run: its data are others" in err
    assert path.exists()
    code, _, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", tmp_path / "a.npy")
    assert code == 2
    assert "no checkpoint of gaedist" in err
    assert Path(tmp_path / "a.npy").exists()
    code, _, err = gaedist("score", tmp_path / "a.npy", "--checkpoint", tmp_path / "no" / "run.ckpt")
    assert code == 2
    assert "no such folder" in err
