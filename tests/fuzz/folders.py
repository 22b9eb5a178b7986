"""Write every kind of file to folders that are read-only, full, or not there, and look at what is left.

    python tests/fuzz/folders.py

Run as root, which may mount a file system of 1 MB. Commands whose folder is read-only are run without root's
right to pass over permissions. Counted are exit codes other than those expected, more than one line on
standard error, old files that were changed, temporaries, and results that were lost.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py
import numpy as np

POWERLESS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
SCORE = "score {codes} --format value"
SIMULATED = "score {codes} --metric energy --null monte-carlo --replicates 20 --format json"

CASES = {
    "-o, JSON": ("score {codes} -o {folder}/old.json", 2),
    "-o, new": ("score {codes} -o {folder}/new.tsv", 2),
    "-o, CSV": ("inspect {codes} -o {folder}/old.csv", 2),
    "-o of compare": ("compare {codes} {codes} -o {folder}/old.json", 2),
    "-o of metrics": ("metrics -o {folder}/old.txt", 2),
    "sigma -o, .npy": ("sigma {codes} -o {folder}/old.npy", 2),
    "sigma -o, new .npy": ("sigma {codes} -o {folder}/new.npy", 2),
    "sigma -o, .h5": ("sigma {codes} -o {folder}/old.h5::more", 2),
    "sigma -o, new .h5": ("sigma {codes} -o {folder}/new.h5", 2),
    "sigma -o, TMPDIR": ("TMPDIR={folder} sigma {codes} -o {folder}/new.npy", 2),
    "--checkpoint": ("score {codes} --checkpoint {folder}/new.ckpt --format value", None),
    "Numba's cache": (f"NUMBA_CACHE_DIR={{folder}} {SCORE} --sigma mean-field", 0),
    "simulated values": (f"XDG_CACHE_HOME={{folder}} {SIMULATED}", 0),
    "no HOME": (f"HOME= XDG_CACHE_HOME= {SIMULATED}", 0),
    "HOME": (f"HOME={{folder}} XDG_CACHE_HOME= NUMBA_CACHE_DIR= {SCORE}", 0),
    "TMPDIR": (f"TMPDIR={{folder}} {SCORE}", 0),
    "working folder": (f"PWD={{folder}} {SCORE}", 0),
    "sandbox": (f"TMPDIR={{folder}} {SCORE} --sandbox", 0),
}
"""Name → what is run, with its environment, and its exit code; None where a run may refuse or go on."""

MADE = {"working folder", "Numba's cache", "simulated values", "HOME"}
"""What is made where it is missing, or cannot be missing."""


def make_old(folder):
    """Write what must survive."""
    for name in ("old.json", "old.csv", "old.txt"):
        (folder / name).write_text("{}\n")
    np.save(folder / "old.npy", np.ones(3))
    with h5py.File(folder / "old.h5", "w") as file:
        file["kept"] = np.arange(4.0)


@contextmanager
def folder_of(kind, base):
    """Yield a folder of a kind and the words that a command must begin with."""
    folder = base / kind
    if kind == "missing":
        yield folder, []
        return
    folder.mkdir()
    if kind == "full":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        make_old(folder)
        if kind == "full":
            fill(folder)
        else:
            folder.chmod(0o555)
        yield folder, POWERLESS if kind == "read-only" else []
    finally:
        if kind == "full":
            subprocess.run(["umount", folder], check=True)


def fill(folder):
    """Fill a file system to the last byte."""
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def faults_of(case, folder, codes, prefix):
    """Run a case; yield a word for each fault."""
    line, expected = CASES[case]
    words = line.format(folder=folder, codes=codes).split()
    settings = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    where = settings.pop("PWD", None)
    environment = {**os.environ, **settings}
    environment = {name: value for name, value in environment.items() if value}
    before, others = contents(folder), set(codes.parent.iterdir())
    program = [*prefix, sys.executable, "-m", "gaedist", *[word for word in words if "=" not in word]]
    done = subprocess.run(
        program, capture_output=True, text=True, env=environment, cwd=where or codes.parent, timeout=300
    )
    lines = [text for text in done.stderr.splitlines() if "compiling for this machine" not in text]
    print(f"  {case}: exit code {done.returncode} {lines}", flush=True)
    if expected is not None and done.returncode != expected:
        yield f"exit code {done.returncode}"
    if len(lines) > (done.returncode != 0 or expected is None) or any(
        not text.startswith("gaedist: ") for text in lines
    ):
        yield f"lines {lines}"
    if done.returncode == 0 and not done.stdout:
        yield "no result"
    if done.returncode == 0 and "json" in words:
        json.loads(done.stdout)
    if after := contents(folder).items() ^ before.items():
        yield f"files changed: {sorted(name for name, _ in after)}"
    if left := set(codes.parent.iterdir()) - others:
        yield f"left {left}"


def main():
    total, faults = 0, []
    with tempfile.TemporaryDirectory() as name:
        codes = Path(name) / "work" / "codes.npy"
        codes.parent.mkdir()
        np.save(codes, np.random.default_rng(0).normal(size=(300, 3)))
        for kind in ("read-only", "full", "missing"):
            with folder_of(kind, Path(name)) as (folder, prefix):
                print(kind, flush=True)
                for case in CASES:
                    if kind == "missing" and case in MADE:
                        continue
                    total += 1
                    faults += [(kind, case, fault) for fault in faults_of(case, folder, codes, prefix)]
    print(f"{total} cases, {len(faults)} faults")
    for fault in faults:
        print(*fault)


if __name__ == "__main__":
    main()
