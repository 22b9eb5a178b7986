"""Where a tile lies in the matrix of pairs."""

from typing import Any

import numpy as np


def tile_position(tile: Any, symmetric: bool, columns: int, height: int = 1) -> tuple[Any, Any]:
    """Return the row and column of tiles, which are numbered row by row.

    Parameters
    ----------
    tile : int or array of int
        Number of the tile.
    symmetric : bool
        Only tiles on or below the diagonal are numbered: those of row r are ``height`` (r + 1).
    columns : int
        Tiles in each row if not symmetric.
    height : int
        Rows of a tile over its columns.
    """
    if not symmetric:
        return tile // columns, tile % columns
    row = np.intp((np.sqrt(8.0 * tile / height + 1.0) - 1.0) / 2.0)  # by rounding, off by one at most
    row = row - (height * row * (row + 1) // 2 > tile)
    row = row + (height * (row + 1) * (row + 2) // 2 <= tile)
    return row, tile - height * row * (row + 1) // 2
