"""The distances as differentiable losses for PyTorch."""

from gaedist.losses.gaussian import gaussian

__all__ = ["gaussian"]
