"""Damaged HDF5 files, read through the sandbox: each must end in a result or one line, in 2 s and 300 MiB.

The seconds are those of a processor: on a busy machine, waiting for one is not counted.

    python tests/fuzz/hdf5.py --count 30000 --seed 1 --minutes 20

Files of each kind of storage, filter, format version and link are damaged: bits flipped, words replaced by
lengths and addresses that HDF5 does not expect, parts overwritten, moved, cut off, or spliced from another
file. `gaedist.inspect` lists and reads all arrays of each. A batch of files shares one sandbox, which forks
for each, so that thousands take minutes. What is printed: how the files ended, and every file that got past
the sandbox, with the number that makes it again (``--only``).
"""

import argparse
import multiprocessing
import os
import tempfile
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import h5py
import numpy as np

import gaedist
from gaedist.files.sandbox import sandbox_in_use, sandboxed

SECONDS, KILOBYTES, CHARACTERS = 2.0, 300 << 10, 1000
BATCH = 500


def originals():
    """Return the bytes of small files of every kind."""
    x = np.random.default_rng(0).normal(size=(60, 4))
    return [_written(x, libver, block) for libver in ("earliest", "latest", "v110") for block in (0, 512)] + [
        _storage(x, libver, options)
        for libver in ("earliest", "latest")
        for options in (
            {"chunks": (16, 4), "compression": "gzip"},
            {"chunks": (16, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
            {"chunks": (7, 4), "compression": "lzf", "maxshape": (None, 4)},
            {"chunks": (60, 4), "maxshape": (None, None), "shuffle": True},
            {"chunks": (10, 2), "fletcher32": True},
            {"chunks": (16, 4), "scaleoffset": 3},
            {},
        )
    ]


def _bytes_of(fill, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.h5")
        with h5py.File(path, "w", **options) as file:
            fill(file)
        return path.read_bytes()


def _storage(x, libver, options):
    """Return a file with one dataset, so that most of its bytes are about that."""
    return _bytes_of(lambda file: file.create_dataset("x", data=x, **options), libver=libver)


def _written(x, libver, block):
    """Return a file with groups, links, attributes and several ways to store."""

    def fill(file):
        file["contiguous"] = x
        file["group/deep/single"] = x.astype("f4")
        file.create_dataset("packed", data=x, chunks=(16, 4), compression="gzip", shuffle=True)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((5, 4))
        made = h5py.h5d.create(file.id, b"compact", h5py.h5t.NATIVE_DOUBLE, space, compact)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x[:5]))
        layout = h5py.VirtualLayout(shape=x.shape, dtype="f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", shape=x.shape)
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("outside", shape=(6, 4), dtype="f8", external=[("other.bin", 0, 192)])
        file["soft"] = h5py.SoftLink("/group/deep/single")
        file["external"] = h5py.ExternalLink("other.h5", "/x")
        file["hard"] = file["contiguous"]
        file["text"] = ["a", "bc"]
        file["enum"] = np.array([True, False])
        file["fields"] = np.zeros(3, [("a", "f8"), ("b", "i4", 2)])
        file["contiguous"].attrs["gaedist"] = "sigma"
        file["packed"].attrs["MATLAB_class"] = np.bytes_("double")
        for index in range(10):
            file["group"].attrs[f"name{index}"] = np.arange(index)

    return _bytes_of(fill, libver=libver, userblock_size=block)


def damaged(rng, sources):
    """Return one of the sources with one to four kinds of damage."""
    data = bytearray(sources[rng.integers(len(sources))])
    for _ in range(rng.integers(1, 5)):
        data = _DAMAGE[rng.integers(len(_DAMAGE))](rng, data, sources) or data
    return bytes(data)


def _flip(rng, data, _):
    for _ in range(rng.integers(1, 20)):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)


def _word(rng, data, _):
    """Replace a number of one to eight bytes by one that is too large, negative, zero or nearly right."""
    size = int(2 ** rng.integers(4))
    place = int(rng.integers(max(1, len(data) - size)))
    old = int.from_bytes(data[place : place + size], "little")
    new = [0, 1, old + 1, old - 1, old * 2, (1 << (8 * size)) - 1, 1 << (8 * size - 1), 1 << 30, len(data)]
    data[place : place + size] = (new[rng.integers(len(new))] % (1 << (8 * size))).to_bytes(size, "little")


def _overwrite(rng, data, _):
    place, size = rng.integers(len(data)), rng.integers(1, 64)
    data[place : place + size] = rng.bytes(len(data[place : place + size]))


