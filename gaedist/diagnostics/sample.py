"""A sample and its moments, computed once for all checks, in blocks and in a fixed order."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gaedist.engine import Run, in_numpy_threads, limited_blas
from gaedist.files.row_hashes import row_hashes
from gaedist.files.stored_array import row_blocks
from gaedist.numerics import Array, squared_norms

T = TypeVar("T")
U = TypeVar("U")

RAW, STANDARDISED, WHITENED = "raw", "standardised", "whitened"
"""The codes as they are; with mean 0 and standard deviation 1 on every axis; and with covariance I."""

_CHUNKS = 16  # of rows, whose Gram matrices are added in order: the same for every number of threads
_FEWEST_ROWS = 2048  # of a chunk
_PANEL = 256  # columns of a Gram matrix in more than _MOST_AXES dimensions
_MOST_AXES = 1024
_CONSTANT = 1e-12  # an axis whose sd is below this part of its root mean square is constant but for rounding
_FAINT = 1e-7  # eigenvalues of a correlation matrix below which half of its digits are too few
_COLUMN_BYTES = 1 << 23
_PRODUCT_SECONDS = 1e-10  # of a product in a Gram matrix on one thread, about
_LONG = 2.0  # seconds of work that are worth sending to a cluster


@dataclass(eq=False)
class Sample:
    """Points as one of `RAW`, `STANDARDISED` and `WHITENED`, and their moments.

    Attributes
    ----------
    x : (n, D) array
        The points.
    run : Run
        Threads and seed.
    top : int
        How many places of a finding are wanted.
    level : str
        What was done to the codes.
    axes : (D,) array of int
        The axes of the codes that those of x are, where these are axes.
    """

    x: Array
    run: Run
    top: int = 5
    level: str = RAW
    axes: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    def __post_init__(self) -> None:
        """Number the axes of raw codes."""
        if self.level == RAW:
            self.axes = np.arange(self.x.shape[1])

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.x)

    @property
    def dim(self) -> int:
        """Number of axes."""
        return int(self.x.shape[1])

    def map(self, function: Callable[[U], T], items: Iterable[U]) -> Iterator[T]:
        """Yield function(item) for each item, in order, by threads with one thread of BLAS each."""
        return in_numpy_threads(function, items, self.run)

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of rows of some megabytes."""
        return list(row_blocks(0, self.n, self.dim * 8))

    @property
    def column_blocks(self) -> list[tuple[int, int]]:
        """Ranges of columns of some megabytes, at most 64 of them."""
        width = max(1, min(64, _COLUMN_BYTES // (8 * self.n), -(-self.dim // 4)))
        return [(a, min(self.dim, a + width)) for a in range(0, self.dim, width)]

    @cached_property
    def units(self) -> Array:
        """Powers of two by which to multiply axes whose squares would leave the range of a double."""
        largest = np.maximum(self.x.max(axis=0), -self.x.min(axis=0))
        normal = ((largest > 1e-100) & (largest < 1e100)) | (largest == 0)
        return np.where(normal, 1.0, np.ldexp(1.0, -np.frexp(largest)[1].clip(-1000, 1000)))

    @cached_property
    def mean(self) -> Array:
        """The mean, (D,)."""
        parts = self.map(lambda rows: self.x[slice(*rows)].sum(axis=0), self.blocks)
        return np.asarray(sum(parts, np.zeros(self.dim)) / self.n)

    def gram(self, transform: Callable[[Array], Array]) -> Array:
        """Return YᵀY of the rows of Y = transform(rows of x), (D, D)."""
        if self.dim <= _MOST_AXES:
            size = max(_FEWEST_ROWS, -(-self.n // _CHUNKS))
            chunks = [(a, min(self.n, a + size)) for a in range(0, self.n, size)]
            return np.asarray(sum(self._parts(partial(_chunk_gram, self.x, transform), chunks)))
        panels = range(0, self.dim, _PANEL)
        lower = np.concatenate(list(self._parts(partial(_panel_gram, self.x, transform), panels)), axis=1)
        return np.asarray(np.tril(lower) + np.tril(lower, -1).T)

    def _parts(self, function: Callable[[U], Array], items: Sequence[U]) -> Iterator[Array]:
        """Yield the parts of a Gram matrix, in order, by threads, or if they take long by a cluster."""
        seconds = _PRODUCT_SECONDS * self.n * self.dim**2
        if not self.run.client or seconds < _LONG:
            yield from self.map(function, items)
            return
        some, size = partial(_in_threads, function), 8 * self.dim**2
        yield from self.run.client.map(some, items, seconds=seconds / len(items), size=size)

    @cached_property
    def _scaled_covariance(self) -> Array:
        """The covariance, with divisor n − 1, of the points times their units."""
        units, center = self.units, self.mean * self.units
        return self.gram(lambda rows: rows * units - center) / max(1, self.n - 1)

    @cached_property
    def sds(self) -> Array:
        """Standard deviations of the axes, (D,), divisor n − 1; 0 for an axis that is constant."""
        sds = np.sqrt(np.diagonal(self._scaled_covariance))
        constant = sds <= _CONSTANT * np.abs(self.mean * self.units)
        return np.asarray(np.where(constant, 0.0, sds / self.units))

    @cached_property
    def correlation(self) -> Array:
        """The correlation matrix, with 0 for constant axes."""
        scaled = self.sds * self.units
        inverse = np.divide(1.0, scaled, out=np.zeros(self.dim), where=scaled > 0)
        found = self._scaled_covariance * inverse[:, np.newaxis] * inverse
        np.fill_diagonal(found, 1.0)
        return np.asarray(np.clip(found, -1.0, 1.0))

    @cached_property
    def principal(self) -> tuple[Array, Array]:
        """Eigenvalues of the covariance, ascending, and its eigenvectors in columns."""
        covariance = self.correlation * np.outer(self.sds, self.sds)
        with limited_blas():
            values, vectors = np.linalg.eigh(covariance)
        return np.maximum(values, 0.0), vectors

    @cached_property
    def log_correlation_eigenvalues(self) -> Array:
        """Logarithms of the eigenvalues of the correlations of axes that vary; −∞ for those that are 0."""
        varies = self.sds > 0
        correlation = self.correlation[np.ix_(varies, varies)]
        with limited_blas():
            values = np.linalg.eigvalsh(correlation) if varies.any() else np.empty(0)
        if values.size and values[0] < _FAINT:
            values = self._singular_values(varies) ** 2
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.where(values > _CONSTANT**2 * max(1, self.dim), values, 0.0)))

    def _singular_values(self, varies: NDArray[np.bool_]) -> Array:
        """Return the singular values of the standardised codes over √(n − 1), with all of their digits."""
        triangle: Array = np.empty((0, int(varies.sum())))
        for a, b in self.blocks:
            rows = ((self.x[a:b] - self.mean)[:, varies]) / self.sds[varies]
            triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, rows]), mode="r"))
        found = np.linalg.svd(triangle, compute_uv=False) / math.sqrt(max(1, self.n - 1))
        return np.concatenate([found, np.zeros(int(varies.sum()) - len(found))])

    @cached_property
    def rows_by_hash(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows in an order in which equal ones are neighbours, and where each distinct kind begins."""
        hashes = row_hashes(self.x)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))

    @property
    def repeated_rows(self) -> int:
        """How many rows repeat another."""
        return self.n - len(self.rows_by_hash[1])

    @cached_property
    def radii(self) -> Array:
        """|x|² of each point, (n,)."""
        return np.concatenate(list(self.map(lambda rows: squared_norms(self.x[slice(*rows)]), self.blocks)))

    @cached_property
    def standardised(self) -> "Sample":
        """The codes with mean 0 and sd 1 on every axis that varies."""
        varies = self.sds > 0
        x = np.empty((self.n, int(varies.sum())))
        for a, b in self.blocks:
            x[a:b] = (self.x[a:b] - self.mean)[:, varies] / self.sds[varies]
        return Sample(x, self.run, self.top, STANDARDISED, np.flatnonzero(varies))

    def rescaled(self) -> "Sample":
        """Return the codes with radii of N(0, I): each |x|² is replaced by the χ²_D quantile of its rank."""
        from scipy.special import gammaincinv

        ranks = np.empty(self.n)
        ranks[np.argsort(self.radii, kind="stable")] = (np.arange(self.n) + 0.5) / self.n
        wanted = 2 * gammaincinv(self.dim / 2, ranks)
        factors = np.sqrt(np.divide(wanted, self.radii, out=np.ones(self.n), where=self.radii > 0))
        return Sample(self.x * factors[:, np.newaxis], self.run, self.top, self.level, self.axes)

    def normal_scores(self) -> "Sample":
        """Return the codes with normal axes: each number is replaced by the N(0, 1) quantile of its rank."""
        from scipy.special import ndtri

        scores = ndtri((np.arange(self.n) + 0.5) / self.n)
        x = np.empty_like(self.x)
        for j in range(self.dim):
            x[np.argsort(self.x[:, j], kind="stable"), j] = scores
        return Sample(x, self.run, self.top, STANDARDISED, self.axes)

    def head(self, numbers: int) -> "Sample":
        """Return the first rows, of at most so many numbers."""
        rows = max(1, numbers // self.dim)
        return self if rows >= self.n else Sample(self.x[:rows], self.run, self.top, self.level, self.axes)

    @cached_property
    def whitened(self) -> "Sample":
        """The codes with mean 0 and covariance I, along the principal axes of their correlations."""
        base = self.standardised
        correlation = self.correlation[np.ix_(base.axes, base.axes)]
        with limited_blas():
            values, vectors = np.linalg.eigh(correlation)
        kept = values > _FAINT * max(1.0, values[-1])
        turn = vectors[:, kept] / np.sqrt(values[kept])
        x = np.empty((self.n, int(kept.sum())))
        for a, b in self.blocks:
            x[a:b] = base.x[a:b] @ turn
        return Sample(x, self.run, self.top, WHITENED)


def _chunk_gram(x: Array, transform: Callable[[Array], Array], rows: tuple[int, int]) -> Array:
    """Return YᵀY of some rows, (D, D)."""
    dim = x.shape[1]
    found = np.zeros((dim, dim))
    for a, b in row_blocks(*rows, dim * 8):
        y = transform(x[a:b])
        found += y.T @ y
    return found


def _panel_gram(x: Array, transform: Callable[[Array], Array], start: int) -> Array:
    """Return some columns of YᵀY, from the diagonal down."""
    n, dim = x.shape
    found = np.zeros((dim, min(_PANEL, dim - start)))
    for a, b in row_blocks(0, n, dim * 8):
        y = transform(x[a:b])
        found[start:] += y[:, start:].T @ y[:, start : start + _PANEL]
    return found


def _in_threads(function: Callable[[U], Array], items: Sequence[U], threads: int) -> Iterator[Array]:
    """Yield function(item) for each item, computed by threads of a worker."""
    return in_numpy_threads(function, items, Run(threads=threads))
