"""The workers of a Dask cluster give the bits of this process, whatever happens to them.

The clusters are real: two processes on this machine, with one thread each. Ranges are made short, so that
each worker gets several.
"""

import os
import signal
from functools import partial

import numpy as np
import pytest
from distributed import Client, LocalCluster
from numpy.testing import assert_array_equal

import gaedist
from gaedist import GaedistError, Run
from gaedist.diagnostics import sample
from gaedist.diagnostics.squares import _correlations_of_sizes
from gaedist.engine import Checkpoint, derivatives, label_sums, near_tiles, pair_totals, sums, work
from gaedist.engine.compiled.sizes import TILE
from gaedist.engine.gaussian_tiling import pair_count
from gaedist.engine.run import checkpoints, cluster, pair_sum, passes, shares
from gaedist.engine.run.costs import pair_seconds
from gaedist.engine.run.executors import Output, Task
from gaedist.engine.series import sums as series
from gaedist.errors import ClusterError
from gaedist.mixtures.families import Constant
from gaedist.null import monte_carlo


def new_cluster(**settings):
    return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", **settings)


@pytest.fixture(scope="module")
def shared_client():
    with new_cluster() as workers, Client(workers) as client:
        yield client


@pytest.fixture
def own_client():
    with new_cluster() as workers, Client(workers) as client:
        yield client


@pytest.fixture(autouse=True)
def short_ranges(monkeypatch):
    """Let the cluster compute everything, in about ten ranges for each worker, however short."""
    monkeypatch.setattr(sums, "_LONG", 0.0)
    monkeypatch.setattr(shares, "_LEAST", 0.0)
    monkeypatch.setattr(derivatives, "_GROUP", 4)


def codes(n=3000, dim=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def clusters():
    """Two clusters in random order, which sums put in order first."""
    return np.random.default_rng(2).permutation(np.concatenate([codes(), codes(seed=1) + 300]))


CALLS = {
    "score": partial(gaedist.scores, codes(), [0.5]),
    "single": lambda run: gaedist.scores(codes(), run=Run(precision="single", client=run.client)),
    "all": partial(gaedist.scores, codes(), metric="all"),
    "far": partial(gaedist.scores, 100 * codes(), [0.5]),
    "clusters": partial(gaedist.scores, clusters(), [1.0]),
    "spherical": partial(gaedist.scores, codes(), ["mean-field"], covariance="spherical"),
    "full": partial(gaedist.scores, codes(700), ["mean-field"], covariance="full"),
    "prior": partial(
        gaedist.scores, codes(), [0.5], prior=gaedist.Prior(mean=np.ones(5), std=np.full(5, 2.0))
    ),
    "compare": partial(gaedist.compares, codes(), codes(2000, seed=1), ["silverman"]),
    "permutations": partial(
        gaedist.compares, codes(), codes(2000, seed=1), metric=["gaussian", "energy"], permutations=19
    ),
    "optimize": partial(gaedist.scores, codes(600), ["optimize"], covariance="spherical"),
}
"""What the workers compute, as a function of the run."""


def values(call, **settings):
    """Return all numbers of a result, as text that shows every bit."""
    return [
        [float(number).hex() for number in (r.value, r.p_value, r.null.mean, r.null.sd) if number is not None]
        for r in call(run=Run(method="pairs", **settings))
    ]


@pytest.mark.parametrize(
    "name",
    # the command line optimises on a cluster as well
    [pytest.param(name, marks=pytest.mark.slow) if name == "optimize" else name for name in CALLS],
)
def test_the_bits_are_those_of_this_process(shared_client, name):
    seen = []
    found = values(CALLS[name], client=shared_client, progress=lambda *counts: seen.append(counts))
    assert found == values(CALLS[name], threads=2)


@pytest.mark.slow
def test_threads_of_a_worker_do_not_change_bits():
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as workers,
        Client(workers) as client,
    ):
        for name in ("score", "single", "far", "permutations", "optimize"):
            assert values(CALLS[name], client=client) == values(CALLS[name], threads=1)


@pytest.mark.parametrize("second", [None, codes(2000, 2, seed=1)])
def test_tiles_that_are_skipped_are_the_same_on_workers(shared_client, monkeypatch, second):
    monkeypatch.setattr(near_tiles, "_LEAST_PAIRS", 0)
    params = np.zeros(3000), None if second is None else np.zeros(len(second))
    job = Constant(0.03**2).pair_sum(Constant(0.03**2), codes(3000, 2), second, *params)
    seen, sent, outputs = [], [], cluster.Cluster.outputs
    monkeypatch.setattr(
        cluster.Cluster, "outputs", lambda self, *rest: sent.append(rest[2]) or outputs(self, *rest)
    )
    run = Run(method="pairs", client=shared_client, progress=lambda *counts: seen.append(counts))
    there = pair_totals([job], run)
    assert there == pair_totals([job], Run(method="pairs", threads=2))
    assert there[0].provenance.rounding > pair_sum.ROUNDING  # some are skipped
    assert sent == [seen[-1][1]]


