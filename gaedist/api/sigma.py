"""`gaedist.sigma`: the σ that a rule chooses for each point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gaedist.api.drawable import Drawable
from gaedist.api.notes import notes_on
from gaedist.api.priors import PriorLike, gaussian_prior, in_its_units
from gaedist.engine import Run
from gaedist.errors import GaedistError
from gaedist.files.codes import Codes, as_codes
from gaedist.mixtures.covariance import PerPointCovariance
from gaedist.mixtures.diagonal import Constant, Spherical
from gaedist.mixtures.prior import PriorSummary
from gaedist.numerics import Array
from gaedist.smoothing.profile import SigmaProfile, sigma_profile
from gaedist.smoothing.rules import Sigma, family_of, is_number
from gaedist.smoothing.smooth import SigmaSummary, Smoothing, smooth
from gaedist.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest σ over all points, in one direction.

    Attributes
    ----------
    min, median, max : float
        Standard deviations, in units of the codes.
    """

    min: float
    median: float
    max: float


@dataclass(frozen=True, eq=False)
class SigmaResult(Drawable):
    """The σ chosen for each point. All σ are standard deviations in units of the codes.

    ``plot`` draws σ of each point against its radius, with the mean field.

    Attributes
    ----------
    n, dim : int
        Size and dimension of the sample.
    covariance : str
        The covariance family.
    shape : tuple of int
        Shape of ``array``.
    sigma : SigmaSummary
        σ over all points and directions, and how an optimisation went.
    directions : dict of str to Spread
        σ in each direction that the family distinguishes.
    notes : tuple of str
        What a user of these codes should know, such as that rows repeat; one sentence each.
    version : str
        Version of gaedist.
    array : array
        The content of a file of σ: standard deviations, (n,) for spherical, (n, 2) for radial and (n, D) for
        diagonal covariances; or (n, D, D) covariance matrices.
    profile : SigmaProfile
        What a picture shows.
    prior : PriorSummary, optional
        The prior in place of N(0, I), in whose units σ are.
    """

    n: int
    dim: int
    covariance: str
    shape: tuple[int, ...]
    sigma: SigmaSummary
    directions: dict[str, Spread]
    notes: tuple[str, ...]
    version: str
    array: Array = field(repr=False)
    profile: SigmaProfile = field(repr=False, compare=False)
    prior: PriorSummary | None = None

    @property
    def described(self) -> str:
        """The rule and the covariance family."""
        return f"{self.sigma.rule}, {self.covariance}"

    def _draw(self, ax: Axes) -> None:
        from gaedist.plots.sigma import against_radius

        against_radius(ax, self.profile, self.described)


def sigma(
    codes: Codes,
    *,
    sigma: Sigma = "mean-field",
    covariance: str | None = None,
    prior: PriorLike | None = None,
    run: Run | None = None,
) -> SigmaResult:
    """Choose σ for each point of a sample, as `gaedist.score` would.

    Parameters
    ----------
    codes : (n, D) array_like, Latents or path
        The sample, or the name of a file of codes as on the command line.
    sigma : str, float or array_like
        A rule, one of `gaedist.smoothing.rules.RULES`, or anything else that `gaedist.score` accepts.
    covariance : str, optional
        Covariance family, one of `gaedist.mixtures.families.FAMILIES` other than constant; by default the
        narrowest that fits.
    prior : Prior or path, optional
        A Gaussian prior in place of N(0, I), by which codes are whitened; σ are in its units, for a score
        with the same prior.
    run : Run, optional
        Threads and seed, and how the progress of an optimisation is reported.

    Returns
    -------
    SigmaResult
        The σ of each point, and a summary of them.

    Raises
    ------
    GaedistError
        If ``codes`` is not a non-empty 2-D array of finite real numbers, or the rule and the family do not
        go together.
    """
    if covariance is None and (isinstance(sigma, str) or is_number(sigma)):
        covariance = Spherical.name
    if family_of(sigma, covariance) == Constant.name:
        raise GaedistError(
            "a constant covariance has one σ for all points, not one for each. Use another covariance."
        )
    given, x = gaussian_prior(prior, "sigma"), as_codes(codes)
    notes = notes_on(x)
    x = in_its_units(given, x, codes)
    return _result(smooth(x, sigma, covariance, run or Run()), notes, given.summary if given else None)


def _result(smoothing: Smoothing, notes: tuple[str, ...], prior: PriorSummary | None) -> SigmaResult:
    (p,) = smoothing.mixtures
    assert isinstance(p.covariance, PerPointCovariance)  # all families but constant, which is refused above
    array = p.covariance.stored()
    return SigmaResult(
        n=len(p.centers),
        dim=p.dim,
        covariance=p.covariance.name,
        shape=array.shape,
        sigma=smoothing.summary,
        directions={
            name: Spread(float(s.min()), float(np.median(s)), float(s.max()))
            for name, s in p.covariance.sigmas_by_direction().items()
        },
        notes=notes,
        version=__version__,
        array=array,
        prior=prior,
        profile=sigma_profile(p),
    )
