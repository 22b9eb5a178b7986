"""The registry of metrics, over which the command line, the docs, the tests and the benchmarks iterate."""

from gaedist.metrics import (
    bhep,
    cramer_wold,
    energy,
    gaussian,
    henze_zirkler,
    kl,
    mardia,
    mmd,
    sliced_epps_pulley,
    sliced_wasserstein,
)
from gaedist.metrics.base import Metric


def _by_name(*rows: Metric) -> dict[str, Metric]:
    return {row.name: row for row in rows}


ONE_SAMPLE = _by_name(
    gaussian.METRIC,
    bhep.METRIC,
    henze_zirkler.METRIC,
    kl.METRIC,
    mmd.METRIC,
    sliced_wasserstein.METRIC,
    cramer_wold.METRIC,
    cramer_wold.APPROXIMATE,
    sliced_epps_pulley.METRIC,
    energy.METRIC,
    mardia.SKEWNESS,
    mardia.KURTOSIS,
)
"""Name → what `gaedist.score` can measure."""

TWO_SAMPLE = _by_name(
    gaussian.METRIC,
    mmd.METRIC,
    cramer_wold.METRIC,
    cramer_wold.APPROXIMATE,
    sliced_wasserstein.METRIC,
    energy.METRIC,
)
"""Name → what `gaedist.compare` can measure."""

METRICS = ONE_SAMPLE | TWO_SAMPLE
"""Name → every metric."""
