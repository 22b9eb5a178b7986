"""Codes as the losses take them: checked, in double precision, run eagerly, their values readable or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import Tensor

from gaedist.errors import GaedistError, check_dims

Function = TypeVar("Function", bound=Callable[..., Tensor])


def eager(function: Function) -> Function:
    """Return a loss that torch.compile leaves as it is: its constants are not for a compiler to trace."""
    return cast(Function, torch.compiler.disable(function))


def doubles(x: Tensor, name: str = "codes") -> Tensor:
    """Return codes in double precision, (n, D); raise `GaedistError` unless they are a real 2-D tensor.

    Every sum is in double: in single precision the smoothed distance at σ² = D is off by 1e-3. A device that
    has no doubles (mps) leaves the work to the CPU.
    """
    if not isinstance(x, Tensor):
        raise GaedistError(f"{name} must be a PyTorch tensor; got {type(x).__name__}. Use torch.as_tensor.")
    if x.layout != torch.strided or x.is_meta:
        raise GaedistError(f"{name} must be a dense tensor that holds numbers; got {_kind(x)}.")
    if x.ndim != 2 or 0 in x.shape:
        raise GaedistError(f"{name} must be a tensor (n, D), not empty; got shape {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise GaedistError(f"{name} must be real floating-point numbers; got {x.dtype}.")
    return x.to(torch.device("cpu") if x.device.type == "mps" else x.device, torch.double)


def _kind(x: Tensor) -> str:
    return "one on the device meta" if x.is_meta else f"layout {x.layout}".replace("torch.", "")


def both_doubles(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two samples in double precision; raise `GaedistError` unless they fit each other."""
    p, q = doubles(x), doubles(y, "the second sample")
    check_dims(p.shape[1], q.shape[1])
    if p.device != q.device:
        raise GaedistError(f"the samples are on {x.device} and {y.device}. Move one to the other's device.")
    return p, q


def is_readable(x: Tensor) -> bool:
    """Tell whether values of a tensor can decide what is computed: not within vmap."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(x):
        if functorch.is_batchedtensor(x):
            return False
        x = functorch.get_unwrapped(x)
    return True
