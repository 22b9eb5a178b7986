"""What the functions measure of a VAE's posteriors: a sample of the aggregate posterior, or it itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from gaedist.engine import Run
from gaedist.errors import GaedistError, check_choice, short_name
from gaedist.files.arrays import exists, split_name
from gaedist.files.codes import Codes, Latents, as_codes, read_latents
from gaedist.files.posteriors import read_for_means
from gaedist.files.selection import Selection
from gaedist.files.widths import WIDTHS, WidthName, Widths, as_widths
from gaedist.metrics.options import ScoreOptions
from gaedist.metrics.posterior_kl import posterior_kl
from gaedist.mixtures.prior import Prior
from gaedist.numerics import Array, Stream
from gaedist.smoothing.posterior import PosteriorSigma

SAMPLE, MIXTURE = "sample", "mixture"

POSTERIORS = {
    SAMPLE: "measure z = μ + s ε, drawn once",
    MIXTURE: "the aggregate posterior itself, not smoothed (gaussian)",
}
"""Name → what is measured of posteriors."""

NOT_POSTERIORS = (
    "--posterior mixture (posterior=) needs the widths of the posteriors. Add --logvar (logvar=) or --sd "
    "(sd=)."
)

NOT_POSTERIORS_BOTH = (
    "--posterior mixture (posterior=) needs the posteriors of both samples. Add --logvar or --sd, and "
    "--logvar-b or --sd-b if those of B have another name; or leave it out, to compare samples."
)

NONE = "none"
"""In place of the widths of the second sample: it is codes, not means."""

Width = ArrayLike | str | os.PathLike[str]
"""Log-variances or standard deviations: an array, or the name of one, in the file of the means or not."""


@dataclass(frozen=True)
class PosteriorReport:
    """Whose posteriors a result is about, and their KL divergence from N(0, I) in nats.

    Attributes
    ----------
    form : str, optional
        What was measured of them, one of `POSTERIORS`; None where they were only looked at.
    width : str
        What gives their standard deviations, one of `gaedist.files.widths.WIDTHS`.
    name : str, optional
        The name of the file and the array of these; None for an array in memory.
    seed : int
        Seed of the sample, and of the estimate of the mutual information.
    kl, mutual_information, mutual_information_se, aggregate_kl, draws, active_units
        As in `gaedist.metrics.posterior_kl.PosteriorKl`, as are those that follow.
    """

    form: str | None
    width: str
    name: str | None
    seed: int
    kl: float | None
    mutual_information: float | None
    mutual_information_se: float | None
    aggregate_kl: float | None
    draws: int
    active_units: int
    norm: float
    norm_of_means: float
    note: str | None

    @classmethod
    def of(cls, form: str | None, means: Array, widths: Widths, seed: int) -> PosteriorReport:
        """Return the report on posteriors with these means and widths."""
        return cls(form, widths.kind, widths.name, seed, **vars(posterior_kl(means, widths, seed)))

    def with_prior(self) -> PosteriorReport:
        """Return the report without what is known for the prior N(0, I) only."""
        return replace(
            self,
            kl=None,
            mutual_information=None,
            mutual_information_se=None,
            aggregate_kl=None,
            note="divergences are known from N(0, I), not from another prior.",
        )

    @property
    def is_mixture(self) -> bool:
        """The aggregate posterior itself was measured."""
        return self.form == MIXTURE


@dataclass(frozen=True, eq=False)
class Measured:
    """Codes to measure.

    Attributes
    ----------
    codes : (n, D) array of double
        The codes; for posteriors a sample z, or for their mixture the means.
    sigma : PosteriorSigma, optional
        The covariances of the mixture.
    report : PosteriorReport, optional
        About the posteriors, if the codes are their means.
    notes : tuple of str
        What a user of these posteriors should know.
    """

    codes: Array
    sigma: PosteriorSigma | None = None
    report: PosteriorReport | None = None
    notes: tuple[str, ...] = ()


def measured_codes(
    codes: Codes,
    *,
    logvar: Width | None = None,
    sd: Width | None = None,
    posterior: str = SAMPLE,
    prior: Prior | None = None,
    run: Run,
    second: bool = False,
) -> Measured:
    """Return what to measure of codes, or of posteriors with these means.

    Parameters
    ----------
    codes : (n, D) array_like, Latents or path
        The codes or the means. `Latents` may bring the widths of their posteriors.
    logvar, sd : array_like, str or path, optional
        One of them: log-variances or standard deviations of the posteriors, in the shape of the means, or
        (n,) or (D,); or the name of an array in the file of the means, or of another file.
    posterior : str
        One of `POSTERIORS`.
    prior : Prior, optional
        Another prior than N(0, I), which there cannot be for a mixture.
    run : Run
        The seed.
    second : bool
        These are the second of two samples, which has draws of its own.

    Raises
    ------
    GaedistError
        If there are no such codes or widths, both are given, or a mixture is wanted of no posteriors.
    """
    check_choice("posterior", posterior, POSTERIORS)
    x, widths = _read(codes, logvar, sd)
    if widths is None:
        return Measured(x)
    if prior and posterior == MIXTURE:
        raise GaedistError("--posterior mixture (posterior=) is compared with N(0, I) only. Leave out one.")
    report = PosteriorReport.of(posterior, x, widths, run.seed)
    notes = tuple(_notes(widths, report))
    sds = widths.sds
    if posterior == MIXTURE:
        shape = (len(x), 1 if sds.shape[1] == 1 else x.shape[1])
        return Measured(x, PosteriorSigma(np.array(np.broadcast_to(sds, shape))), report, notes)
    entropy = (run.seed, Stream.POSTERIORS, 1) if second else (run.seed, Stream.POSTERIORS)
    z = np.random.default_rng(entropy).normal(size=x.shape)
    z *= sds
    z += x
    return Measured(as_codes(z), None, report.with_prior() if prior else report, notes)


def widths_of_second(
    *,
    logvar: Width | None = None,
    sd: Width | None = None,
    logvar_b: Width | None = None,
    sd_b: Width | None = None,
) -> dict[str, Width | None]:
    """Return ``logvar`` and ``sd`` of the second sample: its own, or the name that the first one has.

    Raises
    ------
    GaedistError
        If B was given no widths, and those of A are no name that can be looked for in B's file.
    """
    own = {"logvar": logvar_b, "sd": sd_b}
    if any(value is not None for value in own.values()):
        return {k: None if isinstance(v, str) and v == NONE else v for k, v in own.items()}
    for kind, value in (("logvar", logvar), ("sd", sd)):
        if value is None:
            continue
        about = WIDTHS[kind].about
        if not isinstance(value, str):
            raise GaedistError(
                f"an array of {about} belongs to the first sample. Give {kind}_b too: an array, or '{NONE}' "
                "for codes that are no means."
            )
        if not is_of_each_file(value):
            raise GaedistError(
                f"the {about} of {short_name(value)} belong to the first sample. Give --{kind}-b "
                f"({kind}_b=) too: a file, or {NONE} for codes that are no means."
            )
    return {"logvar": logvar, "sd": sd}


def is_of_each_file(name: str) -> bool:
    """Tell whether a name is that of an array in the same file as the means, and not of another file."""
    return name.startswith("::") or not exists(split_name(name)[0])


def check_mixture(names: Sequence[str], *, smoothing_given: bool, null: str = "auto") -> None:
    """Raise `GaedistError` for options that do not go with ``posterior=MIXTURE``."""
    if list(names) != ["gaussian"]:
        raise GaedistError(
            "--posterior mixture (posterior=) is for the metric gaussian alone, not for "
            f"{', '.join(name for name in names if name != 'gaussian')}. Others need a sample: leave it out."
        )
    if smoothing_given:
        raise GaedistError(
            "--posterior mixture (posterior=) is not smoothed: leave out --sigma, --covariance, --target and "
            "--estimator."
        )
    if null == "closed-form":
        raise GaedistError(
            "--posterior mixture has no null distribution in closed form. Use --null monte-carlo (null=)."
        )


def options_of_any(options: Sequence[ScoreOptions], posterior: str) -> list[ScoreOptions]:
    """Return options that stand for those of any posteriors, for what holds whatever their widths are."""
    if posterior != MIXTURE:
        return list(options)
    return [replace(chosen, sigma=PosteriorSigma(np.full((1, 1), 0.5))) for chosen in options]


def _read(codes: Codes, logvar: Width | None, sd: Width | None) -> tuple[Array, Widths | None]:
    """Return the codes and, if they are means, the widths of the posteriors."""
    given = {kind: value for kind, value in (("logvar", logvar), ("sd", sd)) if value is not None}
    if len(given) > 1:
        raise GaedistError("both logvar and sd are given. Give one of them.")
    if not given:
        return as_codes(codes), codes.widths if isinstance(codes, Latents) else None
    ((kind, value),) = given.items()
    named = isinstance(value, str | os.PathLike)
    if isinstance(codes, str | os.PathLike):
        name = WidthName(kind, os.fspath(value)) if named else None  # type: ignore[arg-type]
        codes = read_latents(os.fspath(codes), Selection(width=name))
        if named:
            return codes.codes, codes.widths
    x = as_codes(codes)
    if named:
        return x, read_for_means(WidthName(kind, os.fspath(value)), *x.shape)  # type: ignore[arg-type]
    return x, as_widths(kind, value, *x.shape)


def _notes(widths: Widths, report: PosteriorReport) -> list[str]:
    """Return what a user of these posteriors should know."""
    notes = [report.note] if report.note and report.mutual_information is None else []
    if widths.kind == "logvar" and (widths.values > 0).all():
        notes.append(
            f"all log-variances are above 0, so that all posteriors are wider than N(0, I): are they "
            f"{WIDTHS['sd'].about}? Then use --sd (sd=)."
        )
    return notes
