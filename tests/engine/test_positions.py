"""Tiles are numbered row by row, and Python and NumPy agree on their positions exactly."""

import numpy as np
import pytest

from gaedist.engine.positions import tile_position

LAST_ROW = 40_000_000  # of a matrix of 10 billion points, where the square root of a tile number is rounded


def triangle(rows, height):
    return [(row, column) for row in range(rows) for column in range(height * (row + 1))]


@pytest.mark.parametrize("height", [1, 2])
def test_positions_below_the_diagonal(height):
    expected = triangle(30, height)
    assert [tile_position(k, True, 0, height) for k in range(len(expected))] == expected
    first = height * LAST_ROW * (LAST_ROW + 1) // 2
    assert tile_position(first - 1, True, 0, height) == (LAST_ROW - 1, height * LAST_ROW - 1)
    assert tile_position(first, True, 0, height) == (LAST_ROW, 0)


def test_positions_in_a_rectangle():
    assert [tile_position(k, False, 7) for k in range(21)] == [divmod(k, 7) for k in range(21)]


@pytest.mark.parametrize("height", [1, 2])
def test_positions_of_many_tiles_at_once(height):
    starts = np.array([0, height * LAST_ROW * (LAST_ROW + 1) // 2 - 50])
    tiles = (starts[:, np.newaxis] + np.arange(100)).ravel()
    rows, columns = tile_position(tiles, True, 0, height)
    assert list(zip(rows, columns, strict=True)) == [tile_position(int(k), True, 0, height) for k in tiles]
    assert (np.stack(tile_position(np.arange(21), False, 7)) == np.divmod(np.arange(21), 7)).all()
