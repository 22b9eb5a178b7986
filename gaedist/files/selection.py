"""Which array of a file is read, which of its rows, and how they become points."""

from dataclasses import dataclass

import numpy as np

from gaedist.errors import GaedistError
from gaedist.files.arrays import Rows
from gaedist.files.layouts import check_layout
from gaedist.files.widths import WidthName


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which array and which rows of a file to read.

    Attributes
    ----------
    dataset : str, optional
        Name of the array, where the file name has none after ``::``.
    rows : tuple of (int or None), optional
        First row and the row after the last, as in a Python slice.
    subsample : int, optional
        Number of rows to draw without replacement and keep in their order; all if there are fewer.
    seed : int
        Seed of the draw.
    drop_nonfinite : bool
        Leave out rows with NaN or infinity instead of raising an error.
    transpose : bool
        Exchange rows and columns first.
    layout : str, optional
        How an array becomes points, one of `gaedist.files.layouts.LAYOUTS`; without it the array has two
        axes. Rows are indices along the first axis, before the layout.
    channels : str, optional
        Where the axis of channels is, ``first`` or ``last``, for layout ``positions``; by default first in
        arrays with four axes or more, (n, C, H, W), and last in others, (n, T, d).
    positions : str, optional
        For layout ``positions``: ``1``, the default, keeps one random position of each row; ``all`` keeps
        all, which are not independent.
    draw : int
        Tells several draws with one seed apart: positions of a second sample are independent of the first.

    width : WidthName, optional
        The codes are means of posteriors; which array holds their log-variances or standard deviations.

    Raises
    ------
    GaedistError
        For an unknown layout or choice, for a choice that the layout does not take, and for a width with a
        layout.
    """

    dataset: str | tuple[str, ...] | None = None
    rows: tuple[int | None, int | None] | None = None
    subsample: int | None = None
    seed: int = 0
    drop_nonfinite: bool = False
    transpose: bool = False
    layout: str | None = None
    channels: str | None = None
    positions: str | None = None
    draw: int = 0
    width: WidthName | None = None

    def __post_init__(self) -> None:
        """Raise `GaedistError` for a layout or choice that there is not."""
        check_layout(self.layout, self.channels, self.positions)
        if self.width and self.layout:
            raise GaedistError(f"--layout is not for posteriors: leave out {self.width.option} or --layout.")

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names given."""
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset or ()


def parse_rows(text: str | None) -> tuple[int | None, int | None] | None:
    """Return A and B of the text ``A:B``, None for one that is left out."""
    if text is None:
        return None
    try:
        start, stop = (int(part) if part.strip() else None for part in text.split(":"))
    except ValueError as error:
        raise GaedistError(f"--rows must be A:B with whole numbers; got {text!r}.") from error
    return start, stop


def pick_rows(n: int, selection: Selection) -> Rows:
    """Return the rows to read of an array of n rows."""
    rows = range(n)[slice(*(selection.rows or (None, None)))]
    if not rows:
        start, stop = ("" if bound is None else bound for bound in selection.rows or (None, None))
        raise GaedistError(f"rows {start}:{stop} select none of the {n} rows.")
    if selection.subsample is None or selection.subsample >= len(rows):
        return rows
    if selection.subsample < 1:
        raise GaedistError(f"subsample must be at least 1; got {selection.subsample}.")
    rng = np.random.default_rng(selection.seed)
    return np.sort(rows.start + rng.choice(len(rows), selection.subsample, replace=False))
