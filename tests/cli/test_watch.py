"""`gaedist watch` sees each checkpoint once, is resumed from its log, ended by Ctrl-C with 130, by a gate
with 1, after N files with 0; files in writing, damaged and deleted ones are one line.
"""

import json
import signal
import time

import numpy as np
import pytest
from processes import start

QUICK = ["--interval", "0.2", "--metric", "kl"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def save(path, scale=1.0, n=200):
    """Write codes under another name, and rename them into place."""
    rng = np.random.default_rng(3)
    hidden = path.with_name(f".{path.name}")
    np.save(hidden, scale * rng.normal(size=(n, 3)))
    time.sleep(0.01)
    hidden.rename(path)


def rows_of(log):
    return [line.split("\t")[0] for line in log.read_text().splitlines()[1:]] if log.exists() else []


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_checkpoints_of_a_training_run(run, tmp_path, gaedist):
    log = tmp_path / "log.tsv"
    process = start("watch", "run", *QUICK, "-o", "log.tsv", "--until", "3")
    save(run / "step2.npy")
    wait_for(lambda: rows_of(log) == ["run/step2.npy"])
    whole = (run / "step2.npy").read_bytes()
    (run / "step10.npy").write_bytes(whole[:1000])  # in writing, for longer than an interval
    time.sleep(0.6)
    (run / "step10.npy").write_bytes(whole)
    wait_for(lambda: len(rows_of(log)) == 2)
    save(run / "step11.npy", 1.2)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert rows_of(log) == ["run/step2.npy", "run/step10.npy", "run/step11.npy"]
    assert err.splitlines() == [
        line for line in err.splitlines() if line.startswith("gaedist: run/step10.npy: ")
    ]
    assert len(err.splitlines()) <= 2  # one for each state in which it was found

    save(run / "step12.npy")
    assert gaedist("watch", "run", *QUICK, "-o", "log.tsv", "--until", "4")[0] == 0
    assert rows_of(log)[3:] == ["run/step12.npy"]


def test_ctrl_c_ends_with_130_and_keeps_the_log(run, tmp_path, heeded_signals):
    save(run / "a.npy")
    process = start("watch", "run/*.npy", *QUICK, "-o", "log.tsv")
    wait_for(lambda: rows_of(tmp_path / "log.tsv") == ["run/a.npy"])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "gaedist: interrupted.\n")


def test_a_gate_ends_it_with_1(run, gaedist):
    for k, scale in ((1, 1.0), (2, 3.0), (3, 1.0)):
        save(run / f"{k}.npy", scale)
    code, out, err = gaedist("watch", "run", *QUICK, "--fail-p", "1e-4", "--stop")
    assert code == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == ["file", "run/1.npy", "run/2.npy"]
    assert err.startswith("gaedist: run/2.npy: p = ")
    code, out, _ = gaedist("watch", "run", *QUICK, "--fail-p", "1e-4", "--until", "3", "--plot", "x.svg")
    assert (code, len(out.splitlines())) == (1, 4)
    assert (run.parent / "x.svg").read_text().startswith("<?xml")


def test_damaged_and_deleted_files_are_one_line(run, gaedist):
    (run / "bad.npy").write_text("this is no array")
    save(run / "good.npy")
    np.save(run / "gone.npy", np.zeros((1, 1)))
    (run / "gone.npy").unlink()
    (run / "nan.npy").write_bytes(b"")
    code, _, err = gaedist("watch", "run", *QUICK, "--until", "1")
    assert code == 0
    assert len(err.splitlines()) == err.count("gaedist: run/bad.npy: ") <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "nothing: there is no such folder."),
        (["run", "--stop"], "--stop ends at a file that fails a gate. Add one, such as --fail-p 0.001."),
        (["run", "--interval", "0"], "--interval must be a positive number of seconds; got 0."),
        (["run", "-o", "x.npy"], "x.npy: the results are text, and .npy is the name of a file of codes."),
        (["run", "-o", "no/x.tsv"], "no/x.tsv: cannot be written: there is no such folder."),
        (["run", "--metric", "nothing"], "Invalid value for '--metric': 'nothing' is not one of"),
    ],
)
def test_wrong_usage(run, gaedist, arguments, message):
    code, out, err = gaedist("watch", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"gaedist: {message}")


def test_a_log_of_other_settings_ends_it(run, gaedist, tmp_path):
    log = tmp_path / "log.tsv"
    for k in (1, 2, 3):
        save(run / f"{k}.npy", 1.0 + k)
    assert gaedist("watch", "run", "-o", "log.tsv", "--until", "2", "--sigma", "1") == (0, "", "")
    before = log.read_bytes()
    message = "gaedist: log.tsv: was written with"
    code, out, err = gaedist("watch", "run", "-o", "log.tsv", "--until", "3", "--sigma", "2")
    assert (code, out) == (2, "")
    assert err == f"{message} sigma_min 1.0, not 2.0. Give another -o.\n"
    code, out, err = gaedist("watch", "run", "-o", "log.tsv", "--until", "3", "--metric", "mmd")
    assert err == f"{message} metric gaussian, not mmd. Give another -o.\n"
    assert (code, out, log.read_bytes()) == (2, "", before)


def test_pictures_show_the_files_of_the_log_as_well(run, gaedist, tmp_path):
    for k in (1, 2):
        save(run / f"step{k}.npy", 1.0 + k)
    options = ["--metric", "mmd", "--kernel", "gaussian", "-o", "log.tsv"]
    assert gaedist("watch", "run", *options, "--until", "1")[0] == 0
    for name in ("one.html", "two.html"):  # the second scores nothing
        assert gaedist("watch", "run", *options, "--until", "2", "--report", name) == (0, "", "")
        page = (tmp_path / name).read_text()
        assert "2 files by gaedist" in page
        assert all(f"run/step{k}.npy" in page for k in (1, 2))


def test_lines_of_json(run, gaedist):
    save(run / "a.npy")
    code, out, err = gaedist("watch", "run", *QUICK, "--until", "1", "--format", "json")
    assert (code, json.loads(out)["file"], err) == (0, "run/a.npy", "")
