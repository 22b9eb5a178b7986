"""What another user can have written is not trusted: by owner, by mode, by folder."""

import os
import stat

import pytest

from gaedist.files import trust
from gaedist.files.trust import is_own, read_own

ME = os.getuid()


def status(mode, owner=ME, group=12345):
    return os.stat_result((mode, 0, 0, 1, owner, group, 0, 0, 0, 0))


FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (status(FILE | 0o644), True),
        (status(FILE | 0o600), True),
        (status(FILE | 0o664), False),
        (status(FILE | 0o646), False),
        (status(FILE | 0o644, owner=ME + 7), False),
        (status(FILE | 0o644, owner=0), True),
        (status(FOLDER | 0o755), True),
        (status(FOLDER | 0o777), False),
        (status(FOLDER | 0o1777, owner=0), True),
        (status(FOLDER | 0o1777, owner=ME + 7), False),
    ],
)
def test_owner_and_mode_decide(found, own):
    assert is_own(found) == own


def test_further_owners_are_trusted_only_if_they_are_named():
    assert is_own(status(FILE | 0o644, owner=ME + 7), others=(ME + 7,))


def test_a_group_of_one_user_may_write(monkeypatch):
    monkeypatch.setattr(trust, "_is_private", lambda group: group == 12345)
    assert is_own(status(FILE | 0o664))
    assert not is_own(status(FILE | 0o664, group=1))


def test_only_a_regular_file_of_this_user_is_read(tmp_path):
    tmp_path.chmod(0o700)
    path = tmp_path / "x"
    path.write_bytes(b"content")
    path.chmod(0o600)
    assert read_own(path) == b"content"
    os.mkfifo(tmp_path / "pipe")
    for found in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match=r"."):
            read_own(found)
    path.chmod(0o622)
    with pytest.raises(PermissionError):
        read_own(path)
    path.chmod(0o600)
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError):
        read_own(path)
    tmp_path.chmod(0o700)
