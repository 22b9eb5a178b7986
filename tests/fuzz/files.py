"""Mutated files of every format but HDF5: each gives a result or one `GaedistError` within 2 s and 300 MiB.

    python tests/fuzz/files.py [--cases 200000] [--seconds 1200] [--seed 0] [--processes 2]

A case is a file with one to three mutations: bits flipped, a part cut off, overwritten, moved or taken from
another file, another header of an .npy, a number in a record of the zip directory or in a text, a field of a
text, another pickle in a file of PyTorch, random bytes after a magic number. It is read as codes and
inspected, one in eight from standard input. The figures are printed; a case that fails is saved, and named.
`tests/files/test_mutations.py` runs some cases with every run of the tests.
"""

import argparse
import io
import json
import multiprocessing
import os
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gaedist import GaedistError, inspect
from gaedist.errors import MAX_MESSAGE, PREFIX
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection

SECONDS, MIB = 2.0, 300  # of processor time, and of memory beyond that of the imports
_HANG = 30.0  # seconds of any time

MAGICS = [b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY", b"\x80\x02"]
MAGICS += [b"PAR1", b"\x40\0\0\0\0\0\0\0{", b"1,2\n"]
SIGNATURES = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"]
NUMBERS = [
    0,
    1,
    2,
    3,
    8,
    9,
    20,
    100,
    255,
    256,
    2**15,
    2**16 - 1,
    2**20,
    2**30,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
]
SHAPES = [
    "()",
    "(0,)",
    "(3,)",
    "(2, 2)",
    "(50, 4)",
    "(4, 50)",
    "(0, 4)",
    "(2**40, 64)",
    "(-1, 4)",
    "(10**12, 64)",
]
SHAPES += [
    "(1099511627776, 64)",
    "(268435456, 1)",
    "(4194304, 8)",
    "(1, 200)",
    "(200, 1)",
    "(5, 5, 8)",
    "(True, 2)",
]
SHAPES += [
    "(" + "1, " * 40 + ")",
    "(" + "9" * 400 + ", 1)",
    "((2,), 2)",
    "(2.0, 2)",
    "'(2, 2)'",
    "[2, 2]",
    "None",
]
TYPES = [
    "<f8",
    ">f8",
    "<f4",
    "<f2",
    "<i8",
    "|u1",
    "|b1",
    "<c16",
    "|O",
    "|V2",
    "|V0",
    "|S0",
    "|S2147483647",
    "<U9",
]
TYPES += [
    "<M8[s]",
    "f",
    "float128",
    "nonsense",
    "",
    "<f8, <f8",
    "(2,)<f8",
    "\x1b[31m",
    "<V1000000000",
    "|i1",
    "<u8",
]


FIELDS = [
    b"",
    b"abc",
    b'"',
    b"1e999",
    b"nan",
    b"NA",
    b"-inf",
    b"0x1p3",
    b"1_0",
    b"\0",
    b"\xff",
    b"#",
    b"\r",
    b"1j",
]
FIELDS += [
    b"\n\n",
    b",",
    b",,,,",
    b"\t",
    b"9" * 5000,
    b'"1\n2"',
    b'{"a":',
    b"[",
    b"true",
    b"F64",
    b"BF16",
    b"F4",
]
X = np.random.default_rng(0).normal(size=(50, 4))


def _npy() -> Iterator[bytes]:
    arrays = [X, np.asfortranarray(X), X.astype(">f4"), X.astype("f2"), X[0], X[:, :, np.newaxis]]
    arrays += [(100 * X).astype("i4"), X.view([("a", float), ("b", float), ("c", float), ("d", float)])]
    for array in arrays:
        for version in ((1, 0), (2, 0)):
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, version)
            yield stream.getvalue()


def _npz() -> Iterator[bytes]:
    for save in (np.savez, np.savez_compressed):
        for members in (
            {"codes": X},
            {"mu": X[0], "sigma": X.T @ X},
            {"a": X, "b": np.asfortranarray(X), "c": X[0]},
        ):
            stream = io.BytesIO()
            save(stream, **members)
            yield stream.getvalue()


