"""What is packed comes out the same, and each large array is kept apart once, whatever holds it."""

import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gaedist.engine.run.parcels import array_digest, packed, unpacked


def arrays(dtype=float):
    rng = np.random.default_rng(0)
    return (100 * rng.random(size=(5000, 4))).astype(dtype), np.arange(5.0)


def comes_out(content):
    parcel = packed(content)
    found = unpacked(pickle.loads(pickle.dumps(parcel.content)), *zip(*parcel.arrays.items(), strict=True))
    return parcel, found


@pytest.mark.parametrize("dtype", [float, np.float32, np.uint8])
def test_large_arrays_are_kept_apart_once(dtype):
    large, small = arrays(dtype)
    parcel, found = comes_out({"a": large, "b": [large, small], "c": partial(np.add, large)})
    assert list(parcel.arrays) == [array_digest(large)]
    assert len(parcel.content) < 2000
    assert_array_equal(found["a"], large)
    assert found["b"][0] is found["a"] is found["c"].args[0]
    assert_array_equal(found["b"][1], small)


def test_functions_keep_what_they_hold():
    large, small = arrays()
    parcel, found = comes_out(lambda x: x * large.sum() + small)
    assert len(parcel.arrays) == 1
    assert_array_equal(found(2.0), 2.0 * large.sum() + small)


def test_a_digest_depends_on_numbers_shape_and_type():
    large, _ = arrays()
    others = [large.T, large.reshape(-1), large.astype(np.float32), -large, large.view(np.int64)]
    assert array_digest(large.copy(order="F")) == array_digest(large)
    assert len({array_digest(large), *map(array_digest, others)}) == 6
