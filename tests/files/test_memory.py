"""A limit on address space is one line before libraries meet it, and codes that do not fit are refused."""

import sys

import numpy as np
import pytest
from processes import shell

from gaedist import GaedistError
from gaedist.files import memory
from gaedist.files.codes import read_latents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_without_a_limit_everything_fits():
    memory.check_limit()
    memory.check_fits(1 << 60)


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
