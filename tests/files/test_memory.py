"""Codes that do not fit are refused, and a limit on address space is one line before libraries meet it."""

import sys

import numpy as np
import pytest
from processes import shell

from gaedist import GaedistError
from gaedist.files import memory
from gaedist.files.codes import read_latents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_what_there_is():
    memory.check_limit()
    memory.check_fits(1 << 20)
    with pytest.raises(GaedistError, match=r"needs 1073741824.0 GiB of memory, but \d+.\d GiB are available"):
        memory.check_fits(1 << 60)


def test_a_sparse_file_is_not_read_into_memory_that_there_is_not(monkeypatch):
    np.lib.format.open_memmap("x.npy", "w+", "|u1", (1 << 30, 8))
    monkeypatch.setattr(memory, "_available", lambda: 1 << 33)
    with pytest.raises(
        GaedistError, match=r"^x\.npy: needs 64\.0 GiB of memory, but 8\.0 GiB are available\."
    ):
        read_latents("x.npy")


def test_a_low_limit_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(memory, "_limit", lambda: 1 << 29)
    with pytest.raises(
        GaedistError, match=r"limited to 0.50 GiB \(ulimit -v\), but at least 1 GiB is needed"
    ):
        memory.check_limit()


def test_codes_that_leave_too_little_are_refused(monkeypatch):
    np.save("x.npy", np.zeros((1000, 1000)))
    monkeypatch.setattr(memory, "_limit", lambda: memory._used() + memory._RESERVE + 10_000_000)
    assert len(read_latents("x.npy").codes) == 1000
    monkeypatch.setattr(memory, "_limit", lambda: memory._used() + memory._RESERVE + 7_000_000)
    with pytest.raises(GaedistError, match=r"^x\.npy: needs 0\.0 GiB .* Use --rows or --subsample\.$"):
        read_latents("x.npy")


@pytest.mark.parametrize("limit", [150_000, 400_000, 1_000_000])
def test_a_command_under_a_limit_ends_in_one_line(limit):
    np.save("x.npy", np.zeros((30, 3)))
    code, out, err = shell(
        f"--version >/dev/null; ulimit -v {limit}; {sys.executable} -m gaedist score x.npy"
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gaedist: not enough memory: address space is limited to")
