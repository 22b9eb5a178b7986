"""Sizes that compiled code and the Python code that drives it share."""

TILE = 256
"""Points on a side of a tile: 512 KiB of doubles stay in a core's second-level cache."""

BLOCK = 512
"""Points whose Hermite terms are added in one product of matrices."""
