"""Which σ does a rule choose for each point?"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.mixtures.covariance import Movable
from gaedist.mixtures.diagonal import Constant, Spherical
from gaedist.numerics import Array
from gaedist.smoothing.rules import family_of, is_number
from gaedist.smoothing.smooth import SigmaSummary, Smoothing, smooth
from gaedist.version import __version__


@dataclass(frozen=True)
class Spread:
    """The σ of one direction over all points."""

    min: float
    median: float
    max: float


@dataclass(frozen=True, eq=False)
class SigmaResult:
    """The σ chosen for each point.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    covariance : str
        The family.
    shape : tuple of int
        The shape of ``array``.
    sigma : SigmaSummary
        Over all directions, and how an optimisation went.
    directions : dict of Spread
        Of each direction that the family tells apart.
    array : array
        What a file of σ holds: (n,), (n, 2) or (n, D) standard deviations, or (n, D, D) covariances.
    version : str
        Of gaedist.
    """

    n: int
    dim: int
    covariance: str
    shape: tuple[int, ...]
    sigma: SigmaSummary
    directions: dict[str, Spread]
    version: str
    array: Array = field(repr=False)


def sigma(
    codes: ArrayLike,
    *,
    sigma: str | float | ArrayLike = "mean-field",
    covariance: str | None = None,
    run: Run | None = None,
) -> SigmaResult:
    """Choose the σ of each point of a sample, as `gaedist.score` would.

    Parameters
    ----------
    codes : (n, D) array_like
        The sample.
    sigma : str, float or array_like
        The rule, one of `gaedist.smoothing.smooth.RULES`, or anything that `gaedist.score` takes.
    covariance : str, optional
        One of `gaedist.mixtures.families.FAMILIES` other than constant; by default the narrowest that fits.
    run : Run, optional
        Threads, and whom to tell how an optimisation goes.

    Raises
    ------
    GaedistError
        If ``codes`` is no non-empty, finite, real 2-D array, or the rule and the family do not fit.
    """
    if covariance is None and (isinstance(sigma, str) or is_number(sigma)):
        covariance = Spherical.name
    if family_of(sigma, covariance) == Constant.name:
        raise GaedistError(
            "a constant covariance has one σ, and none of each point. Take another covariance."
        )
    return _result(smooth(codes, sigma, covariance, run or Run()))


def _result(smoothing: Smoothing) -> SigmaResult:
    (p,) = smoothing.mixtures
    assert isinstance(p.covariance, Movable)  # the only one that is not is constant
    array = p.covariance.stored()
    return SigmaResult(
        n=len(p.centers),
        dim=p.dim,
        covariance=p.covariance.name,
        shape=array.shape,
        sigma=smoothing.summary,
        directions={
            name: Spread(float(s.min()), float(np.median(s)), float(s.max()))
            for name, s in p.covariance.directions().items()
        },
        version=__version__,
        array=array,
    )
