"""A tensor, or a flat dictionary of tensors, of any type and device is read; nothing else is unpickled."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from processes import shell

from gaedist import inspect
from gaedist.files.codes import read_latents

torch = pytest.importorskip("torch", reason="PyTorch is not among the packages of the tests")

X = torch.from_numpy(np.random.default_rng(0).normal(size=(100, 4)))


def test_tensors_alone_and_in_a_dictionary():
    torch.save(X, "x.pt")
    np.testing.assert_array_equal(read_latents("x.pt").codes, X)
    torch.save({"mu": X, "step": 7, "p": torch.nn.Parameter(X[:3])}, "x.pth")
    np.testing.assert_array_equal(read_latents("x.pth::mu").codes, X)
    np.testing.assert_array_equal(read_latents("x.pth::p").codes, X[:3])
    assert [report.problem for report in inspect("x.pth")] == [None, "of type int, not a tensor", None]


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int32])
def test_types(kind):
    x = (10 * X).to(kind)
    torch.save(x, "x.pt")
    np.testing.assert_array_equal(read_latents("x.pt").codes, x.double())


def test_parts_and_transposes_of_other_tensors():
    big = torch.arange(600.0).reshape(20, 30)
    for x in (big[3:9, 5:25:2], big.T, big[::4]):
        torch.save(x, "x.pt")
        np.testing.assert_array_equal(read_latents("x.pt").codes, x)


def test_a_tensor_that_was_on_a_device():
    """The location that its storage names is not looked for."""
    torch.save(X, "x.pt")
    with zipfile.ZipFile("x.pt") as old, zipfile.ZipFile("y.pt", "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert b"cuda:0" in Path("y.pt").read_bytes()
    np.testing.assert_array_equal(read_latents("y.pt").codes, X)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (
            Harmful(),
            "a PyTorch file that holds posix.mkdir; only tensors and flat dictionaries of them are "
            "unpickled. Save the codes alone, with torch.save(codes, PATH).",
        ),
        ({"x": X, "bad": Harmful()}, "a PyTorch file that holds posix.mkdir; only tensors"),
        (torch.nn.Linear(2, 2), "a PyTorch file that holds torch.nn.modules.linear.Linear; only tensors"),
        (X.to_sparse(), "a PyTorch file that holds torch._utils._rebuild_sparse_tensor; only tensors"),
        ([X], "the array is of type list, not a tensor."),
        ({"model": {"x": X}}, "no 2-D array in this file. It holds: model (not readable)."),
        (X + 1j, "the array is complex; save real and imaginary parts as columns."),
        (X > 0, "the array is of type bool; latent codes are real numbers."),
        (
            X[:1].clone().expand(100, 4),
            "the array is a tensor of 400 numbers of which fewer are stored; save x.clone().",
        ),
        (X.reshape(5, 20, 4), "the array has 3 axes, 5 × 20 × 4; latent codes have two"),
    ],
)
def test_what_is_not_read(saved, message, refused):
    torch.save(saved, "x.pt")
    if message.startswith("no 2-D"):
        assert refused("x.pt::model") == "x.pt: model is of type dict, not a tensor."
    else:
        assert refused("x.pt").startswith(f"x.pt: {message}")
    assert not Path("harm").exists()


def test_a_file_of_long_ago(refused):
    torch.save(X, "x.pt", _use_new_zipfile_serialization=False)
    assert refused("x.pt") == "x.pt: a PyTorch file of before version 1.6. Load it and save it again."


def test_a_pipe_in_the_sandbox_needs_a_file():
    torch.save(X, "x.pt")
    code, _, err = shell("inspect - --sandbox < x.pt")
    assert (code, err) == (2, "gaedist: -: a PyTorch file in a pipe, which cannot be copied. Name a file.\n")
