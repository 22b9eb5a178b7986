"""The rows of gaedist.metrics.registry, made of what there was before it. To be deleted when it lands."""

from types import SimpleNamespace

from gaedist.api.compare import METRICS as COMPARE_METRICS
from gaedist.api.score import METRICS as SCORE_METRICS

EXACT = dict.fromkeys(("gaussian", "kl", "cramer-wold-approx", "mardia-skewness", "mardia-kurtosis"))
NULLS = {
    "henze-zirkler": "log-normal",
    "sliced-wasserstein": "gamma, exact mean",
    "sliced-epps-pulley": "gamma, exact mean and sd",
    **dict.fromkeys(EXACT, "gamma, exact moments"),
}
METRICS = {
    name: SimpleNamespace(
        name=name,
        summary=row.about,
        detects=row.detects,
        parameters=row.takes,
        null=NULLS.get(name, "limit distribution, exact mean and sd"),
        one_sample=True,
        two_sample=name in COMPARE_METRICS or None,
    )
    for name, row in SCORE_METRICS.items()
}
