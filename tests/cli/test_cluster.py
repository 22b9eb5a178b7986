"""A command computes on the cluster that options or the environment name, and says in a line what is wrong.

The scheduler and its worker are real processes, as a user starts them.
"""

import json
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from distributed import Client

from gaedist.cli import cluster as connection
from gaedist.engine import sums
from gaedist.engine.run import cluster as engine_cluster
from gaedist.engine.run import passes, shares

START = "Check the address, or start one: dask scheduler."
MACHINE = re.compile(r'"(seconds|threads)": [\d.e-]+')


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Start a scheduler and a worker with one thread: (scheduler, file with its address)."""
    file = tmp_path_factory.mktemp("cluster") / "scheduler.json"
    processes = []

    def start(what, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", file, *arguments]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    start("scheduler", "--port", "0", "--dashboard-address", ":0")
    start("worker", "--nthreads", "1", "--no-dashboard", "--local-directory", file.parent)
    address_in(file)
    with Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(1)
    yield processes[0], file
    for process in reversed(processes):
        process.terminate()
        process.wait()


@pytest.fixture(autouse=True)
def short_ranges(monkeypatch):
    """Let the cluster compute everything, in about ten ranges."""
    monkeypatch.delenv(connection.ADDRESS, raising=False)
    monkeypatch.setattr(sums, "_LONG", 0.0)
    monkeypatch.setattr(shares, "_LEAST", 0.0)


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "points.npy"
    np.save(path, np.random.default_rng(0).normal(size=(3000, 3)))
    return path


@pytest.fixture
def ranges(monkeypatch):
    """Count the ranges that are sent: a list of (first, last)."""
    sent, send = [], passes.Pass._send
    monkeypatch.setattr(
        passes.Pass, "_send", lambda self, *place: sent.append(place[:2]) or send(self, *place)
    )
    return sent


def address_in(file):
    while not file.exists():
        time.sleep(0.1)
    return json.loads(file.read_text())["address"]


def options(way, file, monkeypatch):
    if way == "environment":
        monkeypatch.setenv(connection.ADDRESS, address_in(file))
        return []
    return ["--scheduler", address_in(file)] if way == "option" else ["--scheduler-file", file]


@pytest.mark.parametrize("way", ["option", "file", "environment"])
def test_a_command_computes_on_a_cluster(gaedist, machines, points, ranges, monkeypatch, way):
    command = ["score", points, "--method", "pairs", "--format", "value"]
    here = gaedist(*command)
    assert ranges == []
    assert gaedist(*command, *options(way, machines[1], monkeypatch)) == here
    assert ranges


@pytest.mark.parametrize(
    "command",
    [["compare", "--permutations", "9"], ["sigma", "--sigma", "optimize", "--subsample", "60"], ["diagnose"]],
)
def test_every_command_that_computes_takes_a_cluster(gaedist, machines, codes, monkeypatch, command):
    monkeypatch.setattr("gaedist.diagnostics.sample._LONG", 0.0)
    files = ["narrow.npy", "wide.npy"] if command[0] == "compare" else ["narrow.npy"]
    command = [command[0], *files, *command[1:], "--format", "json"]
    there, here = gaedist(*command, "--scheduler-file", machines[1]), gaedist(*command)
    assert (there[0], MACHINE.sub("", there[1]), there[2]) == (here[0], MACHINE.sub("", here[1]), here[2])


@pytest.mark.parametrize(
    "command",
    [
        ["score", "points.npy", "--rows", "10:"],
        ["score", "points.npy", "--sigma", "0.01"],  # in the order of a tree
        ["score", "far.npy"],  # far ones last
        ["compare", "points.npy", "far.npy", "--permutations", "9"],  # both samples as one
        ["compare", "points.npy", "far.npy", "--permutations", "9", "--metric", "energy"],
    ],
)
def test_workers_read_shared_files(gaedist, machines, points, ranges, monkeypatch, command):
    far = np.random.default_rng(1).normal(size=(2500, 3))
    far[::50] *= 300
    np.save(points.parent / "far.npy", far)
    monkeypatch.chdir(points.parent)
    command = [*command, "--method", "pairs", "--format", "value"]
    here = gaedist(*command)
    assert here[0] == 0
    sent, scatter = [], Client.scatter
    monkeypatch.setattr(
        Client, "scatter", lambda self, data, **how: sent.append(data) or scatter(self, data, **how)
    )
    assert gaedist(*command, "--scheduler-file", machines[1], "--shared-files") == here
    assert ranges
    assert not [data for data in sent if data.ndim == 2 and data.shape[1] == 3 and data.dtype == float]


@pytest.mark.parametrize(
    "options",
    [
        ["--metric", "kl", "--metric", "mmd", "--fail-p", "0.001"],
        [
            "--sigma",
            "0.5",
            "--sigma",
            "median",
            "--sigma",
            "1e-9",
            "--null",
            "monte-carlo",
            "--replicates",
            "19",
        ],
        pytest.param(["--metric", "all"], marks=pytest.mark.slow),
    ],
)
def test_many_shared_files_are_scored_at_once(gaedist, machines, codes, ranges, options):
    files = ["normal.npy", "bad.npy", "wide.npy", "absent.npy", "narrow.npy"]
    command = ["score", *files, *options, "--format", "json"]
    here = gaedist(*command)
    there = gaedist(*command, "--scheduler-file", machines[1], "--shared-files")
    assert ranges == [(k, k + 1) for k in range(5)]
    assert (there[0], MACHINE.sub("", there[1]), there[2]) == (here[0], MACHINE.sub("", here[1]), here[2])


@pytest.mark.parametrize(
    "more",
    [
        ["--layout", "vectors"],
        pytest.param(["--layout", "positions", "--subsample", "2060"], marks=pytest.mark.slow),
        ["--stack", "--layout", "vectors"],
    ],
)
def test_codes_that_are_no_array_of_a_file_are_sent(gaedist, machines, tmp_path, ranges, more):
    files = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for k, file in enumerate(files):
        np.save(file, np.random.default_rng(k).normal(size=(2100, 2, 2)))
    command = ["score", *files, "--method", "pairs", "--format", "value", *more]
    here = gaedist(*command)
    assert here[0] == 0
    assert gaedist(*command, "--scheduler-file", machines[1], "--shared-files") == here
    assert ranges


def test_posteriors_are_sent(gaedist, machines, tmp_path, ranges):
    rng = np.random.default_rng(0)
    means, widths = tmp_path / "means.npy", tmp_path / "logvar.npy"
    np.save(means, rng.normal(size=(2100, 2)))
    np.save(widths, rng.normal(size=(2100, 2)) - 3)
    command = ["score", means, "--logvar", widths, "--method", "pairs", "--format", "value"]
    for more in ([], ["--posterior", "mixture"]):
        here = gaedist(*command, *more)
        assert here[0] == 0
        del ranges[:]
        assert gaedist(*command, *more, "--scheduler-file", machines[1], "--shared-files") == here
        assert ranges


def test_arrays_of_a_file_are_read_by_name(gaedist, machines, tmp_path, ranges):
    file = tmp_path / "several.npz"
    rng = np.random.default_rng(0)
    np.savez(file, a1=rng.normal(size=(2100, 2)), a2=rng.normal(size=(2100, 2)))
    command = ["score", f"{file}::a*", "--method", "pairs", "--format", "value"]
    here = gaedist(*command)
    assert here[0] == 0
    assert gaedist(*command, "--scheduler-file", machines[1], "--shared-files") == here
    assert ranges


@pytest.mark.parametrize("files", [["points.npy"], ["points.npy", "points.npy"]])
def test_workers_do_not_read_what_needs_a_sandbox(gaedist, machines, points, ranges, monkeypatch, files):
    monkeypatch.chdir(points.parent)
    command = ["score", *files, "--method", "pairs", "--format", "value", "--sandbox"]
    here = gaedist(*command)
    sent, scatter = [], Client.scatter
    monkeypatch.setattr(
        Client, "scatter", lambda self, data, **how: sent.append(data.shape) or scatter(self, data, **how)
    )
    assert gaedist(*command, "--scheduler-file", machines[1], "--shared-files") == here
    assert (3000, 3) in sent
    assert len(ranges) > len(files)


def test_watch_takes_a_cluster(gaedist, machines, points, ranges):
    command = ["watch", points.parent, "--until", "1", "--interval", "0.1", "--sigma", "silverman"]
    here, there = (points.parent / name for name in ("here.jsonl", "there.jsonl"))
    assert gaedist(*command, "-o", here) == (0, "", "")
    assert ranges == []
    more = ["--scheduler-file", machines[1], "--shared-files"]
    assert gaedist(*command, "-o", there, *more) == (0, "", "")
    assert ranges
    assert MACHINE.sub("", there.read_text()) == MACHINE.sub("", here.read_text())


@pytest.mark.parametrize("width", [{"cov": np.diag([0.5, 1.0, 2.0])}, {"std": [0.5, 1.0, 2.0]}])
def test_a_prior_and_a_device_go_with_a_cluster(gaedist, machines, points, tmp_path, ranges, width):
    np.savez(tmp_path / "prior.npz", mean=np.full(3, 0.1), **width)
    command = ["score", points, "--method", "pairs", "--format", "value", "--prior", tmp_path / "prior.npz"]
    here = gaedist(*command)
    assert here[0] == 0
    for more in (["--shared-files"], []):  # in this order, as workers keep the last tasks
        del ranges[:]
        assert gaedist(*command, "--scheduler-file", machines[1], *more) == here
        assert ranges
    pytest.importorskip("torch")
    del ranges[:]
    command = ["score", points, "--method", "pairs", "--sigma", "0.5", "--device", "cpu", "--format", "value"]
    here = gaedist(*command)
    assert here[0] == 0
    assert gaedist(*command, "--scheduler-file", machines[1]) == here
    assert ranges == []  # the device of this machine computes


def test_a_file_that_workers_do_not_see_is_named(gaedist, machines, points, monkeypatch):
    monkeypatch.setattr(engine_cluster, "Path", lambda _path: points.parent / "elsewhere.npy")
    code, out, err = gaedist(
        "score", points, "--method", "pairs", "--scheduler-file", machines[1], "--shared-files"
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "elsewhere.npy" in err
    assert err.endswith("Leave out --shared-files.\n")


def test_no_scheduler_at_the_address(gaedist, points, monkeypatch):
    monkeypatch.setattr(connection, "_PATIENCE", 1.0)
    began = time.monotonic()
    code, out, err = gaedist("score", points, "--scheduler", "tcp://127.0.0.1:1")
    assert time.monotonic() - began < 10
    assert (code, out) == (2, "")
    assert err == f"gaedist: no Dask scheduler answers at tcp://127.0.0.1:1. {START}\n"


@pytest.fixture(params=[b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", bytes(4096)])
def stranger(request):
    """Yield the address of a server that accepts connections, and sends something else than a scheduler."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted = []

        def serve():
            while True:
                try:
                    accepted.append(server.accept()[0])
                    accepted[-1].sendall(request.param)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in accepted:
            connection.close()


