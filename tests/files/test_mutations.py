"""A mutated file gives a result or one `GaedistError`; `tests/fuzz/files.py` runs many more such cases."""

import os
from pathlib import Path

import numpy as np
import pytest
from fuzz.files import MUTATIONS, ORIGINALS, SEEDS, mutated, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from gaedist import Selection, read_samples
from gaedist.files.formats import FORMATS


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(seed=st.integers(0, 2**32 - 1), piped=st.booleans())
def test_mutated_files_are_read_or_refused(seed, piped):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", None)
        assert outcome(Path("x.csv"), mutated(np.random.default_rng(seed))[1], piped) in ("read", "refused")


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    layout=st.sampled_from([{}, {"layout": "vectors"}, {"layout": "positions", "positions": "all"}]),
    stack=st.booleans(),
)
def test_mutated_files_by_patterns_and_layouts(seed, layout, stack):
    path = Path("x.bin")
    path.write_bytes(mutated(np.random.default_rng(seed))[1])
    os.utime(path, (0, 0))  # or reading waits until a later write would show
    errors = []
    found = read_samples(
        path, Selection(dataset=("*",), **layout), stack=stack, on_error=lambda *e: errors.append(e)
    )
    assert all(np.isfinite(latents.codes).all() for latents in found)
    assert all(str(error).isprintable() for _, error in errors)


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(data=st.sampled_from(SEEDS), start=st.integers(0, 8000), piece=st.binary(max_size=40))
def test_bytes_put_anywhere(data, start, piece):
    start %= len(data)
    changed = data[:start] + piece + data[start + len(piece) :]
    assert outcome(Path("x.csv"), changed, piped=False) in ("read", "refused")


def test_every_seed_and_every_mutation_is_of_use():
    ends = {outcome(Path("x.csv"), data, piped=False) for data in SEEDS}
    assert ends == {"read", "refused"}
    rng = np.random.default_rng(0)
    for mutate in MUTATIONS.values():
        assert any(bytes(mutate(rng, bytearray(data))) != data for data in SEEDS)


def test_every_format_is_mutated():
    assert [*ORIGINALS, "HDF5"] == sorted((row.name for row in FORMATS), key=[*ORIGINALS, "HDF5"].index)
