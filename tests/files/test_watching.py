"""A file is found once, when its size and time are steady or it was renamed into place; a file that failed is
found again when it changes; a file that is gone is named.
"""

import os
import time

import pytest

from gaedist import GaedistError
from gaedist.files.watching import Watched

AGO = 3600


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def write(path, text="codes", age=0.0):
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


def fresh(path, text="codes"):
    """Write a file, whose times are now."""
    path.write_text(text)


def test_a_file_that_grows_is_waited_for(run):
    watched = Watched("run", 1000, set())
    fresh(run / "a.npy", "c")
    assert watched.look() == ([], [])
    with (run / "a.npy").open("a") as stream:
        stream.write("odes")
    assert watched.look() == ([], [])
    assert watched.look() == (["run/a.npy"], [])


def test_a_file_that_was_renamed_into_place_is_complete(run):
    watched = Watched("run", 1000, set())
    fresh(run / ".tmp")
    time.sleep(0.02)
    (run / ".tmp").rename(run / "a.npy")
    assert watched.look() == (["run/a.npy"], [])


def test_an_old_file_is_complete(run):
    write(run / "a.npy", age=AGO)
    assert Watched("run", 1, set()).look()[0] == ["run/a.npy"]


def test_an_empty_file_is_not_complete(run):
    write(run / "a.npy", "", age=AGO)
    watched = Watched("run", 1, set())
    assert watched.look()[0] == watched.look()[0] == []


def test_a_file_is_done_once(run):
    write(run / "a.npy", age=AGO)
    watched = Watched("run", 1, set())
    watched.look()
    watched.done.add("run/a.npy")
    write(run / "a.npy", "other", age=AGO)
    assert watched.look() == ([], [])


def test_a_file_that_failed_is_tried_when_it_changes(run):
    write(run / "a.npy", age=AGO)
    watched = Watched("run", 1, set())
    watched.look()
    watched.failed("run/a.npy")
    assert watched.look()[0] == []
    write(run / "a.npy", "longer codes", age=AGO - 10)
    assert watched.look()[0] == ["run/a.npy"]


def test_a_file_that_is_gone_is_named_once(run):
    fresh(run / "a.npy")
    watched = Watched("run", 1000, set())
    watched.look()
    (run / "a.npy").unlink()
    assert watched.look() == ([], ["run/a.npy"])
    assert watched.look() == ([], [])


def test_which_files_are_looked_at(run):
    for name in ("a.npy", "b.NPZ", "c.h5", "notes.txt", ".hidden.npy", "model.pt"):
        write(run / name, age=AGO)
    (run / "folder.npy").mkdir()
    (run / "gone.npy").symlink_to(run / "nothing")
    assert sorted(Watched("run", 1, set()).look()[0]) == ["run/a.npy", "run/b.NPZ", "run/c.h5"]
    assert Watched("run/*.txt", 1, set()).look()[0] == ["run/notes.txt"]
    assert Watched(f"{run}/[ab].*", 1, set()).look()[0] == [f"{run}/a.npy", f"{run}/b.NPZ"]
    assert Watched("**/c.*", 1, set()).look()[0] == ["run/c.h5"]
    assert Watched("run/*.t*", 1, set(), [run / "notes.txt"]).look()[0] == []


def test_a_folder_must_exist_at_first(run):
    with pytest.raises(GaedistError, match="there is no such folder"):
        Watched("nothing", 1, set())
    watched = Watched("run", 1, set())
    run.rmdir()
    assert watched.look() == ([], [])
