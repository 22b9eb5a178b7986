"""A file is replaced only by a complete one: exceptions leave it as it was, and no partial file stays behind.

Mode and links are kept; Ctrl-C keeps the rows written so far; what cannot be written is a `GaedistError`.
"""

import os
import stat
from pathlib import Path

import pytest

from gaedist import GaedistError
from gaedist.files.atomic import output_file, whole_file


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
    with pytest.raises(GaedistError, match=r"^no/x: cannot be written: No such file[^\n]*\.$"):
        write(Path("no/x"), "new")


def test_a_whole_file_cannot_replace_a_folder_or_device():
    Path("folder").mkdir()
    for path in (Path("folder"), Path("/dev/null")):
        with pytest.raises(GaedistError, match="it is not a regular file"):
            write_whole(path, "new")
