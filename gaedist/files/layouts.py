"""How the numbers of an array become points: arrays with two axes as they are, others by a layout.

`LAYOUTS` has a row for each choice. A layout gives an `Arrangement`, which says for each number of an item
(an index along the first axis) to which point and which dimension it belongs; so arrays are read block by
block in the order of the file, into codes that are allocated once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, check_choice
from gaedist.files.memory import check_fits
from gaedist.files.stored_array import Columns, shape_text
from gaedist.numerics import Array, Stream

Positions = NDArray[np.unsignedinteger[Any]]
"""A position of each item."""

FIRST, LAST = CHANNELS = ("first", "last")
"""Where the axis of channels is: after the axis of items, or last."""

ONE, EVERY = POSITIONS = ("1", "all")
"""Which positions of an item become points: one at random, or all."""


@dataclass(frozen=True)
class Arrangement:
    """The points of an array.

    Attributes
    ----------
    layout : str, optional
        The layout; None for an array with two axes that is taken as it is.
    dim : int
        Dimension of a point.
    positions : int
        Positions of an item.
    channels : str, optional
        One of `CHANNELS`, for items with positions.
    kept : str, optional
        One of `POSITIONS`, for items with positions.
    note : str, optional
        What a user of these points should know.
    """

    layout: str | None
    dim: int
    positions: int = 1
    channels: str | None = None
    kept: str | None = None
    note: str | None = None

    @property
    def per_item(self) -> int:
        """Points of an item."""
        return 1 if self.kept == ONE else self.positions

    def chosen(self, n: int, entropy: Sequence[int]) -> Positions | None:
        """Return the position to keep of each of the first n items, the same whatever n is."""
        if not self.is_random:
            return None
        dtype = np.min_scalar_type(self.positions)  # these numbers may be as many as those of the codes
        check_fits(n * dtype.itemsize)
        rng = np.random.default_rng((entropy[0], Stream.POSITIONS, *entropy[1:]))
        return rng.integers(self.positions, size=n, dtype=dtype)

    def fill(
        self,
        points: Array,
        block: NDArray[np.generic],
        columns: Columns,
        chosen: Positions | None,
    ) -> None:
        """Copy columns of items, (k, columns), to their places in their points, (k, per_item, dim)."""
        k, width = len(block), self.positions * self.dim
        if isinstance(columns, slice) and columns.indices(width) == (0, width, 1):
            items = block.reshape((k, *self._item_shape))
            by_position = items if self.channels != FIRST else items.transpose(0, 2, 1)
            points[:] = by_position if chosen is None else by_position[np.arange(k), chosen][:, np.newaxis]
            return
        flat = np.arange(width)[columns]
        if self.channels == FIRST:
            dims, positions = np.divmod(flat, self.positions)
        else:
            positions, dims = np.divmod(flat, self.dim)
        if chosen is None:
            points[:, positions, dims] = block
        else:
            rows, found = np.nonzero(positions == chosen[:, np.newaxis])
            points[rows, 0, dims[found]] = block[rows, found]

    @property
    def _item_shape(self) -> tuple[int, int]:
        return (self.dim, self.positions) if self.channels == FIRST else (self.positions, self.dim)

    @property
    def is_random(self) -> bool:
        """Whether positions are drawn."""
        return self.kept == ONE and self.positions > 1

    def place(self, row: int, position: int) -> str:
        """Name a point in an error."""
        return f"row {row}" if self.per_item == 1 else f"row {row}, position {position},"


@dataclass(frozen=True)
class Layout:
    """A row of the registry.

    Attributes
    ----------
    about : str
        What it makes of an array, in a phrase.
    arrange : callable
        From the shape, channels and positions (both may be None) to the `Arrangement`.
    has_positions : bool
        It takes channels and positions.
    """

    about: str
    arrange: Callable[[tuple[int, ...], str | None, str | None], Arrangement]
    has_positions: bool = False


def _vectors(shape: tuple[int, ...], channels: str | None, kept: str | None) -> Arrangement:
    return Arrangement("vectors", math.prod(shape[1:]))


def _positions(shape: tuple[int, ...], channels: str | None, kept: str | None) -> Arrangement:
    if len(shape) < 2:
        raise GaedistError("--layout positions needs an axis of channels. Use --layout vectors.")
    note = None
    if channels is None:
        channels = usual_channels(shape)
        if len(shape) > 3 and shape[1] == shape[2] != shape[-1]:
            note = f"channels are taken first, {shape[1]} of them. For {shape[-1]} add --channels last."
    dim = shape[1] if channels == FIRST else shape[-1]
    positions = math.prod(shape[2:] if channels == FIRST else shape[1:-1])
    return Arrangement("positions", dim, positions, channels, kept or ONE, note)


def usual_channels(shape: tuple[int, ...]) -> str:
    """Return where channels are by custom: last in sequences (n, T, d), first in images (n, C, H, W)."""
    return LAST if len(shape) <= 3 else FIRST


LAYOUTS = {
    "vectors": Layout("each item is a point, (n, …) to (n, rest)", _vectors),
    "positions": Layout(
        "each position is a point, (n, C, H, W) or (n, T, d)", _positions, has_positions=True
    ),
}
"""Name → layout."""


def check_layout(layout: str | None, channels: str | None, positions: str | None) -> None:
    """Raise `GaedistError` for an unknown layout or choice, or one that the layout does not take."""
    if layout is not None:
        check_choice("layout", layout, LAYOUTS)
    for name, value, choices in (("channels", channels, CHANNELS), ("positions", positions, POSITIONS)):
        if value is None:
            continue
        check_choice(name, value, choices)
        if layout is None or not LAYOUTS[layout].has_positions:
            takers = " and ".join(name for name, row in LAYOUTS.items() if row.has_positions)
            raise GaedistError(f"--{name} is for --layout {takers}.")


def arrangement_of(
    shape: tuple[int, ...], layout: str | None, channels: str | None, positions: str | None
) -> Arrangement:
    """Return how an array becomes points; without a layout it has two axes."""
    if layout is None:
        return Arrangement(None, shape[1])
    if not shape:
        raise GaedistError("a single number has no axis of points.")
    found = LAYOUTS[layout].arrange(shape, channels, positions)
    if 0 in (shape[0], found.dim, found.positions):
        raise GaedistError(f"the array is empty: {shape_text(shape)}.")
    return found


class ShapeError(GaedistError):
    """An array, or several of one axis, whose shape needs a layout or to be joined.

    Attributes
    ----------
    count : int
        Number of arrays.
    remedies : tuple of (str, str)
        Options that make codes of it, and what each of them does.
    """

    def __init__(self, title: str, shape: tuple[int, ...], *, count: int = 1) -> None:
        axes = f"{len(shape)} axes, {shape_text(shape)}" if len(shape) != 1 else "1 axis"
        what = f"an array with {axes}" if count == 1 else f"{count} arrays with {axes} each"
        self.count, self.found = count, f"{title} has {axes}" if title and count == 1 else what
        self.remedies = _remedies(shape) if count == 1 else (("--stack", _points(count, shape[0])),)
        super().__init__(self.advice("Add "))

    def advice(self, lead: str, command: str = "") -> str:
        """Return the message, with the remedies as options or, after ``command``, as whole commands."""
        ways = " or ".join(f"{command}{options} ({what})" for options, what in self.remedies)
        return f"{self.found}; latent codes have two, (points, dimensions). {lead}{ways}."


def _remedies(shape: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    n = shape[0]
    vectors = "--layout vectors", _points(n, math.prod(shape[1:]))
    if len(shape) == 1:
        return vectors, ("--stack", _points(1, n))
    ways = [vectors]
    usual = usual_channels(shape)
    for channels in (usual, FIRST if usual == LAST else LAST):
        dim = shape[1] if channels == FIRST else shape[-1]
        what = f"a random position of each item: {_points(n, dim)}"
        ways.append((f"--layout positions --channels {channels}", what))
    return tuple(ways)


def _points(n: int, dim: int) -> str:
    return f"{n} point{'s' if n != 1 else ''} of {dim} dimension{'s' if dim != 1 else ''}"
