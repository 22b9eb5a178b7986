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
from gaedist.engine.run import cluster, shares
from gaedist.mixtures.diagonal import Constant
from gaedist.mixtures.mixture import Mixture, overlap

DIM = 64
LINK = 1.25e9  # bytes per second of a network of 10 Gbit/s
SCHEDULED = 1e-3  # seconds of the scheduler for a task, as Dask's documentation says


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


def measured(points, rounds):
    """Print times of threads and of workers, in the same rounds, and of the workers' own work."""
    parts, take = [], cluster._Pass._take
    cluster._Pass._take = lambda self, future: parts.append(future.result().seconds) or take(self, future)
    for workers in (1, 2):
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
                row = "  ".join(f"{median(column):.3f}" for column in zip(*times, strict=True))
                print(f"{workers}  {n}  here, there, ratio, not computing, tasks: {row}", flush=True)
                began = time.perf_counter()
                client.scatter(x, broadcast=True, hash=False)
                print(f"   {x.nbytes / 1e6:.0f} MB sent: {time.perf_counter() - began:.3f} s", flush=True)
            print(f"   a task: {of_task(client, 200) * 1e3:.2f} ms", flush=True)


def model(n, dim, cores, pair, task, link):
    """Return tasks and the seconds of computing, broadcast, tasks and the last round."""
    work = n * n / 2 * pair * (1 + dim * 0.03) / (1 + DIM * 0.03)
    length = min(max(work / cores / shares._RANGES, shares._LEAST), shares._MOST)
    tasks = max(cores, math.ceil(work / length))
    size = 8 * n * dim
    broadcast = size / link * (2 + math.log2(cores)) if cores > 1 else size / link
    return tasks, work / cores, broadcast, tasks * task, work / tasks / 2


def table(pair, task, link):
    """Print what the model says, up to 10⁸ points on 10,000 cores."""
    print("| n | D | cores | bytes broadcast | tasks | computing | broadcast | tasks | last round | in all |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n, cores in ((10**5, 16), (10**6, 16), (10**6, 256), (10**7, 256), (10**7, 10**4), (10**8, 10**4)):
        tasks, *parts = model(n, DIM, cores, pair, task, link)
        cells = [f"{n:.0e}", DIM, cores, f"{8e-9 * n * DIM:.3g} GB", tasks]
        print(f"| {' | '.join(map(str, cells))} | {' | '.join(f'{t:.3g} s' for t in (*parts, sum(parts)))} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, nargs="+", default=[30000, 60000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=float, nargs=3, metavar=("PAIR", "TASK", "LINK"))
    given = parser.parse_args()
    if given.model:
        table(*given.model)
    else:
        measured(given.points, given.rounds)
