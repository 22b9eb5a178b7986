"""N(c, C) as a prior: codes y = L⁻¹(x − c), C = LLᵀ, are N(0, I) where x is the prior."""

import math
from dataclasses import dataclass

import numpy as np

from gaedist.engine import limited_blas
from gaedist.errors import GaedistError
from gaedist.files.stored_array import row_blocks, shape_text
from gaedist.mixtures.covariance import check_variances
from gaedist.numerics import Array

WORST_CONDITION = 1e10
"""Largest condition number of a correlation matrix: whitening keeps six digits of the smallest variance."""

_ASYMMETRY = 1e-6  # relative to the largest element: that of a product in single precision
_INDEFINITE = 1e-10  # eigenvalues below minus this part of the largest are no rounding
_TILE = 256  # rows that are solved at once


@dataclass(frozen=True, eq=False)
class Whitening:
    """A Gaussian prior, and the map that makes it N(0, I).

    Attributes
    ----------
    mean : () or (D,) array of double
        c.
    root : (), (D,) or (D, D) array of double
        Standard deviations, or L, the lower Cholesky factor of the covariance.
    """

    mean: Array
    root: Array

    def __post_init__(self) -> None:
        """Raise `GaedistError` if mean and covariance differ in dimension."""
        if self.mean.ndim and self.root.ndim and len(self.mean) != len(self.root):
            raise GaedistError(
                f"mean has {len(self.mean)} numbers, and the covariance {len(self.root)} axes. "
                "Give both for the same dimensions."
            )

    @property
    def dim(self) -> int | None:
        """The dimension; None for one mean and one variance for any number of axes."""
        sizes = [len(array) for array in (self.mean, self.root) if array.ndim]
        return max(sizes, default=None)

    @property
    def mixes_axes(self) -> bool:
        """Whether axes of whitened codes are combinations of those of the codes."""
        return self.root.ndim == 2

    def whitened(self, x: Array, out: Array) -> None:
        """Write L⁻¹(x − c) to ``out``, which may be x; equal rows stay equal to the last bit."""
        for a, b in row_blocks(0, len(x), x.shape[1] * 8, _TILE):
            block = out[a:b]
            np.subtract(x[a:b], self.mean, out=block)
            if self.mixes_axes:
                self._solve(block)
            else:
                block /= self.root

    def _solve(self, block: Array) -> None:
        """Replace rows by L⁻¹ of them."""
        from scipy.linalg.blas import dtrsm

        lower = np.asfortranarray(self.root)
        with limited_blas(scipy=True):
            for a in range(0, len(block), _TILE):
                rows = block[a : a + _TILE]
                rows[...] = dtrsm(1.0, lower, rows.T, lower=1).T

    def coloured(self, normals: Array) -> Array:
        """Return c + Lz of standard normal numbers z, (n, D)."""
        spread = normals @ self.root.T if self.mixes_axes else normals * self.root
        return np.asarray(self.mean + spread)


def root_of(cov: Array) -> Array:
    """Return standard deviations, or the Cholesky factor of a matrix that is not diagonal.

    Parameters
    ----------
    cov : (), (D,) or (D, D) array of double
        One variance, variances, or a covariance matrix, all finite.

    Raises
    ------
    GaedistError
        If a variance is not positive, or a matrix is not symmetric, not positive definite or ill-conditioned.
    """
    if cov.ndim < 2:
        check_variances(cov)
        return np.asarray(np.sqrt(cov))
    if cov.ndim > 2 or cov.shape[0] != cov.shape[1]:
        raise GaedistError(
            f"cov must be one number, (D,) variances or a (D, D) matrix; got shape {shape_text(cov.shape)}."
        )
    _check_symmetric(cov)
    cov = (cov + cov.T) / 2
    variances = cov.diagonal()
    if np.array_equal(cov, np.diag(variances)):
        return root_of(variances)
    _check_condition(cov)
    return np.asarray(np.linalg.cholesky(cov), np.float64)


def _check_symmetric(cov: Array) -> None:
    skew = np.abs(cov - cov.T)
    i, j = np.unravel_index(int(skew.argmax()), skew.shape)
    if not skew[i, j] <= _ASYMMETRY * np.abs(cov).max():
        raise GaedistError(
            f"cov is not symmetric: its elements [{i}, {j}] and [{j}, {i}] are {cov[i, j]:g} and "
            f"{cov[j, i]:g}. Give a covariance matrix, or its diagonal as var."
        )


def _check_condition(cov: Array) -> None:
    """Raise `GaedistError` if rounding would decide what whitening gives; scales of axes do not matter."""
    variances = cov.diagonal()
    if not (variances > 0).all():
        axis = int(variances.argmin())
        raise GaedistError(
            f"cov is not positive definite: the variance of axis {axis} is {variances[axis]:g}."
        )
    check_variances(variances)
    sds = np.sqrt(variances)
    eigenvalues = np.linalg.eigvalsh(cov / sds / sds[:, np.newaxis])
    least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    if least < -_INDEFINITE * largest:
        raise GaedistError(
            "cov is not positive definite: the smallest eigenvalue of its correlation matrix is "
            f"{least:.3g}. Give a covariance matrix, or its diagonal as var."
        )
    condition = largest / least if least > 0 else math.inf
    if not condition <= WORST_CONDITION:
        raise GaedistError(
            f"cov is ill-conditioned: the condition number of its correlation matrix is {condition:.3g}, and "
            f"whitening needs at most {WORST_CONDITION:g}. Add a small multiple of I, or leave out axes that "
            "others determine."
        )
