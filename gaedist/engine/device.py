"""Sums of Gaussians with one σ on a PyTorch device, in double or in single precision.

A block of exponents is one product of matrices; its sum is relative to its largest term, so that nothing
underflows. Blocks are added in a fixed order. Sums over few pairs, and other sums, stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.gaussian_tiling import WORST, single_errors
from gaedist.engine.run.pair_sum import PairSum, PairTotal, Provenance
from gaedist.engine.run.run import PAIRS, SINGLE, Run
from gaedist.engine.torch_blocks import FAR, gaussian_exponents
from gaedist.numerics import squared_norms

if TYPE_CHECKING:
    from torch import Tensor

_BLOCKS = {"cpu": 1024}
_BLOCK = 8192  # points in a block, on a device that is not named above


def device_total(job: PairSum, run: Run) -> PairTotal | None:
    """Return the sum, or None for other integrands, and for points so far apart that products lose digits."""
    if not isinstance(job.integrand, Gaussian) or run.device is None:
        return None
    rate = job.integrand.rate * math.log(2)
    other = job.x if job.y is None else job.y
    center = (job.x.sum(axis=0) + other.sum(axis=0)) / (len(job.x) + len(other))
    x, y = math.sqrt(rate) * (job.x - center), math.sqrt(rate) * (other - center)
    norms_x, norms_y = squared_norms(x), squared_norms(y)
    if max(norms_x.max(), norms_y.max()) > FAR:
        return None
    worst, usual = single_errors(rate, norms_x / rate, norms_y / rate, x.shape[1])
    single = run.precision == SINGLE and worst < WORST
    import torch

    kind = torch.float if single else torch.double
    weights = [math.log(2) * (job.params_x if p is None else p)[0] for p in (job.params_x, job.params_y)]
    left, right, w, v = (
        torch.as_tensor(np.ascontiguousarray(a), dtype=kind, device=run.device) for a in (x, y, *weights)
    )
    logs = list(_block_logs(left, right, w, v, job.y is None, run))
    highest = max(logs, default=-math.inf)
    total = highest + math.log(math.fsum(math.exp(log - highest) for log in logs)) if logs else highest
    made = Provenance(PAIRS, SINGLE, usual, run.device) if single else Provenance(device=run.device)
    return PairTotal(total, made)


def _block_logs(x: Tensor, y: Tensor, w: Tensor, v: Tensor, symmetric: bool, run: Run) -> Iterator[float]:
    """Yield the logarithm of the sum over each block, of one sample without those above the diagonal."""
    import torch

    size = _BLOCKS.get(x.device.type, _BLOCK)
    places = [
        (i, j) for i in range(0, len(x), size) for j in range(0, len(y), size) if not symmetric or j <= i
    ]
    for done, (i, j) in enumerate(places, 1):
        found = gaussian_exponents(x[i : i + size], y[j : j + size])
        found += w[i : i + size, None]
        found += v[j : j + size]
        if symmetric and i == j:
            above = torch.ones_like(found, dtype=torch.bool).triu()
            found.masked_fill_(above, -math.inf)
        peak = found.max()
        if peak > -math.inf:
            yield float(peak) + math.log(float(found.sub_(peak).exp_().sum(dtype=torch.double)))
        if run.progress:
            run.progress(done, len(places))
