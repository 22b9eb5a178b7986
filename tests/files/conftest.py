import pytest

from gaedist import GaedistError
from gaedist.files.codes import read_latents


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    """Run each test in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused():
    """Return the message, one line, with which a file is refused: refused("x.npy", selection)."""

    def message_of(name, selection=None):
        with pytest.raises(GaedistError) as caught:
            read_latents(str(name), selection)
        message = str(caught.value)
        assert "\n" not in message
        return message

    return message_of
