"""A file is replaced only by a complete one: exceptions leave it as it was, and no partial file stays behind.

Mode and links are kept; Ctrl-C keeps the rows written so far; what cannot be written is a `GaedistError`. A
killed process leaves nothing, or what the next one removes.
"""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gaedist import GaedistError
from gaedist.files import atomic
from gaedist.files.atomic import check_regular, output_file, whole_file


def write_whole(path, text, error=None):
    with whole_file(path) as partial:
        partial.write_text(text)
        if error:
            raise error


def write_output(path, text, error=None):
    with output_file(path) as stream:
        stream.write(text)
        if error:
            raise error


def files():
    return [path.name for path in Path().iterdir()]


@pytest.fixture(params=["unnamed", "named"], autouse=True)
def folder(request, tmp_path, monkeypatch):
    """Work in an empty folder, on a file system with and without files that have no name."""
    monkeypatch.chdir(tmp_path)
    if request.param == "named":
        monkeypatch.setattr(atomic, "_unnamed", lambda folder: None)
    atomic._remove_stale.cache_clear()


WRITERS = pytest.mark.parametrize("write", [write_whole, write_output])


@WRITERS
def test_the_file_appears_when_it_is_complete(write):
    write(Path("x"), "new")
    assert Path("x").read_text() == "new"
    assert files() == ["x"]


@WRITERS
def test_mode_and_link_are_kept(write):
    Path("x").write_text("old")
    Path("x").chmod(0o640)
    Path("link").symlink_to("x")
    write(Path("link"), "new")
    assert Path("link").is_symlink()
    assert Path("x").read_text() == "new"
    assert stat.S_IMODE(Path("x").stat().st_mode) == 0o640


@WRITERS
def test_a_new_file_gets_the_usual_mode(write):
    old = os.umask(0o027)
    try:
        write(Path("x"), "new")
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path("x").stat().st_mode) == 0o640


@WRITERS
def test_an_exception_leaves_the_old_file(write):
    Path("x").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write(Path("x"), "new", ZeroDivisionError)
    assert Path("x").read_text() == "old"
    assert files() == ["x"]


@pytest.mark.parametrize(("written", "expected"), [("row\n", "row\n"), ("", "old")])
def test_an_interrupt_keeps_what_was_written(written, expected):
    Path("x").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_output(Path("x"), written, KeyboardInterrupt)
    assert Path("x").read_text() == expected
    assert files() == ["x"]


def test_output_without_content_leaves_no_file():
    with output_file(Path("x")):
        pass
    assert files() == []


def test_output_may_be_a_device():
    write_output(Path("/dev/null"), "new")


@WRITERS
def test_what_cannot_be_written_is_an_error_of_one_line(write):
    with pytest.raises(GaedistError, match=r"^no/x: cannot be written: there is no such folder\.$"):
        write(Path("no/x"), "new")


def test_a_whole_file_cannot_replace_a_folder_or_device():
    Path("folder").mkdir()
    for path in (Path("folder"), Path("/dev/null")):
        with pytest.raises(GaedistError, match="it is not a regular file"):
            write_whole(path, "new")


@WRITERS
def test_a_loop_of_links_is_an_error_of_one_line(write):
    Path("loop").symlink_to("loop")
    for call in (lambda: write(Path("loop"), "new"), lambda: check_regular(Path("loop"))):
        with pytest.raises(GaedistError, match=r"^loop: cannot be written: [^\n]+\.$"):
            call()


@WRITERS
@pytest.mark.parametrize("name", ["x" * 250, "σ" * 120, "x\udcff"])
def test_long_and_odd_names_can_be_written(write, name):
    write(Path(name), "new")
    assert files() == [name]


@WRITERS
def test_a_full_disk_leaves_the_old_file(write, monkeypatch):
    Path("x").write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GaedistError, match=r"^x: cannot be written: No space left on device\.$"):
        write(Path("x"), "new")
    assert Path("x").read_text() == "old"
    assert files() == ["x"]


def test_an_error_of_reading_is_not_reported_as_one_of_writing():
    with pytest.raises(FileNotFoundError), output_file(Path("x")):
        Path("missing").read_text()
    assert files() == []


def killed(named):
    """Kill a process while it writes a file; return the names of the files in the folder."""
    script = (
        "import os, signal; from pathlib import Path; from gaedist.files import atomic\n"
        f"if {named}: atomic._unnamed = lambda folder: None\n"
        "with atomic.whole_file(Path('x')) as partial:\n"
        "    partial.write_text('new'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    return files()


def test_a_killed_process_leaves_nothing_or_what_the_next_one_removes():
    Path("x").write_text("old")
    assert killed(named=False) == ["x"] or not hasattr(os, "O_TMPFILE")
    assert len(killed(named=True)) == 2
    write_whole(Path("y"), "new")
    assert sorted(files()) == ["x", "y"]
    assert Path("x").read_text() == "old"


def test_unfinished_files_of_other_processes_and_computers_are_kept():
    kept = [f".gaedist-{atomic._place()}-{os.getppid()}-00", ".gaedist-elsewhere-99999999-00", ".gaedist-x"]
    for name in kept:
        Path(name).write_text("unfinished")
    write_whole(Path("y"), "new")
    assert sorted(files()) == sorted([*kept, "y"])
