"""Results that can be drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Drawable(ABC):
    """A result with a picture; its own description says what the picture shows."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw this result (extra ``plot``).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            These axes.

        Raises
        ------
        GaedistError
            If matplotlib is not installed.
        """
        from gaedist.plots.style import own_axes

        ax = own_axes(ax)
        self._draw(ax)
        return ax

    @abstractmethod
    def _draw(self, ax: Axes) -> None:
        """Draw this result on axes."""
