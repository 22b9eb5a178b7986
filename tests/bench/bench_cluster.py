"""Time of a Dask cluster of one and two processes compared with as many threads, and a model of larger ones.

python tests/bench/bench_cluster.py --points 30000 60000 --rounds 3
python tests/bench/bench_cluster.py --model 2.6e-9 0.002 1e9
"""

import argparse
import math
import time
from statistics import median

import numpy as np
from distributed import Client, LocalCluster

from gaedist import Run
from gaedist.engine import Cluster
from gaedist.engine.compiled.sizes import HEIGHT, TILE
from gaedist.engine.run import passes, shares
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, overlap

DIM = 64
GROWTH = 0.03  # of the time of a pair with each dimension
ADDITION = 5e-8  # seconds in which the client adds the sum of a tile
SIZES = [
    (60_000, 1, 1),
    (60_000, 2, 1),
    (10**6, 16, 1),
    (10**6, 8, 32),
    (10**7, 8, 32),
    (10**7, 313, 32),
    (10**8, 313, 32),
]
"""Points, workers, and threads of each worker."""


def seconds(x, run):
    p = Mixture(x, Constant(1.0))
    began = time.perf_counter()
    overlap(p, p, unit=1.0, run=run)
    return time.perf_counter() - began


def of_task(client, count):
    """Return the time that a task takes which computes nothing, at one item per task."""
    began = time.perf_counter()
    list(Cluster(client).map(lambda items, _threads: items, range(count), seconds=1e9))
    return (time.perf_counter() - began) / count


def measured(points, rounds, counts):
    """Print times of threads and of workers, in the same rounds, and of the workers' own work."""
    parts, take = [], passes.Pass._take
    passes.Pass._take = lambda self, future: parts.append(future.result().seconds) or take(self, future)
    for workers in counts:
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as processes,
            Client(processes) as client,
        ):
            for n in points:
                x = np.random.default_rng(0).normal(size=(n, DIM))
                seconds(x[:4000], Run(threads=workers, method="pairs"))  # which compiles
                seconds(x, Run(client=client, method="pairs"))
                times = []
                for _ in range(rounds):
                    here = seconds(x, Run(threads=workers, method="pairs"))
                    parts.clear()
                    there = seconds(x, Run(client=client, method="pairs"))
                    times.append((here, there, there / here, there - sum(parts) / workers, len(parts)))
                    print("  ".join(f"{number:.3f}" for number in times[-1]), flush=True)
                row = "  ".join(f"{median(column):.3f}" for column in zip(*times, strict=True))
                print(f"{workers}  {n}  here, there, ratio, not computing, tasks: {row}", flush=True)
                began = time.perf_counter()
                client.scatter(x, broadcast=True, hash=False)
                print(f"   {x.nbytes / 1e6:.0f} MB sent: {time.perf_counter() - began:.3f} s", flush=True)
            print(f"   a task: {of_task(client, 200) * 1e3:.2f} ms", flush=True)


def model(n, dim, workers, threads, pair, task, link):
    """Return the number of tasks, and seconds: computing, broadcast, tasks, additions, last round."""
    cores, pairs = workers * threads, n * n / 2
    work = pairs * pair * (1 + dim * GROWTH) / (1 + DIM * GROWTH)
    length = min(max(work / cores / shares._RANGES, shares._LEAST), shares._MOST)
    tasks = workers * max(1, math.floor(work / cores / length))
    broadcast = 8 * n * dim / link * (2 + copies_in_turn(workers))
    return tasks, work / cores, broadcast, tasks * task, pairs / (HEIGHT * TILE) * ADDITION, length / 2


def copies_in_turn(workers):
    """Return how many copies pass one after the other in a tree where each sends two a round."""
    holders, copies = 1, 0
    while holders < workers:
        sent = min(workers - holders, 2 * holders)
        copies += math.ceil(sent / holders)
        holders += sent
    return copies


def table(pair, task, link):
    """Print what the model says, up to 10⁸ points on 10,000 cores."""
    print(
        "| n | D | workers × threads | sent to each | tasks | computing | broadcast | tasks | additions "
        "| last round |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n, workers, threads in SIZES:
        tasks, *parts = model(n, DIM, workers, threads, pair, task, link)
        cells = [f"{n:.0e}", DIM, f"{workers} × {threads}", f"{8e-9 * n * DIM:.2g} GB", tasks]
        print(f"| {' | '.join(map(str, cells))} | {' | '.join(f'{t:.2g} s' for t in parts)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, nargs="+", default=[30000, 60000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--model", type=float, nargs=3, metavar=("PAIR", "TASK", "LINK"))
    given = parser.parse_args()
    if given.model:
        table(*given.model)
    else:
        measured(given.points, given.rounds, given.workers)
