"""What is written to a file of σ is read back; other datasets, inputs and the σ themselves are never lost."""

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaedist import GaedistError
from gaedist.smoothing.files import SigmaTarget, parse_sigma, read_sigma
from gaedist.smoothing.rules import RULES

ARRAYS = {
    "spherical": np.linspace(0.5, 2, 7),
    "radial": np.linspace(0.5, 2, 14).reshape(7, 2),
    "full": np.stack([np.eye(3) * k for k in range(1, 8)]) + 0.1,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("name", ["s.npy", "s.h5", "s.hdf5::deep/er"])
def test_what_is_written_is_read_back(array, name):
    target = SigmaTarget.parse(name)
    target.check()
    target.write(array)
    np.testing.assert_array_equal(read_sigma(name), array)
    target.check()
    target.write(2 * array)  # what gaedist wrote may be overwritten
    np.testing.assert_array_equal(read_sigma(target.name), 2 * array)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_orders_and_types_are_read(order, dtype):
    array = np.asarray(np.arange(1, 64).reshape(7, 3, 3), dtype=dtype, order=order)
    np.save("a.npy", array)
    np.testing.assert_array_equal(read_sigma("a.npy"), array)


def test_of_several_arrays_the_one_named_sigma_is_read():
    np.savez("a.npz", codes=np.ones((4, 3)), sigma=np.full(4, 0.5))
    np.testing.assert_array_equal(read_sigma("a.npz"), np.full(4, 0.5))


def test_other_datasets_are_kept_and_codes_are_still_found(gaedist):
    rng = np.random.default_rng(0)
    with h5py.File("codes.h5", "w") as file:
        file["epoch1"] = rng.normal(size=(20, 3))
    code, _, err = gaedist("sigma", "codes.h5", "--covariance", "radial", "-o", "codes.h5")
    assert (code, err) == (0, "")
    with h5py.File("codes.h5") as file:
        assert sorted(file) == ["epoch1", "sigma"]
    assert gaedist("score", "codes.h5", "--format", "value")[0] == 0
    assert gaedist("score", "codes.h5", "--sigma", "codes.h5", "--format", "value")[0] == 0


def test_what_gaedist_did_not_write_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with h5py.File("other.h5", "w") as file:
        file["a"] = 1
    with h5py.File("a.h5", "w") as file:
        file["codes"] = np.ones((4, 3))
        file["group/x"] = 1
        file["link"] = h5py.ExternalLink("other.h5", "/")
        file["soft"] = h5py.SoftLink("/codes")
    before = {name: Path(name).read_bytes() for name in ("a.h5", "other.h5")}
    for dataset, message in {
        "codes": "already has a codes that gaedist did not write",
        "group": "already has a group",
        "codes/x": "did not write|cannot be written",
        "link/x": "link is a link, and links are not followed",
        "soft": "soft is a link",
    }.items():
        target = SigmaTarget.parse(f"a.h5::{dataset}")
        with pytest.raises(GaedistError, match=message):
            target.write(np.ones(4))
    assert {name: Path(name).read_bytes() for name in before} == before


def test_sigma_that_cannot_be_written_is_saved_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with h5py.File("a.h5", "w") as file:
        file["codes"] = np.ones((4, 3))
    with pytest.raises(GaedistError, match=r"The σ were saved to .*gaedist-sigma-") as caught:
        SigmaTarget.parse("a.h5::codes").write(np.arange(4.0))
    name = str(caught.value).split("The σ were saved to ")[1].split(" instead")[0]
    np.testing.assert_array_equal(np.load(name), np.arange(4.0))


def test_sigma_that_cannot_be_saved_at_all_leaves_no_file(tmp_path, monkeypatch):
    def full(stream, _array):
        stream.write(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr("numpy.save", full)
    message = (
        r"^s\.npy: .*No space.* The σ are lost: nor could they be saved to .*temporary\. Give another -o\.$"
    )
    with pytest.raises(GaedistError, match=message):
        SigmaTarget.parse("s.npy").write(np.arange(4.0))
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("s.txt", r"a file of σ must be named PATH\.npy"),
        ("s.npy::x", r"a file of σ must be named PATH\.npy"),
        ("s.h5::..", "a file of σ must be named"),
        ("", "a file of σ must be named"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(GaedistError, match=message):
        SigmaTarget.parse(name)


def test_what_cannot_be_written_is_refused_beforehand(folder):
    np.save("codes.npy", np.ones((3, 2)))
    (folder / "text.h5").write_text("no HDF5")
    (folder / "folder.npy").mkdir()
    with pytest.raises(GaedistError, match="there is no such folder"):
        SigmaTarget.parse("none/s.npy").check()
    with pytest.raises(GaedistError, match="it is not a regular file"):
        SigmaTarget.parse("folder.npy").check()
    with pytest.raises(GaedistError, match="cannot be written to this HDF5 file"):
        SigmaTarget.parse("text.h5").check()
    with pytest.raises(GaedistError, match="cannot be written"):
        SigmaTarget.parse("x" * 300 + ".npy").check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "--sigma 'nope' is neither a number, nor a file, nor one of mean-field"),
        ("", "--sigma '' is neither a number"),
        ("x" * 5000, "neither a number"),
        ("0", "sigma must be a positive, finite number; got 0"),
        ("nan", "got nan"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(GaedistError, match=message):
        parse_sigma(text, RULES)


def test_files_without_an_array_of_sigma_are_refused():
    np.save("a.npy", np.ones((2, 2, 2, 2)))
    np.save("b.npy", np.array(["x"]))
    with pytest.raises(GaedistError, match="one to three axes"):
        read_sigma("a.npy")
    with pytest.raises(GaedistError, match="of type"):
        read_sigma("b.npy")


def test_a_file_that_another_process_writes_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("gaedist.smoothing.files._LOCK_TIMEOUT", 0.1)
    with h5py.File("a.h5", "w") as writer:
        writer["codes"] = np.ones((4, 3))
        writer.flush()
        with pytest.raises(GaedistError, match="another process has it open"):
            SigmaTarget.parse("a.h5").write(np.ones(4))
        writer["more"] = 1
    with h5py.File("a.h5") as file:
        assert sorted(file) == ["codes", "more"]
