"""The tables of bench/README.md that no benchmark measures: p-values of samples, and σ of each point.

To write them anew, in tests/: python -m bench.tables
"""

import math
from pathlib import Path

import numpy as np
from markdown_tables import header, rewritten, row
from samples import SAMPLES, sample

import gaedist
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.report.numbers import null_spread, p_or_bound, p_text, score_value, sizes

README = Path(__file__).with_name("README.md")
DATA = Path(__file__).parents[2] / "data"

POINTS = 1000  # of each sample
SETTINGS = [
    {"target": "smoothed"},
    {"target": "smoothed", "sigma": "median"},
    {"target": "smoothed", "sigma": "silverman"},
]
"""What is compared with the defaults."""

NULL = "closed-form"  # whether auto simulates depends on the machine


def verdicts():
    """Yield a table of the verdicts on seven samples."""
    yield from header(
        *(
            "D",
            "sample",
            "d²",
            "N(0, I) gives",
            "z",
            "p",
            "p at σ = √D",
            "verdict",
            "smoothed",
            "… median",
            "… silverman",
            "diagnose finds",
        )
    )
    for dim in (2, 8, 64):
        for name in SAMPLES:
            x = sample(name, POINTS, dim)
            result, *others = (gaedist.score(x, null=NULL, **setting) for setting in ({}, *SETTINGS))
            cells = [
                score_value(result),
                null_spread(result),
                f"{result.z:+.1f}",
                p_or_bound(result),
                p_text(result.companion.p_value),
                result.verdict,
            ]
            found = ", ".join(gaedist.diagnose(x).found) or "nothing"
            yield row(dim, name, *cells, *map(p_or_z, others), found)


def p_or_z(result):
    """Return the p-value as text; if there is none, what bounds it, or z."""
    if result is None:
        return "no value"
    if result.p_value is not None:
        return p_text(result.p_value)
    if result.p_bound is not None:
        return f"≤ {result.p_bound:.2g}"
    return f"– (z = {result.z:+.3g})"


DIGITS = {8: "digits_pca.npy", 64: "digits_pca60.npy"}


def p_values(dim):
    """Yield a table of the p-values of all metrics for the digits and for seven samples."""
    yield from header("metric", "digits", *SAMPLES)
    codes = [np.load(DATA / DIGITS[dim]), *(sample(name, POINTS, dim) for name in SAMPLES)]
    columns = [{r.metric: r for r in of_all_metrics(x)} for x in codes]
    for metric in dict.fromkeys(name for column in columns for name in column):
        yield row(metric, *(p_or_z(column.get(metric)) for column in columns))


def of_all_metrics(x):
    """Score by all metrics that have a value for these codes."""
    return gaedist.scores(x, metric="all", null=NULL, on_error=lambda *reason: None)


PER_POINT = {
    "σ in eight dimensions": (
        "digits_pca.h5::test",
        [
            ("constant", "1"),
            ("constant", "optimize"),
            ("spherical", "mean-field"),
            ("spherical", "mean-field-approx"),
            ("spherical", "optimize"),
            *((family, s) for family in ("radial", "diagonal", "full") for s in ("mean-field", "optimize")),
        ],
    ),
    "σ in sixty dimensions": (
        "digits_pca60.npy",
        [("constant", "1"), *((family, "mean-field") for family in ("spherical", "radial", "diagonal"))],
    ),
}
"""Table → file, and families with rules."""

ROWS = 200  # of each file


def per_point(name):
    """Yield a table of scores with a σ for each point."""
    file, choices = PER_POINT[name]
    codes = read_latents(str(DATA / file), Selection(rows=(None, ROWS))).codes
    yield from header("covariance", "`--sigma`", "σ", "1 − d²", "evaluations")
    for family, rule in choices:
        found = gaedist.score(codes, sigma=float(rule) if rule == "1" else rule, covariance=family)
        overlap = f"{-math.expm1(found.log_value):.4g}"
        yield row(family, rule, sizes(found.sigma), overlap, found.sigma.evaluations or "–")


VERDICTS, P_VALUES = (
    "seven samples",
    {8: "metrics in eight dimensions", 64: "metrics in sixty-four dimensions"},
)

if __name__ == "__main__":
    tables = {VERDICTS: verdicts()}
    tables |= {name: p_values(dim) for dim, name in P_VALUES.items()}
    tables |= {name: per_point(name) for name in PER_POINT}
    README.write_text(rewritten(README.read_text(), tables))
