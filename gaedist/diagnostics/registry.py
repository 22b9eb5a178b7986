"""The registry of checks, over which the command line, the docs, the tests and the benchmarks iterate."""

from gaedist.diagnostics import (
    dependence,
    directions,
    location,
    marginals,
    order,
    points,
    radius,
    scale,
    squares,
)

CHECKS = {
    row.name: row
    for row in (
        location.CHECK,
        scale.CHECK,
        dependence.CHECK,
        squares.CHECK,
        radius.CHECK,
        marginals.CHECK,
        directions.CHECK,
        points.CHECK,
        order.CHECK,
    )
}
"""Name → check."""
