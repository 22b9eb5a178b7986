"""The distances as differentiable losses for PyTorch."""

from gaedist.losses.gaussian import gaussian
from gaedist.losses.kernels import cramer_wold, energy, mmd
from gaedist.losses.mixture import gaussian_mixture
from gaedist.losses.moments import kl
from gaedist.losses.sliced import sliced_epps_pulley, sliced_wasserstein

__all__ = [
    "cramer_wold",
    "energy",
    "gaussian",
    "gaussian_mixture",
    "kl",
    "mmd",
    "sliced_epps_pulley",
    "sliced_wasserstein",
]
