"""Every metric, by name. A stand-in until the metrics are rewritten: see `gaedist.metrics.base`."""

from dataclasses import dataclass
from typing import Any

from gaedist.metrics import base
from gaedist.metrics.gaussian import ROW
from gaedist.metrics.rivals import RIVALS
from gaedist.metrics.two_samples import TWO_SAMPLE as PAIRS


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A row of the registry."""

    name: str
    summary: str
    formula: str
    detects: str
    reference: str
    null: str
    parameters: tuple[str, ...] = ()
    smooths: bool = False
    one_sample: type | None = None
    two_sample: type | None = None

    @property
    def takes(self) -> tuple[str, ...]:
        """The same under its old name."""
        return self.parameters

    @property
    def about(self) -> str:
        """The same under its old name."""
        return self.summary


def _row(name: str, row: base.Metric) -> Metric:
    return Metric(
        name=name,
        summary=row.about,
        formula=f"one sample: {row.about}\ntwo samples: the same between both",
        detects=row.detects,
        reference=row.reference,
        null="gamma distribution, exact mean, sd and skewness",
        parameters=row.takes,
        smooths=name == "gaussian",
        one_sample=object,
        two_sample=object if name in PAIRS or name == "gaussian" else None,
    )


METRICS: dict[str, Any] = {name: _row(name, row) for name, row in {"gaussian": ROW, **RIVALS}.items()}
ONE_SAMPLE: dict[str, Any] = METRICS
TWO_SAMPLE: dict[str, Any] = {name: METRICS[name] for name in ("gaussian", *PAIRS)}