def safetensors(tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> bytes:
    """Return a .safetensors file of tensors, by their names: type, shape and bytes."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, shape, content) in tensors.items():
        header[name] = {
            "dtype": kind,
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _safetensors() -> Iterator[bytes]:
    double = "F64", X.shape, X.tobytes()
    half = "BF16", X.shape, X.astype("<f4").view("<u2")[:, 1::2].tobytes()
    single = "F32", (4, 50), X.T.astype("<f4").tobytes()
    for tensors in ({"x": double}, {"half": half}, {"x": double, "half": half, "single": single}):
        yield safetensors(tensors)


def _pytorch() -> Iterator[bytes]:
    if find_spec("torch") is None:  # it is not among the packages of the tests
        return
    import torch

    x = torch.from_numpy(X)
    for saved in (
        x,
        {"mu": x, "epoch": 3, "half": x.bfloat16(), "parameter": torch.nn.Parameter(x.T)},
        [x],
        {"none": {"x": x}},
    ):
        stream = io.BytesIO()
        torch.save(saved, stream)
        yield stream.getvalue()


def _parquet() -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: X[:, k] for k, name in enumerate("abcd")}
    listed = {"id": np.arange(50), "codes": list(X.astype("f4"))}
    for table in (columns, listed, columns | {"a": (100 * X[:, 0]).astype("i4"), "b": [None, *X[1:, 1]]}):
        for settings in ({"compression": "none"}, {"compression": "zstd", "row_group_size": 20}):
            stream = io.BytesIO()
            pq.write_table(pa.table(table), stream, **settings)
            yield stream.getvalue()


def _csv(delimiter: str = ",") -> Iterator[bytes]:
    for settings in ({"header": delimiter.join("abcd"), "comments": ""}, {"header": "written by hand"}, {}):
        stream = io.BytesIO()
        np.savetxt(stream, X, delimiter=delimiter, **settings)
        yield stream.getvalue()
    yield (
        delimiter.join(["", "a", "b"]).encode()
        + f"\r\n0{delimiter}1{delimiter}\r\n1{delimiter}NA{delimiter}2".encode()
    )


ORIGINALS = {
    ".npy": _npy,
    ".npz": _npz,
    "safetensors": _safetensors,
    "PyTorch": _pytorch,
    "Parquet": _parquet,
    "CSV": _csv,
    "TSV": partial(_csv, "\t"),
}
"""Name of a format → the files that are mutated. `tests/fuzz/hdf5.py` has those of HDF5."""

SEEDS = [data for originals in ORIGINALS.values() for data in originals()]


def mutated(rng: np.random.Generator) -> tuple[str, bytes]:
    """Return the kinds of the mutations, and a mutated file."""
    data = bytearray(SEEDS[rng.integers(len(SEEDS))])
    kinds = rng.choice(list(MUTATIONS), rng.integers(1, 4))
    for kind in kinds:
        data = MUTATIONS[kind](rng, data)
    return "+".join(kinds), bytes(data)


def _flip(rng, data):
    for _ in range(rng.integers(1, 17) if data else 0):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def _flip_early(rng, data):
    for _ in range(rng.integers(1, 5) if data else 0):
        data[rng.integers(min(len(data), 128))] ^= 1 << rng.integers(8)
    return data


def _cut(rng, data):
    a, b = sorted(rng.integers(0, len(data) + 1, 2))
    return data[:b] if rng.integers(2) else data[:a] + data[b:]


def _overwrite(rng, data):
    a, b = sorted(rng.integers(0, len(data) + 1, 2))
    b = min(b, a + 64)
    filling = bytes(b - a) if rng.integers(2) else rng.bytes(b - a)
    return data[:a] + filling + data[b:]


def _splice(rng, data):
    other = data if rng.integers(2) else SEEDS[rng.integers(len(SEEDS))]
    a, b = sorted(rng.integers(0, len(other) + 1, 2))
    place = rng.integers(0, len(data) + 1)
    return data[:place] + other[a:b] + data[place if rng.integers(2) else place + b - a :]


def _header(rng, data):
    """Replace the header of one of the .npy by another that NumPy would parse."""
    start = data.find(b"\x93NUMPY", rng.integers(0, max(1, len(data) // 2)))
    if start < 0 or len(data) < start + 12:
        return data
    shape, descr = rng.choice(SHAPES), rng.choice(TYPES)
    fields = {"descr": descr, "fortran_order": bool(rng.integers(2)), "shape": "@"}
    if rng.integers(8) == 0:
        fields |= {"extra": 1}
    text = repr(fields).replace("'@'", shape).encode() + b"\n"
    if rng.integers(8) == 0:
        text = b"(" * int(rng.integers(1, 9000)) + text
    old = struct.unpack("<H", data[start + 8 : start + 10])[0]
    if rng.integers(2):  # keep all other positions
        text = text[:-1].ljust(old - 1)[: max(0, old - 1)] + b"\n"
    length = len(text) if rng.integers(8) else int(rng.integers(1 << 16))
    return data[: start + 8] + struct.pack("<H", length & 0xFFFF) + text + data[start + 10 + old :]


def _directory(rng, data):
    """Put a number into a record of the zip directory."""
    signature = SIGNATURES[rng.integers(len(SIGNATURES))]
    places = [k for k in range(len(data)) if data.startswith(signature, k)]
    if not places:
        return data
    place = places[rng.integers(len(places))] + int(rng.integers(4, 46))
    width = int(rng.choice([1, 2, 4, 8]))
    number = NUMBERS[rng.integers(len(NUMBERS))] if rng.integers(2) else int(rng.integers(0, len(data) + 9))
    return data[:place] + (number % (1 << 8 * width)).to_bytes(width, "little") + data[place + width :]


def _random(rng, data):
    """Random bytes after a magic number."""
    return bytearray(MAGICS[rng.integers(len(MAGICS))] + rng.bytes(rng.integers(0, 400)))


def _flip_late(rng, data):
    for _ in range(rng.integers(1, 9) if data else 0):
        data[-rng.integers(1, min(len(data), 600) + 1)] ^= 1 << rng.integers(8)
    return data


def _digits(rng, data):
    """Put another number in place of digits."""
    places = [match.span() for match in re.finditer(rb"\d+", data[:4000])]
    if not places:
        return data
    a, b = places[rng.integers(len(places))]
    return data[:a] + str(NUMBERS[rng.integers(len(NUMBERS))]).encode() + data[b:]


def _field(rng, data):
    """Put something else between two marks of a text."""
    places = [match.span() for match in re.finditer(rb'[^,\t\n"\[\]]+', data[:8000])]
    if not places:
        return data
    a, b = places[rng.integers(len(places))]
    return data[:a] + FIELDS[rng.integers(len(FIELDS))] + data[b:]


def _pickle(rng, data):
    """Damage the pickle in a file of PyTorch, and write the file anew with its checksums."""
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(stream, "w") as written:
            for info in archive.infolist():
                content = bytearray(archive.read(info))
                if info.filename.endswith("data.pkl"):
                    content = (_flip, _cut, _overwrite, _splice)[rng.integers(4)](rng, content)
                written.writestr(info.filename, bytes(content))
    except Exception:  # of a file that is no zip any more
        return data
    return bytearray(stream.getvalue())


MUTATIONS = {
    "flip": _flip,
    "flip early": _flip_early,
    "cut": _cut,
    "overwrite": _overwrite,
    "splice": _splice,
    "header": _header,
    "directory": _directory,
    "random": _random,
    "flip late": _flip_late,
    "digits": _digits,
    "field": _field,
    "pickle": _pickle,
}


def outcome(path: Path, data: bytes, piped: bool) -> str:
    """Read and inspect a file; raise what is neither a result nor a `GaedistError`.

    The suffix of the path matters only to text, as all other files are recognised by their first bytes.
    """
    if piped:
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
        return _ended(lambda: read_latents("-", Selection(drop_nonfinite=True)))
    path.write_bytes(data)
    os.utime(path, (0, 0))  # or reading waits until a later write would show
    ended = _ended(lambda: read_latents(str(path), Selection(drop_nonfinite=True)))
    _ended(lambda: inspect(path))
    return ended


def _ended(action) -> str:
    try:
        action()
    except GaedistError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(PREFIX + message) <= MAX_MESSAGE, len(message)
        return "refused"
    return "read"


class _Late(BaseException):
    pass


def _late(_signal, _frame):
    raise _Late


def work(seed: int, cases: int, seconds: float, folder: str) -> tuple[Counter, list[str], float, float]:
    """Run the cases of one process; return counts, failures, the longest time and the memory in MiB."""
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _late)
    signal.signal(signal.SIGALRM, _late)
    path, saved = Path(folder, f"{seed}.csv"), Path(folder)
    rng = np.random.default_rng(seed)
    for data in SEEDS:  # imports
        outcome(path, data, False)
    counts, failures, longest, began = Counter(), [], 0.0, time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(cases):
        if time.monotonic() - began > seconds:
            break
        kinds, data = mutated(rng)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, _HANG)
        try:
            ended = outcome(path, data, case % 8 == 0)
        except _Late:
            ended = "late"
        except BaseException:
            ended = "failed"
            failures.append(traceback.format_exc(limit=-3))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        longest = max(longest, time.process_time() - start)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if (used - before) / 1024 > MIB:
            ended, before = "large", used
        if ended in ("late", "failed", "large"):
            failures.append(f"{kinds}: {ended}, saved as {saved / f'{seed}-{case}.{ended}'}")
            (saved / f"{seed}-{case}.{ended}").write_bytes(data)
        counts[ended] += 1
        counts.update(f"  {kind}" for kind in kinds.split("+"))
    return counts, failures, longest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> int:
    """Run all cases and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="gaedist-fuzz-")
    tasks = [
        (1000 * given.seed + k, -(-given.cases // given.processes), given.seconds, folder)
        for k in range(given.processes)
    ]
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        results = pool.starmap(work, tasks)
    counts = sum((result[0] for result in results), Counter())
    failures = [failure for result in results for failure in result[1]]
    for name, count in sorted(counts.items()):
        print(f"{name:12} {count:9}")
    print("\n".join(failures[:40]))
    longest, memory = max(r[2] for r in results), max(r[3] for r in results)
    print(f"{len(failures)} failures, longest {longest:.2f} s, {memory:.0f} MiB more than at first; {folder}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
