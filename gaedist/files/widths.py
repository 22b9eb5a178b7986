"""How wide a VAE's posteriors are: log-variances or standard deviations, and the names that files give them.

The encoder of a VAE gives a posterior N(μ_i, diag s_i²) for each input. `WIDTHS` is the registry of how s is
written, and `MEANS` and its names tell which arrays of a file belong together.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gaedist.errors import GaedistError, short_name
from gaedist.files.stored_array import StoredArray, dtype_fault, shape_text
from gaedist.numerics import Array

MEANS = frozenset({"mu", "mus", "mean", "means", "loc", "zmu", "muz", "zmean", "meanz", "zloc", "qzm"})
"""Names of the means in files, in lower case and without separators."""

_LARGEST = 1e150  # the square of a larger standard deviation may overflow in a sum


@dataclass(frozen=True)
class Width:
    """A way to write the standard deviations s of posteriors.

    Attributes
    ----------
    about : str
        What the numbers are, in the plural.
    names : frozenset of str
        Their names in files, in lower case and without separators.
    sds, log_variances : callable
        From the numbers to s, and to log s².
    fault : callable
        From the numbers to a mask of those that cannot be meant.
    remedy : str
        What is wrong with those, and what to do.
    """

    about: str
    names: frozenset[str]
    sds: Callable[[Array], Array]
    log_variances: Callable[[Array], Array]
    fault: Callable[[Array], Array]
    remedy: str


def _halved_exponentials(values: Array) -> Array:
    return np.exp(0.5 * values)


def _twice_logs(values: Array) -> Array:
    return 2 * np.log(values)


def _unchanged(values: Array) -> Array:
    return values


def _none(values: Array) -> Array:
    return np.zeros(values.shape, bool)


def _negative(values: Array) -> Array:
    return np.asarray(values < 0)


WIDTHS = {
    "logvar": Width(
        about="log-variances",
        names=frozenset(
            {"logvar", "logvars", "logvariance", "logvariances", "logsigma2", "zlogvar", "logvarz", "lnvar"}
        ),
        sds=_halved_exponentials,
        log_variances=_unchanged,
        fault=_none,
        remedy="",
    ),
    "sd": Width(
        about="standard deviations",
        names=frozenset({"sd", "sds", "std", "stds", "stddev", "sigma", "sigmas", "scale", "zstd", "zsigma"}),
        sds=_unchanged,
        log_variances=_twice_logs,
        fault=_negative,
        remedy="A standard deviation is 0 or more. Are these log-variances? Use --logvar (logvar=).",
    ),
}
"""Option → how it writes the standard deviations."""


@dataclass(frozen=True)
class WidthName:
    """Which array of a file holds the widths of the posteriors.

    Attributes
    ----------
    kind : str
        One of `WIDTHS`.
    name : str
        An array of the file of the means, with or without ``::`` before it, or another file.
    hint : str
        What else a user can do where there is no such array.
    """

    kind: str
    name: str
    hint: str = ""

    @property
    def option(self) -> str:
        """How a message names the option."""
        return f"--{self.kind} {short_name(self.name)}"


def width_name(logvar: str | None, sd: str | None, end: str = "") -> WidthName | None:
    """Return which array holds the widths of posteriors, given ``--logvar`` or ``--sd``, or None."""
    if logvar is not None and sd is not None:
        raise GaedistError(f"both --logvar{end} and --sd{end} are given. Give one of them.")
    if logvar is not None:
        return WidthName("logvar", logvar)
    return None if sd is None else WidthName("sd", sd)


@dataclass(frozen=True, eq=False)
class Widths:
    """The widths of n posteriors in D dimensions.

    Attributes
    ----------
    kind : str
        One of `WIDTHS`.
    name : str, optional
        ``file::dataset`` from which they were read; None for an array in memory.
    values : (n, D), (n, 1) or (1, D) array of double
        The numbers as given.
    """

    kind: str
    name: str | None
    values: Array

    @property
    def sds(self) -> Array:
        """The standard deviations s, in the shape of the values."""
        return WIDTHS[self.kind].sds(self.values)

    @property
    def log_variances(self) -> Array:
        """The numbers log s², in the shape of the values; −∞ where s is 0."""
        with np.errstate(divide="ignore"):
            return WIDTHS[self.kind].log_variances(self.values)

    @property
    def unusable(self) -> Array:
        """A mask of the values that are NaN, or whose s is infinite or too large to be squared."""
        with np.errstate(over="ignore"):
            return np.asarray(~(np.abs(self.sds) < _LARGEST))

    def without(self, bad: NDArray[np.intp]) -> "Widths":
        """Return the widths of all points but some."""
        if len(self.values) == 1:  # the same for each point
            return self
        return replace(self, values=np.delete(self.values, bad, axis=0))


def arrangement(shape: tuple[int, ...], n: int, dim: int, title: str) -> tuple[int, int]:
    """Return rows and columns, (n, D), (n, 1), (1, D) or (1, 1), of the widths of n posteriors.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array that holds them.
    n, dim : int
        Number and dimension of the means.
    title : str
        What a message calls the array.

    Raises
    ------
    GaedistError
        If the shape fits no arrangement, or two of them.
    """
    if not fits(shape, n, dim):
        raise GaedistError(
            f"{title} has the shape {shape_text(shape)}, and the means are {n} × {dim}. It must have the "
            f"same shape, or {n} numbers, one per point, or {dim}, one per axis."
        )
    if shape == (n,) == (dim,) and n > 1:
        raise GaedistError(
            f"{title} has {n} numbers, which may be one per point or one per axis. Save it as {n} × 1 for "
            f"points, or 1 × {dim} for axes."
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    return (n, 1) if shape == (n,) else (1, math.prod(shape))


def fits(shape: tuple[int, ...], n: int, dim: int) -> bool:
    """Tell whether an array of this shape can hold the widths of n posteriors in D dimensions."""
    return shape in ((n, dim), (n,), (n, 1), (dim,), (1, dim), (), (1,), (1, 1))


def check_widths(widths: Widths, title: str, rows: range | NDArray[np.intp] | None = None) -> None:
    """Raise `GaedistError` for numbers that cannot be meant, such as negative standard deviations.

    ``rows`` are the rows of the file that they are, where they are not all of it.
    """
    row = WIDTHS[widths.kind]
    bad = row.fault(widths.values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        where = f"row {i if rows is None else rows[i]}, column {j}"
        raise GaedistError(f"{title} has {widths.values[i, j]:g} in {where}. {row.remedy}")


def as_widths(kind: str, given: object, n: int, dim: int) -> Widths:
    """Return the widths of n posteriors from an array in memory; raise `GaedistError` if it is none."""
    if np.ma.is_masked(given):
        raise GaedistError(f"{kind} has masked elements. Fill them.")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise GaedistError(f"{kind} is not an array: its rows differ in length.") from error
    if fault := dtype_fault(array.dtype):
        raise GaedistError(f"{kind} is {fault}.")
    values = array.astype(np.float64, copy=False).reshape(arrangement(array.shape, n, dim, kind))
    widths = Widths(kind, None, values)
    check_widths(widths, kind)
    bad = widths.unusable
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise GaedistError(
            f"{kind} has {values[i, j]:g} in row {i}, column {j}; {int(bad.any(axis=1).sum())} of "
            f"{len(values)} rows cannot be used. Leave them out of the means too."
        )
    return widths


def plain_name(name: str | None) -> str:
    """Return the last part of a name in lower case, without separators."""
    last = (name or "").strip("/").rpartition("/")[2].lower()
    return "".join(c for c in last if c not in "_-. ")


def group_of(name: str | None) -> str:
    """Return the group of an HDF5 file that an array is in."""
    return (name or "").strip("/").rpartition("/")[0]


def posteriors_in(arrays: Iterable[StoredArray]) -> Iterator[tuple[StoredArray, str, StoredArray]]:
    """Yield the means, the kind and the array of the widths of each posterior that a file seems to hold."""
    found: Sequence[StoredArray] = [array for array in arrays if array.name and not array.fault]
    for means in found:
        if len(means.shape) != 2 or plain_name(means.name) not in MEANS:
            continue
        for array in found:
            kinds = [kind for kind, width in WIDTHS.items() if plain_name(array.name) in width.names]
            near = array is not means and not array.is_sigma and group_of(array.name) == group_of(means.name)
            if kinds and near and array.shape and fits(array.shape, *means.shape):
                yield means, kinds[0], array
                break


def posterior_advice(arrays: Iterable[StoredArray]) -> str | None:
    """Return both ways to read a file that seems to hold a posterior, or None if it does not."""
    for means, kind, widths in posteriors_in(arrays):
        mu, name = short_name(str(means.name)), short_name(str(widths.name))
        return (
            f"{mu} and {name} look like the means and {WIDTHS[kind].about} of a VAE's posterior. Give "
            f"--{kind} {name} for the posterior, or PATH::{mu} for the means alone, no sample of it."
        )
    return None
