"""`evaluate` gives each request the totals and values of its own jobs, also where jobs share passes."""

from dataclasses import dataclass

import numpy as np

from gaedist.engine import PairSum, Run, Slices, evaluate, log_pair_sums, random_directions
from gaedist.engine.compiled.integrands import Gaussian
from gaedist.engine.directions import slice_values

X, Y = (np.random.default_rng(seed).normal(size=(50, 3)) for seed in (0, 1))
DIRECTIONS = random_directions(3, 7, 0)


@dataclass(frozen=True)
class Quantile:
    place: int

    def of_sorted(self, rows):
        return rows[:, self.place]


@dataclass(frozen=True)
class Both:
    """A request that returns what it receives."""

    pairs: tuple = ()
    slices: tuple = ()

    def finish(self, totals, values):
        return [total.log for total in totals], [list(value) for value in values]


def job(x, rate):
    return PairSum(Gaussian(rate), x, None, np.zeros((1, len(x))), None, 0.0, rate)


JOBS = job(X, 0.3), job(X, 2.0), job(Y, 0.3)
SLICES = (
    Slices(X, DIRECTIONS, Quantile(0)),
    Slices(Y, DIRECTIONS, Quantile(0)),
    Slices(X, DIRECTIONS, Quantile(9)),
)


def test_each_request_receives_its_own_results():
    requests = [Both(JOBS[:1], SLICES[1:]), Both(), Both(JOBS[1:]), Both((), SLICES[:1])]
    logs, values = log_pair_sums(JOBS, Run()), [list(row) for row in slice_values(SLICES, Run())]
    assert evaluate(requests, Run()) == [
        (logs[:1], values[1:]),
        ([], []),
        (logs[1:], []),
        ([], values[:1]),
    ]


def test_no_requests_have_no_results():
    assert evaluate([], Run()) == []
