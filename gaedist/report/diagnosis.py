"""A diagnosis as rows of a table, one for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gaedist.api.diagnose import DiagnoseResult
from gaedist.api.posterior import PosteriorReport
from gaedist.api.priors import worded
from gaedist.diagnostics.base import Place
from gaedist.diagnostics.panel import CheckResult
from gaedist.mixtures.prior import PriorSummary
from gaedist.report.numbers import number

_ROUNDING = 1e-12  # of means, correlations and nats
_LOADINGS = 3  # of a direction


@dataclass(frozen=True)
class CheckRow:
    """A check of one file.

    Attributes
    ----------
    n, dim, alpha, version, prior
        As in `DiagnoseResult`.
    check, statistic, p_value, p_adjusted, found, effect, quantity, follows_from, note
        As in `CheckResult`, where ``check`` is its name.
    details, where : str
        The same in words.
    paragraph : str
        That of the file, for the table.
    """

    n: int
    dim: int
    alpha: float
    check: str
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    found: bool | None
    effect: float | None
    quantity: str | None
    where: str
    details: str
    follows_from: str | None
    note: str | None
    version: str
    prior: PriorSummary | None
    posterior: PosteriorReport | None
    paragraph: str


def check_rows(result: DiagnoseResult) -> list[CheckRow]:
    """Return a row for each check."""
    return [_row(result, check) for check in result.checks]


def _row(result: DiagnoseResult, check: CheckResult) -> CheckRow:
    return CheckRow(
        n=result.n,
        dim=result.dim,
        alpha=result.alpha,
        check=check.name,
        statistic=check.statistic,
        p_value=check.p_value,
        p_adjusted=check.p_adjusted,
        found=check.found,
        effect=check.effect,
        quantity=check.quantity,
        where="; ".join(map(place_text, check.where)),
        details=details_text(check.details),
        follows_from=check.follows_from,
        note=check.note,
        version=result.version,
        prior=result.prior,
        posterior=result.posterior,
        paragraph=f"{result.verdict}\n\n{worded(kl_sentence(result), result.prior)}",
    )


def rounded(value: float | None) -> str:
    """Write a number to four digits; 0 for what is only rounding."""
    return number(0.0 if value is not None and abs(value) < _ROUNDING else value)


def place_text(place: Place) -> str:
    """Write where, and how much."""
    names = " ".join(map(str, place.indices))
    if place.loadings:
        largest = list(zip(place.indices, place.loadings, strict=True))[:_LOADINGS]
        names = " ".join(f"{loading:+.2f}·{axis}" for axis, loading in largest)
    return f"{place.kind} {names}: {rounded(place.effect)}"


def details_text(details: Mapping[str, float]) -> str:
    """Write names and numbers."""
    return "; ".join(f"{name} {rounded(value)}" for name, value in details.items())


def kl_sentence(result: DiagnoseResult) -> str:
    """Return where the KL divergence comes from."""
    kl = result.kl
    if kl.infinite:
        along = f"{kl.flat_directions} direction{'s' if kl.flat_directions > 1 else ''}"
        where = ", ".join(place_text(place).rpartition(":")[0] for place in kl.flat)
        named = f" ({where})" if where else ""
        return (
            f"KL of the Gaussian fit from N(0, I): infinite, as the codes do not vary along {along}{named}."
        )
    most = [place for place in kl.axes[:3] if place.effect >= _ROUNDING]
    axes = ", ".join(f"{place.indices[0]} ({rounded(place.effect)})" for place in most)
    return (
        f"KL of the Gaussian fit from N(0, I): {rounded(kl.total)} nats, {rounded(kl.mean)} of them from "
        f"the mean, {rounded(kl.scales)} from scales and {rounded(kl.correlations)} from correlations; "
        f"samples of N(0, I) have {rounded(kl.null_mean)}." + (f" Axes with most: {axes}." if axes else "")
    )
