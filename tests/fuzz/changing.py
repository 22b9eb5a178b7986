"""Read files while another process rewrites, truncates, extends, overwrites, replaces and removes them.

    python tests/fuzz/changing.py --reads 20000 --seconds 600

Every number in a file is the same, and every write has another number, so codes that are a mixture of two
writes are seen. Counted are mixtures, exceptions other than `GaedistError`, and processes that die, as by
SIGBUS.
"""

import argparse
import collections
import io
import multiprocessing
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

import gaedist
from gaedist.files import stored_array
from gaedist.files.codes import read_latents

NAMES = ("codes.npy", "fortran.npy", "codes.npz", "packed.npz", "codes.h5", "chunked.h5")
SHAPE = (600, 40)


def content(name, k):
    """Return a file whose numbers are all k."""
    stream, codes = io.BytesIO(), np.full(SHAPE, float(k))
    if name == "fortran.npy":
        codes = np.asfortranarray(codes)
    if name.endswith(".npy"):
        np.save(stream, codes)
    elif name.endswith(".npz"):
        (np.savez_compressed if name == "packed.npz" else np.savez)(stream, codes=codes)
    else:
        options = {"chunks": (50, 40), "compression": "gzip"} if name == "chunked.h5" else {}
        with h5py.File(stream, "w") as file:
            file.create_dataset("codes", data=codes, **options)
    return stream.getvalue()


def change(path, whole, rng):
    """Change a file in one of six ways, in place or not."""
    way = rng.integers(6)
    if way == 0:  # as numpy.save does: cut to nothing, then written in pieces
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(whole), 16384):
                file.write(whole[start : start + 16384])
    elif way == 1:
        with suppress(FileNotFoundError):
            os.truncate(path, rng.integers(len(whole)))
    elif way == 2:
        with path.open("ab") as file:
            file.write(whole[: rng.integers(len(whole))])
    elif way == 3:  # from the end to the start
        with path.open("r+b" if path.exists() else "wb", buffering=0) as file:
            for start in reversed(range(0, len(whole), 16384)):
                file.seek(start)
                file.write(whole[start : start + 16384])
    elif way == 4:
        (path.parent / "new").write_bytes(whole)
        (path.parent / "new").replace(path)
    else:
        path.unlink(missing_ok=True)
        path.write_bytes(whole)


def keep_changing(folder, seed):
    """Change files until this process is ended."""
    rng, k = np.random.default_rng(seed), 0
    contents = {name: [content(name, k) for k in range(1, 9)] for name in NAMES}
    while True:
        k += 1
        for name in NAMES:
            change(Path(folder) / name, contents[name][k % 8], rng)
            if rng.random() < 0.8:  # then whole for a while
                time.sleep(0.001)
                (Path(folder) / name).write_bytes(contents[name][k % 8])
                time.sleep(rng.uniform(0, 0.05))


def outcome_of(path, call):
    """Read a file once; return what became of that in a word or two."""
    try:
        if call == "inspect":
            gaedist.inspect(path)
            return "read"
        codes = read_latents(str(path)).codes
    except gaedist.GaedistError as error:
        text = str(error)
        assert len(text) <= 1000
        assert "\n" not in text
        return re.sub(r"[\d.]+", "…", text.partition(": ")[2])[:60]
    except Exception as error:
        return f"FAULT {type(error).__name__}: {error}"
    if codes.shape != SHAPE or len(np.unique(codes)) != 1:
        return "FAULT: a mixture"
    return "read"


def reads(folder, count, seconds):
    """Read files while they change; return how often what happened."""
    stored_array.BLOCK_BYTES = 4096  # so that a file is read in many steps
    outcomes, rng, began = collections.Counter(), np.random.default_rng(1), time.monotonic()
    for _ in range(count):
        if time.monotonic() - began > seconds:
            break
        name, call = NAMES[rng.integers(len(NAMES))], ("inspect", "read", "read")[rng.integers(3)]
        outcomes[name, outcome_of(Path(folder) / name, call)] += 1
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            (Path(folder) / name).write_bytes(content(name, 1))
        writer = multiprocessing.get_context("spawn").Process(
            target=keep_changing, args=(folder, options.seed), daemon=True
        )
        writer.start()
        try:
            outcomes = reads(folder, options.reads, options.seconds)
        finally:
            writer.terminate()
            writer.join()
    for (name, what), count in sorted(outcomes.items()):
        print(f"{count:7} {name:12} {what}")
    faults = sum(count for (_, what), count in outcomes.items() if what.startswith("FAULT"))
    print(f"{sum(outcomes.values())} reads, {faults} faults")


if __name__ == "__main__":
    main()