def test_far_points_are_summed_by_workers(shared_client, monkeypatch):
    monkeypatch.setattr(series, "PAIR_SECONDS", 1e-6)  # so that few points are enough
    monkeypatch.setattr(sums, "is_small", lambda job, run: False)
    x = codes(3000, 3)
    x[::331] *= 5
    x[::1009] *= 1e5
    job = Constant(1.0).pair_sum(Constant(1.0), x, None, np.zeros(len(x)), None)
    sent, outputs = [], cluster.Cluster.outputs
    monkeypatch.setattr(
        cluster.Cluster, "outputs", lambda self, *rest: sent.append(rest) or outputs(self, *rest)
    )
    assert pair_totals([job], Run(client=shared_client)) == pair_totals([job], Run(threads=2))
    assert sent  # pairs of far points


@pytest.mark.parametrize("dim", [5, 600])
def test_gram_matrices_have_the_same_bits(shared_client, monkeypatch, dim):
    monkeypatch.setattr(sample, "_LONG", 0.0)
    monkeypatch.setattr(sample, "_MOST_AXES", 500)  # in more dimensions there are panels of columns
    x = codes(5000, 5) if dim == 5 else codes(600, dim)
    here, there = (sample.Sample(x, run) for run in (Run(threads=1), Run(client=shared_client)))
    assert_array_equal(there.correlation, here.correlation)
    assert_array_equal(_correlations_of_sizes(there), _correlations_of_sizes(here))


def test_simulated_values_have_the_same_bits(shared_client, monkeypatch):
    monkeypatch.setattr(monte_carlo, "_LONG", 0.0)
    sent, outputs = [], cluster.Cluster.outputs
    monkeypatch.setattr(
        cluster.Cluster, "outputs", lambda self, *rest: sent.append(rest[1:3]) or outputs(self, *rest)
    )

    def value(**settings):
        monkeypatch.setattr(monte_carlo, "_computed", {})
        call = partial(
            gaedist.scores, codes(300), ["mean-field"], null="monte-carlo", replicates=30, cache=False
        )
        return values(call, **settings)

    assert value(client=shared_client) == value(threads=1)
    assert (0, 29) in sent


def test_progress_reaches_its_total(shared_client):
    seen = []
    values(CALLS["score"], client=shared_client, progress=lambda *counts: seen.append(counts))
    assert len(seen) > 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


def test_arrays_are_sent_once(shared_client, monkeypatch):
    sent = []
    scatter = shared_client.scatter
    monkeypatch.setattr(
        shared_client, "scatter", lambda data, **how: sent.append(data.shape) or scatter(data, **how)
    )
    run = Run(method="pairs", client=shared_client)
    gaedist.scores(codes(), [0.5, 0.7], run=run)
    gaedist.scores(codes(), [0.9], run=run)
    assert sent.count((3000, 5)) == 1


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_workers_use_the_threads_that_dask_gave_them(monkeypatch, count):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")  # which the workers inherit

    def counted(threads, start, stop):
        from threadpoolctl import threadpool_info

        blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        yield Output(start, stop, (threads, blas))

    task = Task(None, lambda threads, _progress: threads, counted, 1.0)
    with (
        LocalCluster(n_workers=1, threads_per_worker=count, dashboard_address=":0") as workers,
        Client(workers) as client,
    ):
        (found,) = cluster.Cluster(client).outputs(task, 0, 1, lambda _tiles: None)
    assert found.value == (min(count, Run().used_threads), {1})


@pytest.mark.parametrize("begins_here", [True, False])
def test_a_checkpoint_moves_between_this_process_and_a_cluster(
    shared_client, tmp_path, monkeypatch, begins_here
):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(work, "_RANGE_SECONDS", 0.0)
    monkeypatch.setattr(work, "_FIRST", 1)
    path, seen = tmp_path / "run.ckpt", []
    ways = [{"threads": 2}, {"client": shared_client}]
    first, second = ways if begins_here else reversed(ways)

    def stop(*counts):
        seen.append(counts)
        if len(seen) == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        values(CALLS["score"], **first, checkpoint=Checkpoint(path), progress=stop)
    before = Checkpoint(path).records[0].done
    assert before > 0
    later = []
    found = values(
        CALLS["score"], **second, checkpoint=Checkpoint(path), progress=lambda *counts: later.append(counts)
    )
    assert later[0][0] > before
    assert found == values(CALLS["score"], threads=1)


def test_an_interrupt_cancels_what_is_queued_and_leaves_the_cluster(shared_client):
    def interrupt(*_counts):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        values(CALLS["score"], client=shared_client, progress=interrupt)
    assert shared_client.status == "running"
    for _ in range(100):
        if not any(shared_client.processing().values()):
            break
        shared_client.run(lambda: None)
    assert not any(shared_client.processing().values())
    assert values(CALLS["score"], client=shared_client) == values(CALLS["score"], threads=2)


