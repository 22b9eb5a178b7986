"""How pictures look, and how they are saved: the same bits for the same data, without dates.

Figures are made without pyplot: they are drawn by Agg on any machine, and no list keeps them open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gaedist.errors import GaedistError, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
)
"""Colours that colour-blind readers can tell apart: M. Okabe and K. Ito, Color Universal Design, 2008."""

INK, FAINT, PAPER, BAND = "#24292f", "#8c959f", "#ffffff", "#d0d7de"
"""Text and observed numbers; notes and axes; what is behind them; what N(0, I) gives."""

SUFFIXES = (".png", ".svg", ".pdf")
"""Ends of the names of pictures."""

_NAME = 80  # characters of the name of a file
WIDE_Z = 30.0
"""|z| beyond which its scale is logarithmic."""

_LINEAR_Z = 5.0  # |z| up to which such a scale is linear
_FEWEST_TICKS = 2
_FEW_TENS = 200.0  # |z| below which such a scale has numbers between 10 and 100
_MANY_TENS = 3  # powers of ten beside which there is no room for the end of the linear part
_LONG = 1e5  # the least number on a scale that is written as a power
_LARGE_Z = 1e6  # |z| from which it is written with three digits
_FAINTEST = 1e-12  # smallest p-value that is written out

_RC: dict[str, Any] = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titlecolor": INK,
    "figure.dpi": 110,
    "figure.facecolor": PAPER,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "gaedist",
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}


def check_plot(path: Path) -> None:
    """Raise `GaedistError` if a picture cannot be drawn here, or the end of its name is no format."""
    if path.suffix.lower() not in SUFFIXES:
        raise GaedistError(
            f"{path}: the end of the name of a picture is its format; found {path.suffix or 'none'}. "
            f"Use {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    check_matplotlib()


def check_matplotlib() -> None:
    """Raise `GaedistError` unless matplotlib is installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise GaedistError("pictures need matplotlib. Install it with: pip install 'gaedist[plot]'")


@contextmanager
def styled(**settings: Any) -> Iterator[None]:
    """Draw and save in the style of gaedist, whatever the user's matplotlibrc says."""
    check_matplotlib()
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, {**_RC, **settings}))
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def own_axes(ax: Axes | None, width: float = 6.4, height: float = 4.0) -> Axes:
    """Return axes, those of a new figure if there are none."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def rendered(figures: list[Figure], kind: str) -> bytes:
    """Return figures in a format, one of `SUFFIXES`: one, or as many pages as there are of a PDF."""
    from io import BytesIO

    import matplotlib

    stream = BytesIO()
    if kind == ".pdf":
        from matplotlib.backends.backend_pdf import PdfPages

        with PdfPages(stream, metadata={"Creator": "gaedist", "CreationDate": None}) as pages:
            for figure in figures:
                pages.savefig(figure)
        return stream.getvalue()
    made_by = f"gaedist, matplotlib {matplotlib.__version__}"
    metadata = {"Creator": made_by, "Date": None} if kind == ".svg" else {"Software": made_by}
    (figure,) = figures
    figure.savefig(stream, format=kind[1:], metadata=metadata)
    return stream.getvalue()


def short(name: str, length: int = _NAME) -> str:
    """Return a name on one line, without its middle where it is long, and with no mathematics in it."""
    return plain(one_line(name, length))


def plain(text: str) -> str:
    """Return a text that matplotlib writes as it is."""
    return text.replace("$", r"\$")


def title(ax: Axes, text: str, note: str = "") -> None:
    """Write a bold title above axes, and a note at the right."""
    ax.set_title(text, loc="left", fontweight="bold", fontsize=10, color=INK)
    if note:
        ax.set_title(note, loc="right", fontsize=8, color=FAINT)


def p_words(p: float | None) -> str:
    """Write p = …, or p < … where no digit is right; nothing for none."""
    if p is None:
        return ""
    return f"p < {_FAINTEST:g}" if p < _FAINTEST else f"p = {p:.2g}"


def signed(z: float) -> str:
    """Write z to two decimals, or four digits where it is large, with its sign."""
    text = f"{z:+.2f}" if abs(z) < _LARGE_Z else f"{z:+.3g}"
    return text.replace("-", "−").replace("inf", "∞")


def signed_colours() -> LinearSegmentedColormap:
    """Return colours from orange to blue which are transparent at 0, for light and dark paper."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    ends = [
        (*to_rgba(colour)[:3], alpha) for colour, alpha in ((ORANGE, 1), (ORANGE, 0), (BLUE, 0), (BLUE, 1))
    ]
    return LinearSegmentedColormap.from_list("signed", list(zip((0.0, 0.5, 0.5, 1.0), ends, strict=True)))


def z_scale(ax: Axes, which: str, widest: float) -> None:
    """Give an axis of z a scale that is linear about 0 and logarithmic far out, if z goes that far."""
    from matplotlib.ticker import NullLocator

    if not widest > WIDE_Z:
        return
    axis = ax.yaxis if which == "y" else ax.xaxis
    set_scale = ax.set_yscale if which == "y" else ax.set_xscale
    set_scale("symlog", linthresh=_LINEAR_Z, linscale=0.8)
    tens = [10.0**k for k in range(1, 300) if 10.0**k <= 3 * widest]
    near = [20.0, 50.0] if widest < _FEW_TENS else []
    ticks = [-10.0, -_LINEAR_Z, 0.0, _LINEAR_Z, *tens[:: max(1, len(tens) // 5)], *near]
    if len(tens) > _MANY_TENS:
        ticks = [tick for tick in ticks if abs(tick) != _LINEAR_Z]
    names = [(f"{t:g}" if t < _LONG else f"1e{math.log10(t):.0f}").replace("-", "−") for t in ticks]
    low, high = axis.get_view_interval()
    shown = {tick: name for tick, name in zip(ticks, names, strict=True) if low <= tick <= high}
    if len(shown) < _FEWEST_TICKS:  # all z are large and close to each other
        set_scale("linear")
        return
    axis.set_ticks(list(shown), list(shown.values()))
    axis.set_minor_locator(NullLocator())


def message(ax: Axes, text: str) -> None:
    """Write a text in place of a panel that does not apply."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", color=FAINT, transform=ax.transAxes, wrap=True)


def beside(ax: Axes, text: str, where: tuple[float, float], *, left: bool = False) -> None:
    """Write a text to the right of a point, or to the left of it."""
    ax.annotate(
        text,
        where,
        (-5 if left else 5, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
        color=INK,
    )
