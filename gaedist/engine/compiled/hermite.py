"""Sums over points of products of Hermite functions, many at once as products of matrices.

``add_terms`` is the entry point.
"""

import math
from typing import Any

import numpy as np

from gaedist.engine.compiled.jit import compiled
from gaedist.engine.compiled.sizes import BLOCK


@compiled()
def _fill_lines(z: Any, t: float, lines: Any) -> None:
    """Fill lines[k, d] with φ_k/φ_0 at coordinate d of the points z (BLOCK, D)."""
    for d in range(lines.shape[1]):
        for j in range(BLOCK):
            lines[0, d, j] = 1.0
        for k in range(1, lines.shape[0]):
            ahead, back = math.sqrt(t / k), t * math.sqrt((k - 1) / k)
            new, one, two = lines[k, d], lines[k - 1, d], lines[max(0, k - 2), d]
            for j in range(BLOCK):
                new[j] = ahead * z[j, d] * one[j] - back * two[j]


@compiled()
def _fill_products(table: Any, lines: Any, z: Any, axes: Any, t: float, double: Any, single: Any) -> None:
    """Fill (terms, BLOCK) with the products of φ_k over some axes, times the factors in the first row."""
    for j in range(BLOCK):
        square = 0.0
        for d in range(axes[0], axes[1]):
            square += z[j, d] * z[j, d]
        double[0, j] *= (1 - t * t) ** (0.25 * (axes[1] - axes[0])) * math.exp(-t / (2 * (1 + t)) * square)
        single[0, j] = double[0, j]
    for row in range(1, table.shape[1]):
        source, line = double[table[0, row]], lines[table[1, row], axes[0] + table[2, row]]
        target, rough = double[row], single[row]
        for j in range(BLOCK):
            target[j] = source[j] * line[j]
            rough[j] = target[j]


@compiled(cache=True, nogil=True)
def add_terms(
    z: Any, charges: Any, t: float, q: int, of_rows: Any, of_columns: Any, sizes: Any, starts: Any, sums: Any
) -> None:
    """Add the terms of points z (blocks × BLOCK, D), for each set of charges (S, blocks × BLOCK), to (S, M).

    Terms are ordered by the degree of their row, then row by row. of_rows and of_columns are tables of terms;
    sizes (2, p + 2) counts the rows and columns below each degree. Rows whose degrees lie between two
    consecutive ``starts`` are multiplied at once.
    """
    rows, columns, p, dim = sizes[0], sizes[1], sizes.shape[1] - 2, z.shape[1]
    a = dim - dim // 2
    most = 0
    for g in range(starts.size - 1):
        most = max(most, (rows[starts[g + 1]] - rows[starts[g]]) * columns[p + 1 - starts[g]])
    lines, spare, rough_spare = np.empty((p + 1, dim, BLOCK)), np.empty(most), np.empty(most, np.float32)
    left, right = np.empty((rows[p + 1], BLOCK)), np.empty((columns[p + 1], BLOCK))
    rough_left, rough_right = np.empty(left.shape, np.float32), np.empty(right.shape, np.float32)
    for block in range(0, z.shape[0], BLOCK):
        some = z[block : block + BLOCK]
        _fill_lines(some, t, lines)
        right[0] = 1.0
        _fill_products(of_columns, lines, some, (a, dim), t, right, rough_right)
        for s in range(charges.shape[0]):
            total, at = sums[s], 0
            for j in range(BLOCK):  # as a slice it would take as long to compile as all the rest
                left[0, j] = charges[s, block + j]
            _fill_products(of_rows, lines, some, (0, a), t, left, rough_left)
            for g in range(starts.size - 1):
                low, high = rows[starts[g]], rows[starts[g + 1]]
                fine, rest = columns[max(0, min(q, p + 1) - starts[g])], columns[p + 1 - starts[g]]
                exact = spare[: (high - low) * fine].reshape((high - low, fine))
                rough = rough_spare[: (high - low) * (rest - fine)].reshape((high - low, rest - fine))
                if fine > 0:
                    np.dot(left[low:high], right[:fine].T, exact)
                if rest > fine:
                    np.dot(rough_left[low:high], rough_right[fine:rest].T, rough)
                for i in range(starts[g], starts[g + 1]):
                    width = columns[p + 1 - i]
                    for row in range(rows[i] - low, rows[i + 1] - low):
                        for j in range(min(fine, width)):
                            total[at + j] += exact[row, j]
                        for j in range(fine, width):
                            total[at + j] += rough[row, j - fine]
                        at += width
