"""End each command by a signal at random moments, and look at what is left.

    python tests/fuzz/signals.py --runs 200 --seconds 3600 --seed 1

Each run is ended by SIGINT, SIGTERM, SIGHUP or SIGKILL, sent to the process or to its group, while Python
starts, while libraries load, or while it computes. Counted are exit codes other than 130, 143, 129 (or 0
where it had finished), lines that do not begin with "gaedist: ", such as tracebacks, more than one line about
the signal, files that are neither inputs nor complete results, and processes that live on.

The command is started by a script such as installers write, or, with --module, by ``python -m gaedist``. A
traceback from before the first line of gaedist, when Python itself starts, is counted apart: nothing that is
written in Python can prevent it.
"""

import argparse
import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)

COMMANDS = {
    "score": "score small.npy codes.npy small.npy -o out.json",
    "score, σ per point": "score codes.npy --sigma mean-field -o out.tsv --checkpoint run.ckpt",
    "score, simulated": "score few.npy --sigma optimize --null monte-carlo --replicates 999 -o out.csv",
    "compare": "compare codes.npy small.npy --permutations 99 --metric all -o out.json",
    "sigma": "sigma small.npy --sigma optimize -o sigma.npy",
    "inspect": "inspect small.npy codes.npy -o out.json",
    "metrics": "metrics -o out.txt",
}
"""Name → what is run: each takes one to three seconds, so that a signal comes early, late or in between."""

SCRIPT = "import sys\nfrom gaedist.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
"""What an installer writes for the entry point."""

_PACKAGE = re.compile(r'File "[^"]*/gaedist/\w[^"]*\.py"')
_BEFORE = "in Python's own start"
_MARK = "GAEDIST_SIGNALS"
_LONGEST = 3.0  # seconds after which a command is not waited for, once it is compiled
_COMPILING = 120.0
_GRACE = 3.0  # seconds that processes have to end


def make_inputs(folder):
    """Write the codes that the commands read, and the script that starts them; return their names."""
    rng = np.random.default_rng(0)
    np.save(folder / "few.npy", rng.normal(size=(30, 2)))
    np.save(folder / "small.npy", rng.normal(size=(150, 5)))
    np.save(folder / "codes.npy", rng.normal(size=(2500, 5)))
    (folder / "gaedist-script").write_text(SCRIPT)
    return {path.name for path in folder.iterdir()}


def started(command, folder, mark, *, module=False):
    """Start a command as the leader of a group of processes that can be found by their mark."""
    program = ["-m", "gaedist"] if module else [folder / "gaedist-script"]
    return subprocess.Popen(
        [sys.executable, *program, *command.split()],
        cwd=folder,
        env=os.environ | {_MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def survivors(mark):
    """Return the numbers of the processes with a mark that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"{_MARK}={mark}".encode() in environment.split(b"\0") and state != "Z":
                found.append(int(entry.name))
    return found


def faults_of(process, number, out, err, folder, inputs, mark):
    """Yield a word for each fault of a run that has ended."""
    code, text = process.returncode, err.decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if "KeyboardInterrupt" in text and not _PACKAGE.search(text):
        yield _BEFORE
    else:
        if code not in {0, 128 + number, -number}:
            yield f"exit code {code}"
        if any(not line.startswith("gaedist: ") for line in lines):
            yield "traceback or warning"
    if sum("interrupted" in line for line in lines) > 1:
        yield "more than one line"
    if out and "sigma.npy" not in process.args:  # which prints a summary
        yield "text on standard output"
    for path in folder.iterdir():
        if path.name not in inputs and not is_complete(path):
            yield f"left {path.name}"
    deadline = time.monotonic() + _GRACE
    while (left := survivors(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        yield f"{len(left)} processes live on"
    for process_number in left:
        os.kill(process_number, signal.SIGKILL)


def is_complete(path):
    """Return whether a file that is not an input is a result, whole."""
    if path.name.startswith("."):
        return False
    text = path.read_text() if path.suffix in {".json", ".tsv", ".csv", ".txt"} else ""
    if path.suffix == ".json":
        return text.endswith("\n") and all(json.loads(line) for line in text.splitlines())
    if path.name == "sigma.npy":
        return len(np.load(path)) == 150
    if path.name == "run.ckpt":
        return path.read_bytes().startswith(b"gaedist checkpoint ")
    return text.endswith("\n")


def run_once(command, number, delay, to_group, *, module=False):
    """End a command by a signal after a delay; return its exit code and its faults."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs, mark = make_inputs(folder), f"{os.getpid()}-{time.monotonic_ns()}"
        process = started(command, folder, mark, module=module)
        try:
            out, err = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            (os.killpg if to_group else os.kill)(process.pid, number)
            out, err = process.communicate()
        faults = list(faults_of(process, number, out, err, folder, inputs, mark))
        return process.returncode, faults, err


def duration(command):
    """Return how long a command takes, which is compiled by then, in seconds, at most `_LONGEST`."""
    with tempfile.TemporaryDirectory() as name:
        make_inputs(Path(name))
        for longest in (_COMPILING, _LONGEST):
            began = time.monotonic()
            process = started(command, Path(name), "")
            try:
                process.communicate(timeout=longest)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.communicate()
    return time.monotonic() - began


def draw(rng, length, numbers):
    """Return a random signal, the delay until it is sent, and whether it goes to the whole group."""
    number = numbers[rng.integers(len(numbers))]
    early, late = rng.uniform(0, 0.15), rng.uniform(0, 1.1 * length)
    return number, early if rng.random() < 0.25 else late, bool(rng.random() < 0.3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200, help="of each command")
    parser.add_argument("--seconds", type=float, default=3600.0, help="at most, in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="commands that run side by side")
    parser.add_argument("--module", action="store_true", help="start python -m gaedist")
    parser.add_argument("--signal", choices=[number.name for number in SIGNALS], action="append")
    parser.add_argument("--only", choices=COMMANDS, action="append")
    options = parser.parse_args()
    numbers = [number for number in SIGNALS if number.name in (options.signal or number.name)]
    for number in set(SIGNALS) - {signal.SIGKILL}:
        signal.signal(
            number, signal.SIG_DFL
        )  # nohup and the & of a shell ignore some, also in what they start
    rng = np.random.default_rng(options.seed)
    names = options.only or list(COMMANDS)
    lengths = {name: duration(COMMANDS[name]) for name in names}
    print(
        "seconds without a signal:", {name: round(length, 1) for name, length in lengths.items()}, flush=True
    )
    began = time.monotonic()
    codes, faults = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)

    def run(name, number, delay, to_group):
        if time.monotonic() - began > options.seconds:
            return
        code, found, err = run_once(COMMANDS[name], number, delay, to_group, module=options.module)
        codes[name][code] += 1
        faults[name].update(found)
        if found:
            print(name, number.name, f"{delay:.3f} s", to_group, found, err.decode()[-1500:], flush=True)

    cases = [(name, *draw(rng, lengths[name], numbers)) for _ in range(options.runs) for name in names]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda case: run(*case), cases))
    for name in names:
        print(f"{name}: {sum(codes[name].values())} runs, exit codes {dict(sorted(codes[name].items()))}, ")
        print(f"    faults {dict(faults[name])}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
