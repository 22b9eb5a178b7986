"""The distances as differentiable losses for PyTorch, each equal to what `gaedist.score` gives (extra torch).

    from gaedist import losses

    loss = error + weight * losses.gaussian(codes)

    tensors ──▶ pairs, profiles ──▶ gaussian, mixture, kernels, sliced, moments ──▶ scales
    doubles     sums over pairs     one module per kind of metric                   value, log, z

`LOSSES` is the registry: the names are those of `gaedist.metrics.registry`. `DistanceLoss` is each of them as
a module. Null distributions and rules for σ are those of the metrics; only sums over codes are tensors.

Sums are in double precision, whatever the type of the codes, with first and second derivatives. Pairs of
many codes are summed in blocks that are computed again in the backward pass, in O(nD) memory. Automatic mixed
precision, deterministic mode and torch.compile, which leaves losses as they are, change nothing. Functions of
torch.func apply. Codes that are not finite give NaN. Within vmap values cannot decide what is computed:
bandwidths and mean fields of the codes are refused, and distances of nearly equal codes, far from the others,
keep fewer digits.
"""

from gaedist.errors import MissingExtraError

try:
    import torch  # noqa: F401
except ImportError:
    raise MissingExtraError("torch", "PyTorch", "losses") from None

from gaedist.losses.gaussian import gaussian
from gaedist.losses.kernels import cramer_wold, energy, mmd
from gaedist.losses.mixture import gaussian_mixture
from gaedist.losses.modules import LOSSES, DistanceLoss
from gaedist.losses.moments import kl
from gaedist.losses.sliced import sliced_epps_pulley, sliced_wasserstein

__all__ = [
    "LOSSES",
    "DistanceLoss",
    "cramer_wold",
    "energy",
    "gaussian",
    "gaussian_mixture",
    "kl",
    "mmd",
    "sliced_epps_pulley",
    "sliced_wasserstein",
]
