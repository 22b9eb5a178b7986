"""Every message is one printable line of at most 1,000 characters, whatever names a file holds.

The same names are escaped in tables, TSV and JSON. Long lists give ten names and a count.
"""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import ArrayReport, GaedistError, compare, inspect, score, sigma
from gaedist.errors import MAX_MESSAGE, PREFIX, one_line, printable, some_of
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection
from gaedist.smoothing.files import SigmaTarget, parse_sigma, read_sigma

X = np.random.default_rng(0).normal(size=(20, 3))
EVIL = "\x1b[31mred\x1b]0;title\x07\r\n\x00\x85\u202e\u2028"
NAMES = {"evil": EVIL.replace("\0", ""), "long": "long" * 15_000, "both": 1000 * EVIL.replace("\0", "")}


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def raw_npy(**fields):
    header = repr({"descr": "<f8", "fortran_order": False, "shape": (20, 3)} | fields).encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + X.tobytes()


@pytest.fixture(params=["evil", pytest.param("long", marks=pytest.mark.slow), "both"])
def hostile(request, tmp_path, monkeypatch):
    """Write files whose arrays have a hostile name; return the name."""
    monkeypatch.chdir(tmp_path)
    return written(NAMES[request.param])


def written(name):
    bad = np.where(np.arange(20)[:, None] == 3, np.nan, X)
    wide = np.zeros(20, [(name[:200], float), ("b", float)])
    kinds = {"one": bad, "flat": X[0], "cube": X[np.newaxis], "bytes": np.zeros((2, 2), "S3"), "wide": wide}
    for kind, array in kinds.items():
        with zipfile.ZipFile(f"{kind}.npz", "w") as archive:
            archive.writestr(f"{name}.npy", npy(array) if kind != "wide" else raw_npy(descr=wide.dtype.descr))
    with zipfile.ZipFile("two.npz", "w") as archive:
        for k in range(300):
            archive.writestr(f"{k}{name[:300]}.npy", npy(X))
    with zipfile.ZipFile("torn.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{name}.npy", npy(X))
    with h5py.File("x.h5", "w") as file:
        file[name] = X[0]
        file["link"] = h5py.ExternalLink(name, "/x")
        file["odd"] = np.zeros((2, 2), "S3")
        for k in range(50):
            file[f"{k}{name[:300]}"] = X
    Path("axes.npy").write_bytes(raw_npy(shape=(1,) * 2000))
    Path("big.npy").write_bytes(raw_npy(shape=(2**61, 2**61)))
    Path("type.npy").write_bytes(raw_npy(descr="\x1b[31m"))
    Path("text.npy").write_text(name)
    return name


def paths(name):
    files = [*(str(path) for path in Path().iterdir()), "none.npy", f"none{name[:100]}", name]
    return [*files, *(f"{file}::{name}" for file in files), "x.h5::link", "x.h5::odd", "two.npz::0"]


def assert_bounded(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except GaedistError as error:
        message = str(error)
        assert message.isprintable()
        assert len(PREFIX + message) <= MAX_MESSAGE
        return None


def test_every_error_about_a_file_is_one_bounded_line(hostile):
    for path in paths(hostile):
        assert_bounded(read_latents, path)
        assert_bounded(read_latents, path, Selection(dataset=hostile))
        assert_bounded(read_sigma, path)
        assert_bounded(parse_sigma, path, ["median"])
        assert_bounded(SigmaTarget.parse, path)
        assert_bounded(score, path, sigma=2.0)
        assert_bounded(sigma, path)
        assert_bounded(compare, path, X)
        for report in assert_bounded(inspect, path) or ():
            assert isinstance(report, ArrayReport)
            for text in (report.problem or "", report.dtype or "", *report.notes):
                assert text.isprintable()
                assert len(text) <= MAX_MESSAGE


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(("both", form) for form in ("table", "json")),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("both", "tsv"), ("evil", "table"), ("long", "json"))
        ),
    ],
)
def test_nothing_from_a_file_is_printed_raw(gaedist, tmp_path, monkeypatch, name, form):
    monkeypatch.chdir(tmp_path)
    files = paths(written(NAMES[name]))
    for arguments in (["inspect", *files], ["score", *files], ["sigma", files[0]], ["compare", *files[:2]]):
        _, out, err = gaedist(*arguments, "--format", form)
        assert out.replace("\t", "").replace("\n", "").isprintable()
        for line in err.rstrip("\n").split("\n"):
            assert line.isprintable()
            assert len(line) <= MAX_MESSAGE


def test_long_lists_are_ten_names_and_a_count():
    names = [f"a{k}" for k in range(2000)]
    assert some_of(names[:10], 10) == ", ".join(names[:10])
    assert some_of(names, 2000) == ", ".join(names[:10]) + " and 1990 more"
    assert some_of([], 0) == ""


def test_the_middle_of_a_long_text_is_left_out():
    assert one_line("short", 20) == "short"
    text = one_line(f"what is wrong {'x' * 100} what to do", 40)
    assert len(text) == 40
    assert text.startswith("what is wrong")
    assert text.endswith(" what to do")
    text = one_line("\x1b" * 10**6, 100)
    assert len(text) == 100
    assert text.isprintable()
    assert printable("a\tb\n") == "a\\tb\\n"


def test_an_error_can_be_passed_between_processes():
    error = pickle.loads(pickle.dumps(GaedistError(f"{EVIL} is wrong.")))
    assert isinstance(error, GaedistError)
    assert str(error) == f"{printable(EVIL)} is wrong."