def _zero(rng, data, _):
    place, size = rng.integers(len(data)), rng.integers(1, 200)
    data[place : place + size] = bytes(len(data[place : place + size]))


def _move(rng, data, _):
    """Copy a part of the file over another."""
    size = int(rng.integers(1, 300))
    a, b = rng.integers(max(1, len(data) - size), size=2)
    data[b : b + size] = data[a : a + size]


def _cut(rng, data, _):
    return data[: max(9, int(rng.integers(len(data))))]


def _splice(rng, data, sources):
    """Put the middle of another file in the same place."""
    other = sources[rng.integers(len(sources))]
    a, b = sorted(rng.integers(min(len(data), len(other)), size=2))
    data[a:b] = other[a:b]


def _insert(rng, data, _):
    place = int(rng.integers(8, len(data)))
    data[place:place] = rng.bytes(int(rng.integers(1, 16)))


_DAMAGE = [_flip, _flip, _word, _word, _word, _overwrite, _zero, _move, _cut, _splice, _insert]


def judged(path):
    """Inspect a file; return how it ended, what it took, and whether it got past the sandbox."""
    began, fault = time.monotonic(), None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = gaedist.inspect(path)
        texts = [report.problem or "" for report in found]
        ending = "result"
        for text in texts:
            ending = _ending(text) or ending
    except gaedist.GaedistError as error:
        texts = [str(error)]
        ending = _ending(texts[0]) or "refused"
    except Exception:
        texts, ending, fault = [], "exception", traceback.format_exc()
    seconds = time.monotonic() - began
    _, kilobytes, processor = sandbox_in_use().status
    if any(len(text) > CHARACTERS or "\n" in text for text in texts):
        fault = f"message of {max(map(len, texts))} characters"
    if processor > SECONDS:
        fault = f"{processor:.1f} s"
    if kilobytes > KILOBYTES:
        fault = f"{kilobytes >> 10} MiB"
    return ending, seconds, kilobytes, processor, fault


def _ending(text):
    for part, name in (("crashed the sandbox", "crash stopped"), ("was stopped after", "hang stopped"),
                       ("more memory than the sandbox", "memory stopped")):  # fmt: skip
        if part in text:
            return name
    return None


def batch(seed, numbers):
    """Judge the files of these numbers in one sandbox."""
    sources, endings, faults, worst = originals(), Counter(), [], np.zeros(3)
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as temporary, sandboxed():
        path = Path(temporary, "x.h5")
        path.write_bytes(sources[0])
        judged(str(path))  # starts the sandbox
        for number in numbers:
            path.write_bytes(damaged(np.random.default_rng([seed, number]), sources))
            os.utime(path, (0, 0))  # or reading waits until a later write would show
            ending, *taken, fault = judged(str(path))
            endings[ending] += 1
            endings["over 2 s by the clock"] += taken[0] > SECONDS
            worst = np.maximum(worst, taken)
            if fault:
                faults.append((number, fault))
    return endings, faults, worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", type=int, help="judge one file, and keep it as fuzz-NUMBER.h5")
    options = parser.parse_args()
    if options.only is not None:
        data = damaged(np.random.default_rng([options.seed, options.only]), originals())
        Path(f"fuzz-{options.only}.h5").write_bytes(data)
        print(batch(options.seed, [options.only]))
        return
    began, endings, worst, past = time.monotonic(), Counter(), np.zeros(3), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        starts = range(0, options.count, BATCH)
        jobs = [pool.submit(batch, options.seed, range(a, min(options.count, a + BATCH))) for a in starts]
        for job in as_completed(jobs):
            found, faults, taken = job.result()
            endings.update(found)
            worst = np.maximum(worst, taken)
            past += len(faults)
            for number, fault in faults:
                print(f"past the sandbox: --seed {options.seed} --only {number}: {fault}", flush=True)
            if time.monotonic() - began > 60 * options.minutes:
                for other in jobs:
                    other.cancel()
                break
    slow = endings.pop("over 2 s by the clock")
    print(f"{sum(endings.values())} files in {time.monotonic() - began:.0f} s: {dict(endings.most_common())}")
    print(f"at most {worst[2]:.2f} s of processor time, {worst[1] / 1024:.0f} MiB")
    print(f"by the clock at most {worst[0]:.2f} s, {slow} files over {SECONDS:g} s")
    print(f"{past} got past the sandbox")


if __name__ == "__main__":
    main()
