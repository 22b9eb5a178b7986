"""`gaedist.Prior`: what codes are compared with in place of N(0, I)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaedist.errors import GaedistError, check_count
from gaedist.files.finite_rows import nonfinite_rows
from gaedist.files.stored_array import dtype_fault, shape_text
from gaedist.mixtures.covariance import check_sigma
from gaedist.mixtures.mixture_prior import MixturePrior
from gaedist.mixtures.whitening import Whitening, root_of
from gaedist.numerics import Array, Stream

GAUSSIAN, MIXTURE = "gaussian", "mixture"
"""Kinds of priors."""

SPREADS = "cov", "var", "std"
"""Names under which a Gaussian prior has its covariance."""

UNITS = {GAUSSIAN: "whitened", MIXTURE: "codes"}
"""Kind of a prior → in whose units values are."""


@dataclass(frozen=True)
class PriorSummary:
    """The prior of a result.

    Attributes
    ----------
    file : str, optional
        The file that it came from.
    kind : str
        ``gaussian``, or ``mixture`` of Gaussians.
    units : str
        In whose units σ, values and effects are: ``whitened`` codes L⁻¹(x − mean) with covariance LLᵀ, for
        a Gaussian prior; or the ``codes`` as they are.
    """

    file: str | None
    kind: str
    units: str


class Prior:
    """A Gaussian prior, or a mixture of Gaussians, in place of N(0, I).

    Give ``mean`` and one of ``cov``, ``var`` and ``std``; or ``means`` and ``covs``, and ``weights`` unless
    they are equal.

    Parameters
    ----------
    mean : float or (D,) array_like, optional
        The mean of a Gaussian prior.
    cov : float, (D,) or (D, D) array_like, optional
        Its covariance: one variance for all axes, that of each axis, or a matrix.
    var, std : float or (D,) array_like, optional
        Its variances, or standard deviations.
    weights : (K,) array_like, optional
        The weights of a mixture, positive with sum 1.
    means : (K, D) array_like, optional
        The means of its components.
    covs : float, (K,), (K, D) or (K, D, D) array_like, optional
        Their covariances: one variance, that of each component, of each of its axes, or matrices.
    file : str, optional
        The file that these come from, for results and messages.

    Attributes
    ----------
    kind : str
        ``gaussian`` or ``mixture``.
    dim : int, optional
        The dimension; None where one mean and one variance hold for any number of axes.

    Raises
    ------
    GaedistError
        If arrays are missing, do not fit each other or are not finite, variances or weights are not positive,
        weights do not sum to 1, or a matrix is not symmetric, not positive definite or ill-conditioned.
    """

    def __init__(
        self,
        mean: ArrayLike | None = None,
        *,
        cov: ArrayLike | None = None,
        var: ArrayLike | None = None,
        std: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        means: ArrayLike | None = None,
        covs: ArrayLike | None = None,
        file: str | None = None,
    ) -> None:
        """Check the arrays."""
        given = {"mean": mean, "cov": cov, "var": var, "std": std}
        given |= {"weights": weights, "means": means, "covs": covs}
        arrays = {name: _numbers(name, value) for name, value in given.items() if value is not None}
        check_names(list(arrays))
        self.file = file
        self.whitening: Whitening | None = None
        self.mixture: MixturePrior | None = None
        if "means" in arrays:
            self.mixture = MixturePrior.of(arrays.get("weights"), arrays["means"], arrays["covs"])
        else:
            self.whitening = Whitening(_vector("mean", arrays["mean"]), _root(arrays))

    def __repr__(self) -> str:
        """Return its kind, dimension and file."""
        return f"Prior(kind={self.kind!r}, dim={self.dim}, file={self.file!r})"

    @property
    def kind(self) -> str:
        """``gaussian`` or ``mixture``."""
        return MIXTURE if self.mixture else GAUSSIAN

    @property
    def dim(self) -> int | None:
        """The dimension, or None for any."""
        found = self.mixture or self.whitening
        assert found is not None
        return found.dim

    @property
    def summary(self) -> PriorSummary:
        """What results say of it."""
        return PriorSummary(self.file, self.kind, UNITS[self.kind])

    @property
    def title(self) -> str:
        """Its name in messages."""
        return self.file or "the prior"

    def check_dim(self, dim: int) -> None:
        """Raise `GaedistError` for codes of another dimension."""
        if self.dim not in (None, dim):
            raise GaedistError(
                f"{self.title} is a prior in {self.dim} dimensions, and the codes have {dim}. Give a prior "
                "for these codes; if it is one of channels, make each position a point."
            )

    def whitened(self, x: Array, *, in_place: bool = False) -> Array:
        """Return codes in which a Gaussian prior is N(0, I); raise `GaedistError` if they are too far out.

        Parameters
        ----------
        x : (n, D) array of double
            Codes.
        in_place : bool
            Write the result to x.
        """
        assert self.whitening is not None
        self.check_dim(x.shape[1])
        out = x if in_place else np.empty(x.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            self.whitening.whitened(x, out)
        if len(bad := nonfinite_rows(out)):
            raise GaedistError(
                f"row {bad[0]} is too far from the mean of {self.title}, in its standard deviations. "
                "Use a prior that fits these codes."
            )
        return out

    def sample(self, n: int, *, seed: int = 0, dim: int | None = None) -> Array:
        """Draw a sample, for `gaedist.compare`.

        Parameters
        ----------
        n : int
            Number of points.
        seed : int
            Seed.
        dim : int, optional
            The dimension, of a prior that has none of its own.

        Returns
        -------
        (n, D) array of double
            The sample.

        Raises
        ------
        GaedistError
            If n is not a positive whole number, or the dimension is not known.
        """
        count = check_count("n", n, 1)
        dim = self.dim if dim is None else check_count("dim", dim, 1)
        if dim is None:
            raise GaedistError(
                f"{self.title} is one mean and one variance for any dimension. Give dim (--dim)."
            )
        self.check_dim(dim)
        rng = np.random.default_rng((check_count("seed", seed, 0), Stream.PRIOR_SAMPLES))
        if self.mixture:
            return self.mixture.pushed(rng.normal(size=(count, dim + 1)))
        assert self.whitening is not None
        return self.whitening.coloured(rng.normal(size=(count, dim)))


def check_names(names: list[str]) -> None:
    """Raise `GaedistError` unless arrays of these names make one prior."""
    mixture, spreads = "means" in names or "covs" in names, [name for name in SPREADS if name in names]
    if mixture and ("mean" in names or spreads):
        raise GaedistError(
            f"both {'mean' if 'mean' in names else spreads[0]} and {'means' if 'means' in names else 'covs'} "
            "are given. Give a Gaussian prior or a mixture."
        )
    if mixture and not {"means", "covs"} <= set(names):
        raise GaedistError(
            f"a mixture prior needs means and covs; got {', '.join(names)}. Give weights, means, covs."
        )
    if not mixture and ("mean" not in names or len(spreads) != 1):
        raise GaedistError(
            f"a prior needs mean and one of {', '.join(SPREADS)}, or weights, means and covs of a mixture; "
            f"got {' and '.join(names) or 'none of these'}."
        )


def _numbers(name: str, value: ArrayLike) -> Array:
    """Return an array of finite real numbers; raise `GaedistError` otherwise."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise GaedistError(f"{name} is not an array: its rows differ in length.") from error
    if fault := dtype_fault(array.dtype):
        raise GaedistError(f"{name} is {fault}.")
    if array.size == 0:
        raise GaedistError(f"{name} is empty.")
    array = np.array(array, np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = f" at {', '.join(map(str, bad[0]))}" if array.ndim else ""
        raise GaedistError(f"{name} has {array[tuple(bad[0])]:g}{where}. A prior needs finite numbers.")
    return array


def _vector(name: str, array: Array) -> Array:
    """Return one number, or (D,) numbers, of which other axes have length 1, as for channels."""
    if array.ndim > 1 and array.size == max(array.shape):
        return array.ravel()
    if array.ndim > 1:
        raise GaedistError(f"{name} must be one number or (D,) numbers; got shape {shape_text(array.shape)}.")
    return array


def _root(arrays: dict[str, Array]) -> Array:
    """Return standard deviations or a Cholesky factor."""
    if "std" in arrays:
        std = _vector("std", arrays["std"])
        if not (std > 0).all():
            raise GaedistError(f"std must be positive; got {std.min():g}.")
        for value in std.ravel():
            check_sigma(float(value))
        return std
    name = "var" if "var" in arrays else "cov"
    array = arrays[name] if name == "cov" and arrays[name].ndim == 2 else _vector(name, arrays[name])
    if array.ndim < 2 and not (array > 0).all():
        raise GaedistError(f"{name} must be positive; got {array.min():g}.")
    return root_of(array)