def test_a_killed_worker_changes_nothing(own_client):
    killed = []

    def kill(*_counts):
        if not killed:
            killed.append(next(iter(own_client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    assert values(CALLS["score"], client=own_client, progress=kill) == values(CALLS["score"], threads=2)
    assert killed


@pytest.mark.slow
def test_a_worker_that_joins_late_gets_its_share():
    def join(*_counts):
        if len(client.nthreads()) == 1:
            workers.scale(2)
            client.wait_for_workers(2)

    def built():
        from gaedist.engine.run import worker

        return len(worker._known)

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as workers,
        Client(workers) as client,
    ):
        call = partial(gaedist.scores, codes(8000), [0.5])
        assert values(call, client=client, progress=join) == values(call, threads=2)
        assert list(client.run(built).values()) == [1, 1]


@pytest.mark.slow
def test_workers_that_are_started_on_demand_are_waited_for():
    notes = []
    with LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=":0") as workers:
        workers.adapt(minimum=0, maximum=1, interval="100ms")
        with Client(workers) as client:
            found = values(CALLS["score"], client=client, note=notes.append)
    assert found == values(CALLS["score"], threads=2)
    assert "the scheduler has no workers; waiting for one." in notes


@pytest.mark.slow
def test_a_range_that_ends_all_its_workers_is_an_error(monkeypatch):
    def die(_items, _threads):
        os._exit(1)

    message = r"^1 workers ended while .* because their memory ran out\. Give each worker more"
    with new_cluster() as workers, Client(workers) as client:
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
        with pytest.raises(GaedistError, match=message):
            list(cluster.Cluster(client).map(die, [0], seconds=1.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "message"),
    [("300MB", "workers ended while they received"), ("500MB", "all workers have paused")],
)
def test_workers_without_memory_are_an_error(limit, message):
    x = np.random.default_rng(0).normal(size=(400_000, 64))
    with (
        new_cluster(memory_limit=limit) as workers,
        Client(workers) as client,
        pytest.raises(GaedistError, match=rf"{message}.*Give each worker more, or use --subsample\."),
    ):
        gaedist.score(x, run=Run(method="pairs", client=client))


@pytest.mark.slow
def test_a_worker_without_gaedist_is_named(tmp_path):
    (tmp_path / "hide.py").write_text("import sys\nsys.modules['gaedist'] = None\n")
    with (
        new_cluster(preload=[str(tmp_path / "hide.py")], preload_nanny=[]) as workers,
        Client(workers) as client,
        pytest.raises(
            ClusterError,
            match=r"worker tcp://\S+ cannot use gaedist \(.*No module named.*\)\. Install gaedist ",
        ),
    ):
        CALLS["score"](run=Run(method="pairs", client=client))


def test_an_error_of_the_cluster_ends_an_optimisation_and_all_metrics(shared_client, monkeypatch):
    def lose(self):
        raise ClusterError("lost")
        yield

    monkeypatch.setattr(passes.Pass, "outputs", lose)
    seen = []
    for name in ("optimize", "all"):
        with pytest.raises(ClusterError, match="lost"):
            CALLS[name](
                run=Run(method="pairs", client=shared_client), on_error=lambda *error: seen.append(error)
            )
    assert seen == []


@pytest.mark.parametrize("name", ["gaedist", "numpy"])
def test_other_versions_are_refused_by_name(shared_client, name):
    attribute = "__version__" if name == "gaedist" else "np.__version__"

    def pretend(version):
        from gaedist.engine.run import program

        owner = program if attribute == "__version__" else program.np
        before, owner.__version__ = owner.__version__, version
        return before

    address = next(iter(shared_client.nthreads()))
    before = shared_client.run(pretend, "9.9.9", workers=[address])[address]
    try:
        with pytest.raises(GaedistError, match=rf"worker .*{name} is {before}.* here and 9\.9\.9.* there"):
            values(CALLS["score"], client=shared_client)
    finally:
        shared_client.run(pretend, before, workers=[address])


def test_many_labelings_are_worth_a_cluster(shared_client, monkeypatch):
    x = codes(1500)
    job = Constant(1.0).pair_sum(Constant(1.0), x, None, np.zeros(len(x)), None)
    monkeypatch.setattr(sums, "_LONG", 2 * pair_count(job) * pair_seconds(job))
    sent, outputs = [], cluster.Cluster.outputs
    monkeypatch.setattr(
        cluster.Cluster, "outputs", lambda self, *rest: sent.append(rest[0]) or outputs(self, *rest)
    )
    labels = np.random.default_rng(0).integers(0, 256, (len(x), 25), np.uint8)
    there, here = (label_sums(job, labels, run) for run in (Run(client=shared_client), Run(threads=1)))
    assert_array_equal(there.both, here.both)
    pair_totals([job], Run(method="pairs", client=shared_client))
    (task,) = sent  # the sum without labels is too short
    assert task.seconds == pytest.approx(TILE**2 * pair_seconds(job, 200))


def test_only_a_connected_client_will_do(shared_client):
    with pytest.raises(GaedistError, match=r"client must be a distributed\.Client .* got builtins\.str"):
        Run(client="tcp://127.0.0.1:8786")
