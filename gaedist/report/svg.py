"""Pictures inside a page: SVG whose colours are those of the page, and whose names are its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from gaedist.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.8, 3.7  # inches of a panel

COLOURS = {
    style.INK: "--ink",
    style.FAINT: "--faint",
    style.PAPER: "--paper",
    style.BAND: "--band",
    style.BLUE: "--blue",
}
"""Colour of a picture → the variable of the page that takes its place, for light and dark."""

_HEAD = re.compile(
    r"^.*?(?=<svg)|<metadata>.*?</metadata>\s*|<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL
)
_OPENING = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\s(?:width|height)="[^"]*"')
_NAME = re.compile(r'(\bid="|url\(#|href="#)')


def panel(draw: Callable[[Axes], object], key: str, text: str) -> str:
    """Return what a function draws into axes as an SVG element.

    Parameters
    ----------
    draw : callable
        Function of axes.
    key : str
        What the names inside begin with, different for each picture of a page.
    text : str
        What the picture shows, for readers who cannot see it; it is escaped.
    """
    from html import escape

    with style.styled(**{"svg.fonttype": "none"}):
        figure = style.new_figure(WIDTH, HEIGHT)
        draw(figure.add_subplot())
        figure.patch.set_visible(False)
        found = style.rendered([figure], ".svg").decode()
    found = _OPENING.sub(lambda m: _SIZE.sub("", m[0]), _HEAD.sub("", found), count=1)
    found = _NAME.sub(rf"\g<1>{key}-", found)
    for colour, variable in COLOURS.items():
        found = re.sub(colour, f"var({variable})", found, flags=re.IGNORECASE)
    return found.replace("<svg", f'<svg role="img" aria-label="{escape(text)}"', 1).strip()
