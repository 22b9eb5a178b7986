"""Tensors are found by name; bfloat16 becomes the same float32; a header that lies is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from fuzz.files import safetensors

from gaedist import inspect
from gaedist.files.codes import read_latents

X = np.random.default_rng(0).normal(size=(100, 4))


def test_the_package_writes_what_is_read():
    from safetensors.numpy import save_file

    save_file(
        {"mu": X, "logvar": X.astype("f4"), "step": np.arange(3), "half": X.astype("f2")}, "x.safetensors"
    )
    for name, expected in (("mu", X), ("logvar", X.astype("f4")), ("half", X.astype("f2"))):
        np.testing.assert_array_equal(read_latents(f"x.safetensors::{name}").codes, expected)


def test_bfloat16_is_the_upper_half_of_float32():
    """Numbers of eight bits are exact: powers of 2 times 1 + k/128, as the format is defined."""
    numbers = np.array(
        [[(1 + k / 128) * 2.0**e * s for s in (1, -1)] for k in range(128) for e in (-100, 0, 99)]
    )
    bits = np.ascontiguousarray(numbers.astype("<f4").view("<u2")[:, 1::2])
    Path("x.safetensors").write_bytes(safetensors({"x": ("BF16", numbers.shape, bits.tobytes())}))
    np.testing.assert_array_equal(read_latents("x.safetensors").codes, numbers)
    assert inspect("x.safetensors")[0].dtype == "float32"


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (
            ("F8_E4M3", (3, 2), bytes(6)),
            "x is of type F8_E4M3, which NumPy does not have; save the codes as float32.",
        ),
        (("BOOL", (3, 2), bytes(6)), "x is of type bool; latent codes are real numbers."),
        (("C64", (3, 2), bytes(48)), "x is complex; save real and imaginary parts as columns."),
        (
            ("F32", (6,), bytes(24)),
            "x has 1 axis; latent codes have two, (points, dimensions). Add --layout vectors "
            "(6 points of 1 dimension) or --stack (1 point of 6 dimensions).",
        ),
    ],
)
def test_tensors_that_are_no_codes(tensor, message, refused):
    Path("x.safetensors").write_bytes(safetensors({"x": tensor}))
    assert refused("x.safetensors") == f"x.safetensors: {message}"


def test_a_header_that_lies_is_refused(refused):
    good = {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}
    for change in (
        {"shape": [3, 3]},
        {"shape": [2**40, 2**40]},
        {"data_offsets": [0, 40]},
        {"data_offsets": [-8, 40]},
        {"dtype": "F99"},
        {"shape": "x"},
    ):
        text = json.dumps({"x": good | change}).encode()
        Path("x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(48))
        assert refused("x.safetensors").startswith("x.safetensors: cut short or damaged: not a readable")