def test_a_server_that_is_no_scheduler(gaedist, points, stranger, monkeypatch):
    monkeypatch.setattr(connection, "_PATIENCE", 1.0)  # for the one that is silent
    began = time.monotonic()
    code, out, err = gaedist("score", points, "--scheduler", stranger)
    assert time.monotonic() - began < 5
    assert (code, out) == (2, "")
    assert err == f"gaedist: no Dask scheduler answers at {stranger}. {START}\n"


def test_the_address_of_a_worker_is_named(gaedist, machines, points):
    with Client(scheduler_file=str(machines[1])) as client:
        (worker,) = client.nthreads()
    assert gaedist("score", points, "--scheduler", worker) == (
        2,
        "",
        f"gaedist: {worker} is a Dask worker. Give the address of its scheduler.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheduler", ""], "--scheduler is empty. Give an address such as tcp://host:8786"),
        (["--scheduler-file", "null.json"], "--scheduler-file null.json: not a file that dask scheduler"),
        (["--scheduler-file", "empty.json"], "--scheduler-file empty.json: not a file that dask scheduler"),
        (["--scheduler", "foo://bar"], "no Dask scheduler answers at foo://bar"),
        (["--scheduler-file", "absent.json"], "--scheduler-file absent.json: No such file or directory."),
        (["--scheduler-file", "points.npy"], "--scheduler-file points.npy: not a file that dask scheduler"),
        (
            ["--scheduler", "a", "--scheduler-file", "b"],
            "--scheduler and --scheduler-file exclude each other",
        ),
        (["--shared-files"], "--shared-files is for a cluster: add --scheduler ADDRESS."),
    ],
)
def test_wrong_options_are_named(gaedist, points, monkeypatch, arguments, message):
    monkeypatch.chdir(points.parent)
    (points.parent / "null.json").write_text('{"address": null}')
    (points.parent / "empty.json").write_text('{"address": ""}')
    code, out, err = gaedist("score", points, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_other_versions_end_the_command_with_one_line(gaedist, machines, points, monkeypatch):
    monkeypatch.setattr("gaedist.engine.run.program.__version__", "9.9.9")
    command = ["score", points, points, "--metric", "gaussian", "--metric", "energy", "--format", "value"]
    code, out, err = gaedist(*command, "--method", "pairs", "--scheduler-file", machines[1])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(
        r"^gaedist: worker tcp://\S+ has other versions: gaedist is 9\.9\.9 \(\w+\) here and ", err
    )


def test_a_scheduler_that_hangs_ends_the_command(gaedist, machines, points, monkeypatch):
    monkeypatch.setattr(passes, "PATIENCE", 1.0)
    take = passes.Pass._take

    def take_and_stop(self, future):
        machines[0].send_signal(signal.SIGSTOP)
        take(self, future)

    monkeypatch.setattr(passes.Pass, "_take", take_and_stop)
    monkeypatch.setattr(passes, "_LOOK", 0.0)
    try:
        code, out, err = gaedist("score", points, "--method", "pairs", "--scheduler-file", machines[1])
    finally:
        machines[0].send_signal(signal.SIGCONT)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the Dask scheduler no longer answers. Start it again" in err


def test_without_dask_the_extra_is_named(gaedist, points, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = gaedist("score", points, "--scheduler", "tcp://127.0.0.1:1")
    assert (code, err) == (2, "gaedist: a cluster needs Dask: pip install 'gaedist[dask]'\n")


def test_loggers_of_dask_are_silent(gaedist, machines, points):
    """Dask sets the level of some loggers itself, and writes to a stream that other tests do not see."""
    assert gaedist("score", points, "--method", "pairs", "--scheduler-file", machines[1])[0] == 0
    names = ["distributed.client", "distributed.worker", "distributed.core", "tornado.application", "asyncio"]
    assert not any(logging.getLogger(name).isEnabledFor(logging.ERROR) for name in names)


def test_a_scheduler_that_dies_ends_the_command(gaedist, machines, points, monkeypatch):
    monkeypatch.setattr(passes, "_LOST", 1.0)
    take = passes.Pass._take

    def take_and_kill(self, future):
        machines[0].send_signal(signal.SIGKILL)
        time.sleep(0.5)
        take(self, future)

    monkeypatch.setattr(passes.Pass, "_take", take_and_kill)
    code, out, err = gaedist("score", points, "--method", "pairs", "--scheduler-file", machines[1])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the Dask scheduler no longer answers. Start it again" in err
