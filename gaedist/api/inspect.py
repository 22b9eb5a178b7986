"""`gaedist.inspect`: the arrays of a file, their first two moments, and what is wrong with them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gaedist.api.drawable import Drawable
from gaedist.api.notes import counts_of_rows, notes_given
from gaedist.api.posterior import PosteriorReport
from gaedist.errors import MAX_MESSAGE, GaedistError, one_line
from gaedist.files.arrays import (
    MOST_DESCRIBED,
    Rows,
    described,
    find_array,
    open_arrays,
    read_points,
    split_name,
)
from gaedist.files.codes import arranged
from gaedist.files.finite_rows import nonfinite_rows, without_rows
from gaedist.files.layouts import ShapeError
from gaedist.files.names import matching
from gaedist.files.posteriors import find_means, read_widths
from gaedist.files.samples import stands_for_several
from gaedist.files.selection import Selection
from gaedist.files.stored_array import StoredArray, dtype_text, shape_fault
from gaedist.files.transposed import MATLAB_NOTE
from gaedist.files.widths import WidthName, Widths, posteriors_in, width_name
from gaedist.numerics import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROUNDING = 1e-24
"""Codes whose variance is below this part of their mean square are constant but for rounding."""


@dataclass(frozen=True)
class ArrayReport(Drawable):
    """One array of a file. The moments are None if the array cannot hold latent codes.

    ``plot`` draws the standard deviations, |x|²/D and |mean| beside those of N(0, I).

    Attributes
    ----------
    dataset : str, optional
        Name of the array in the file; None for an .npy file.
    shape : tuple of int
        Shape of the array.
    dtype : str, optional
        Type of its elements.
    problem : str, optional
        Why it cannot be used as latent codes, or which rows are not finite.
    mean_norm : float, optional
        Euclidean norm of the mean; 0 for N(0, I).
    sd_min, sd_max : float, optional
        Smallest and largest standard deviation of an axis; 1 for N(0, I).
    norm : float, optional
        Mean of |x|²/D; 1 for N(0, I).
    scale : float, optional
        Factor by which to multiply the codes so that the mean variance of the axes is 1; None if the codes do
        not vary.
    distinct : int, optional
        Number of distinct rows; p-values hold for points that are not copies.
    notes : tuple of str
        What a user of these codes should know; one sentence each.
    posterior : PosteriorReport, optional
        The codes are the means of a VAE's posteriors: their KL divergence from N(0, I), and its split.
    """

    dataset: str | None
    shape: tuple[int, ...]
    dtype: str | None
    problem: str | None
    mean_norm: float | None = None
    sd_min: float | None = None
    sd_max: float | None = None
    norm: float | None = None
    scale: float | None = None
    distinct: int | None = None
    notes: tuple[str, ...] = ()
    posterior: PosteriorReport | None = None

    def _draw(self, ax: Axes) -> None:
        from gaedist.plots.arrays import Summary, panel

        name = self.dataset or "array"
        panel(ax, Summary(name, self.sd_min, self.sd_max, self.norm, self.mean_norm))


def inspect(
    name: str | os.PathLike[str],
    *,
    dataset: str | None = None,
    logvar: str | None = None,
    sd: str | None = None,
    selection: Selection | None = None,
) -> list[ArrayReport]:
    """Describe every array of a file, or some of them.

    Parameters
    ----------
    name : str or path
        Path of the file, or ``path::dataset`` for one of its arrays; the name may be a pattern of `fnmatch`.
    dataset : str, optional
        Name or pattern of the arrays to describe, where ``name`` has none.
    selection : Selection, optional
        Names of several, and the layout by which arrays become points; nothing else of it is used.

    Returns
    -------
    list of ArrayReport
        One for each array, with the moments of its finite rows; variances have divisor n.

    Raises
    ------
    GaedistError
        If the file cannot be read, or has no such array.
    """
    path, named = split_name(os.fspath(name))
    selection = selection or Selection()
    wanted = (named,) if named else (dataset,) if dataset else selection.datasets
    with open_arrays(path) as arrays:
        if not wanted:
            chosen = described(arrays)
        elif stands_for_several(wanted):
            chosen = [array.described() for _, array in matching(arrays, wanted)]
        else:
            chosen = [find_array(arrays, wanted[0])]
        width = width_name(logvar, sd) or selection.width
        if width and not stands_for_several(wanted):
            pairs = [(find_means(arrays, wanted[0] if wanted else None, width), width)]
        else:
            known = chosen if len(arrays) > MOST_DESCRIBED else described(arrays)
            found = posteriors_in(known)
            pairs = [(means, WidthName(kind, f"::{widths.name}")) for means, kind, widths in found]
        readers = {
            means.name: partial(read_widths, arrays, path, width, means, transpose=False)
            for means, width in pairs
        }
        return [_report(array, selection, readers.get(array.name)) for array in chosen]


def _shape_problem(shape: tuple[int, ...]) -> str | None:
    """Return why an array cannot be used as it is, or None."""
    return str(ShapeError("", shape)).removesuffix(".") if len(shape) > 2 else shape_fault(shape)


def _report(
    array: StoredArray, selection: Selection, widths_of: Callable[[Rows], Widths] | None
) -> ArrayReport:
    dtype = None if array.dtype is None else dtype_text(array.dtype)
    problem = array.fault or (_shape_problem(array.shape) if selection.layout is None else None)
    if problem:
        return ArrayReport(array.name, array.shape, dtype, one_line(problem, MAX_MESSAGE))
    try:
        _, arrangement = arranged(array, selection)
        codes = read_points(array, range(array.shape[0]), arrangement, (selection.seed, selection.draw))
    except GaedistError as error:
        return ArrayReport(array.name, array.shape, dtype, str(error).rstrip("."))
    bad = nonfinite_rows(codes)
    if len(bad):
        problem = f"{len(bad)} of {len(codes)} rows are not finite, first row {bad[0]}"
        codes = without_rows(codes, bad)
    if len(codes) == 0:
        return ArrayReport(array.name, array.shape, dtype, problem)
    posterior = _posterior(codes, widths_of(range(array.shape[0])).without(bad)) if widths_of else None
    n, dim = codes.shape
    counts = counts_of_rows(codes)
    notes = (*notes_given(codes, counts), *([MATLAB_NOTE] if array.is_transposed else []))
    norm = float(np.einsum("ij,ij->", codes, codes)) / (n * dim)
    mean = codes.mean(axis=0)
    codes -= mean
    variances = np.einsum("ij,ij->j", codes, codes) / n
    note = posterior.note if posterior and posterior.mutual_information is None else None
    return ArrayReport(
        dataset=array.name,
        shape=array.shape,
        dtype=dtype,
        problem=problem,
        mean_norm=float(np.linalg.norm(mean)),
        sd_min=math.sqrt(variances.min()),
        sd_max=math.sqrt(variances.max()),
        norm=norm,
        scale=1 / math.sqrt(variances.mean()) if variances.mean() > _ROUNDING * norm else None,
        distinct=len(counts),
        notes=(*notes, *([note] if note else [])),
        posterior=posterior,
    )


def _posterior(means: Array, widths: Widths) -> PosteriorReport | None:
    """Describe the posteriors with these means that have usable widths."""
    unusable = np.flatnonzero(np.broadcast_to(widths.unusable, means.shape).any(axis=1))
    if len(unusable) == len(means):
        return None
    kept = np.delete(means, unusable, axis=0) if len(unusable) else means
    return PosteriorReport.of(None, kept, widths.without(unusable), 0)
