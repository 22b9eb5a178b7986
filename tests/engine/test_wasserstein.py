"""W₂² of projected samples is the exact transport cost, for given samples and for every labeling of a pool.

The same bits for any number of threads; progress and Ctrl-C between batches.
"""

import math
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaedist.engine import Run, Slices, Transport, label_costs, random_directions
from gaedist.engine.directions import slice_values
from gaedist.engine.wasserstein import common_refinement


def sample(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def squared(x, y):
    """W₂² of samples on a line, exactly: the points of each are repeated until both are equally many."""
    return np.mean((np.sort(np.repeat(x, len(y))) - np.sort(np.repeat(y, len(x)))) ** 2)


def random_labels(n, m, count, seed=0):
    """Labels, (count, n + m), with n ones in each row, and the same packed into bits."""
    rng = np.random.default_rng(seed)
    labels = rng.permuted(np.tile(np.arange(n + m) < n, (count, 1)), axis=1)
    return labels, np.packbits(labels, axis=0).T


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (5, 5), (6, 9), (12, 5), (17, 40)])
def test_the_distance_is_the_integral_over_quantiles(n, m):
    x, y = sample(n), 2 + sample(m, seed=1)
    found = Transport().of_sorted(np.sort(x)[np.newaxis], np.sort(y)[np.newaxis])
    assert_allclose(found, [squared(x, y)], rtol=1e-13)
    parts = common_refinement(n, m)
    assert len(parts.lengths) == n + m - math.gcd(n, m)
    assert_allclose(parts.lengths.sum(), 1, rtol=1e-15)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (40, 40), (23, 60)])
@pytest.mark.parametrize("count", [1, 9, 600])
def test_many_labelings_agree_with_each_alone(n, m, count):
    x, directions = sample(n + m, 3), random_directions(3, 5, 0)
    labels, bits = random_labels(n, m, count)
    found = label_costs(x, directions, bits, n, count, Run())
    for r in range(0, count, max(1, count // 20)):
        costs = [squared(x[labels[r]] @ u, x[~labels[r]] @ u) for u in directions]
        assert_allclose(found.values[r], np.mean(costs), rtol=1e-12)
    assert found.values.shape == found.errors.shape == (count,)
    assert (found.errors < 1e-12 * (1 + found.values)).all()


@pytest.mark.parametrize(("n", "m"), [(30, 30), (20, 45)])
def test_threads_do_not_change_bits(n, m, monkeypatch):
    x, directions = sample(n + m, 4), random_directions(4, 50, 0)
    _, bits = random_labels(n, m, 33)
    monkeypatch.setattr("gaedist.engine.wasserstein.BATCH_LABELS", 7 * 33 * (n + m))
    one, two = (label_costs(x, directions, bits, n, 33, Run(threads=threads)) for threads in (1, 2))
    assert (one.values == two.values).all()


def test_the_distance_does_not_depend_on_the_order_of_the_samples():
    x, y, directions = sample(20, 3), sample(30, 3, seed=1), random_directions(3, 9, 0)
    jobs = [Slices(x, directions, Transport(), y), Slices(y, directions, Transport(), x)]
    one, two = slice_values(jobs, Run())
    assert_allclose(one, two, rtol=1e-13)
    assert_allclose(one[3], squared(x @ directions[3], y @ directions[3]), rtol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_rises_to_the_total_and_can_stop_the_run(threads):
    x, directions = sample(600, 3), random_directions(3, 1500, 0)
    _, bits = random_labels(300, 300, 200)
    seen = []
    label_costs(
        x, directions, bits, 300, 200, Run(threads=threads, progress=lambda *counts: seen.append(counts))
    )
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == (1500, 1500)

    reported = []

    def stop(done, total):
        reported.append((done, total))
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        label_costs(x, random_directions(3, 10**5, 0), bits, 300, 200, Run(threads=threads, progress=stop))
    assert len(reported) == 1
    assert reported[0][0] < reported[0][1] / 2
    assert threading.active_count() == before


def test_labelings_of_identical_points_have_equal_distances():
    x = np.repeat(sample(4, 5), 10, axis=0)
    labels, bits = random_labels(20, 20, 50)
    found = label_costs(x, random_directions(5, 20, 0), bits, 20, 50, Run())
    counts = labels.reshape(50, 4, 10).sum(axis=2)
    order = np.lexsort(counts.T)
    same = (counts[order][1:] == counts[order][:-1]).all(axis=1)
    assert same.any()
    assert_allclose(found.values[order][1:][same], found.values[order][:-1][same], rtol=1e-12)
