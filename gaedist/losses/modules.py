"""The registry of losses, and each of them as a module."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from gaedist.errors import GaedistError, check_choice
from gaedist.losses.gaussian import gaussian
from gaedist.losses.kernels import cramer_wold, energy, mmd
from gaedist.losses.moments import kl
from gaedist.losses.sliced import sliced_epps_pulley, sliced_wasserstein

LOSSES: dict[str, Callable[..., Tensor]] = {
    "gaussian": gaussian,
    "kl": kl,
    "mmd": mmd,
    "sliced-wasserstein": sliced_wasserstein,
    "cramer-wold": cramer_wold,
    "cramer-wold-approx": partial(cramer_wold, approximate=True),
    "sliced-epps-pulley": sliced_epps_pulley,
    "energy": energy,
}
"""Name of a metric → the loss."""


class DistanceLoss(nn.Module):
    """A loss with its options, as a module without parameters.

    Parameters
    ----------
    metric : str
        One of `LOSSES`.
    **options
        The options of its function.

    Raises
    ------
    GaedistError
        For a metric that is no loss, or an option that it does not have.
    """

    def __init__(self, metric: str = "gaussian", **options: Any) -> None:
        super().__init__()
        check_choice("metric", metric, LOSSES)
        known = inspect.signature(LOSSES[metric]).parameters
        for name in options:
            if name not in known or known[name].kind != inspect.Parameter.KEYWORD_ONLY:
                names = [key for key, value in known.items() if value.kind == inspect.Parameter.KEYWORD_ONLY]
                raise GaedistError(f"the loss {metric} has no option {name}. Choose from {', '.join(names)}.")
        self.metric, self.options = metric, options

    def forward(self, *samples: Tensor) -> Tensor:
        """Return the loss of codes (n, D), or of two samples."""
        return LOSSES[self.metric](*samples, **self.options)

    def extra_repr(self) -> str:
        """Return the metric and the options."""
        return ", ".join([repr(self.metric), *(f"{name}={value!r}" for name, value in self.options.items())])
