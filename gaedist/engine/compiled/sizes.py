"""Sizes that compiled code and the Python code that drives it must agree on."""

TILE = 256
"""Points on a side of a tile: 512 KiB of doubles stay in a core's second-level cache."""

HEIGHT = 2 * TILE
"""Rows of a tile of `gaussian_tiles`, which has TILE columns."""

STRIP = 64
"""Rows that are seen from a center of their own where those of a tile lie far apart."""

NEAR = 2.0**-10
"""|x − y|² below this fraction of |x|² + |y|² has lost digits to cancellation in |x|² + |y|² − 2x·y."""

BLOCK = 512
"""Points whose Hermite terms are added in one product of matrices."""

SERIES_BLOCK = 12
"""Coefficients of a `Shape.SERIES` evaluated at once; a series has a multiple of them."""

FRACTION_TERMS = 7
"""Terms 1/(1 + u) of `Shape.INVERSE` put over one denominator: as many as a Wasserstein auto-encoder has."""

FRACTION_NUMBERS = 2 * FRACTION_TERMS + 2
"""How many numbers describe such a fraction."""
