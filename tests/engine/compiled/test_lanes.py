"""Lanes are as many as the registers of the processor take, and a sum is the same for any number of them."""

import platform
from pathlib import Path

import numpy as np
import pytest
from processes import python

from gaedist.engine import Run, log_pair_sums
from gaedist.mixtures import families
from gaedist.mixtures.mixture import Mixture, pair_sum

CPUS = {
    "x86-64": "",
    "haswell": "+avx2,+fma,+avx,+sse4.2,+bmi,+bmi2",
    "skylake-avx512": "+avx512f,+avx512dq,+avx512vl,+avx2,+fma,+avx,+sse4.2,+bmi,+bmi2",
}
"""Names of processors as Numba takes them, with their features."""


def on(cpu, script, cache):
    return python(script, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES=CPUS[cpu], NUMBA_CACHE_DIR=str(cache))


@pytest.mark.parametrize(("cpu", "lanes"), [("x86-64", 4), ("haswell", 4), ("skylake-avx512", 16)])
def test_lanes_are_as_many_as_the_registers_take(tmp_path, cpu, lanes):
    script = "from gaedist.engine.compiled.lanes import LANES; print(LANES)"
    assert int(on(cpu, script, tmp_path)) == lanes


def sums():
    """Sums of diagonal and full covariances in several dimensions."""
    rng, found = np.random.default_rng(0), []
    for dim in (1, 2, 3, 7, 8, 17, 22):
        x = rng.normal(size=(70, dim))
        factors = np.eye(dim) + rng.normal(size=(70, dim, dim)) / 4
        for covariance in (
            families.Diagonal(rng.uniform(0.5, 1.5, size=(70, dim))),
            families.Full(factors @ factors.transpose(0, 2, 1)),
        ):
            p = Mixture(x, covariance)
            found += log_pair_sums([pair_sum(p, p)], Run(method="pairs", threads=1))
    return found


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of x86 processors")
@pytest.mark.slow  # each processor compiles for ten seconds
@pytest.mark.parametrize("cpu", ["x86-64", "haswell"])
def test_sums_are_the_same_on_other_processors(tmp_path, cpu):
    path = f"import sys; sys.path.append({str(Path(__file__).parents[2])!r}); "
    script = path + "from engine.compiled.test_lanes import sums; print(*map(repr, map(float, sums())))"
    np.testing.assert_allclose(
        [float(v) for v in on(cpu, script, tmp_path).split()], sums(), rtol=0, atol=1e-13
    )
