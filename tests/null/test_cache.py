"""The cache of simulated values gives back exactly what was stored under the same key, counts a damaged
entry as missing, and stops nothing when a file cannot be read or written.
"""

import hashlib
import json
import math
import os

import numpy as np
import pytest

from gaedist.null.cache import folder, load, store

KEY = {"n": 3, "sigma": 0.5, "covariance": None, "rule": "mean-field"}
VALUES = np.array([1 / 3, -2.5, 1e-300])


def stored(own_cache, key=KEY, values=VALUES):
    """Store values, and return the file that holds them."""
    before = set(own_cache.iterdir())
    store(key, values)
    (entry,) = set(own_cache.iterdir()) - before
    return entry


def test_the_folder_is_named_after_the_package():
    assert "gaedist" in folder().parts


def test_what_is_stored_is_loaded_to_the_last_bit(own_cache):
    assert load(KEY, 3) is None
    entry = stored(own_cache)
    assert list(own_cache.iterdir()) == [entry]  # and no unfinished file
    assert (load(KEY, 3) == VALUES).all()
    assert load(dict(reversed(KEY.items())), 3).tobytes() == VALUES.tobytes()


@pytest.mark.parametrize(
    "other", [{**KEY, "n": 4}, {**KEY, "sigma": 0.5000000000000001}, {**KEY, "covariance": "full"}, {}]
)
def test_another_key_is_another_entry(own_cache, other):
    entry = stored(own_cache)
    assert load(other, 3) is None
    assert stored(own_cache, other, np.arange(3.0)) != entry
    assert (load(KEY, 3) == VALUES).all()
    assert (load(other, 3) == np.arange(3.0)).all()


def edited(**changes):
    """Damage that changes fields of the file and leaves the old digest."""
    return lambda text: json.dumps({**json.loads(text), **changes}).encode()


DAMAGES = {
    "empty": lambda text: b"",
    "truncated": lambda text: text[:-9].encode(),
    "a changed digit": lambda text: text.replace("0.333", "0.334").encode(),
    "another key inside": edited(key={**KEY, "n": 4}),
    "no key": lambda text: json.dumps({"values": json.loads(text)["values"]}).encode(),
    "one number fewer": edited(values=VALUES[:2].tolist()),
    "NaN": edited(values=[math.nan] * 3),
    "words": edited(values=["a", "b", "c"]),
    "nested numbers": edited(values=[VALUES.tolist()]),
    "ragged": edited(values=[1, [2, 3]]),
    "null": edited(values=None),
    "a number beyond a double": edited(values=[10**400, 1, 2]),
    "a digest that is a list": edited(digest=[]),
    "a list": lambda text: b"[1, 2, 3]",
    "a number": lambda text: b"3",
    "nested deeply": lambda text: b"[" * 200_000,
    "nested deeply and closed": lambda text: b"[" * 200_000 + b"]" * 200_000,
    "not UTF-8": lambda text: b"\xff\xfe" + text.encode(),
    "zeros": lambda text: bytes(100),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_counts_as_missing_and_is_replaced(own_cache, damage):
    entry = stored(own_cache)
    text = entry.read_text(encoding="utf-8")
    damaged = DAMAGES[damage](text)
    assert damaged != text.encode()
    entry.write_bytes(damaged)
    assert load(KEY, 3) is None
    store(KEY, VALUES)
    assert (load(KEY, 3) == VALUES).all()


@pytest.mark.parametrize("values", [[1.0, math.nan], [1.0, math.inf]])
def test_numbers_that_are_not_finite_are_neither_stored_nor_loaded(own_cache, values):
    store(KEY, np.array(values))
    assert list(own_cache.iterdir()) == []
    entry = stored(own_cache, values=np.array([1.0, 2.0]))
    original = json.loads(entry.read_text())
    for written in ([1.0, 2.0], values):
        digest = hashlib.sha256(np.array(written).tobytes()).hexdigest()
        entry.write_text(json.dumps({**original, "values": written, "digest": digest}))
        assert (load(KEY, 2) is None) == (written == values)


def test_an_entry_with_another_number_of_values_counts_as_missing(own_cache):
    stored(own_cache)
    assert load(KEY, 2) is None
    assert load(KEY, 4) is None


def test_a_folder_in_place_of_an_entry_stops_nothing(own_cache):
    entry = stored(own_cache)
    entry.unlink()
    entry.mkdir()
    assert load(KEY, 3) is None
    store(KEY, VALUES)
    assert load(KEY, 3) is None
    assert list(own_cache.iterdir()) == [entry]


def test_a_cache_folder_that_cannot_be_created_stops_nothing(own_cache, monkeypatch):
    (own_cache / "file").write_text("")
    monkeypatch.setattr("gaedist.null.cache.folder", lambda: own_cache / "file" / "below")
    store(KEY, VALUES)
    assert load(KEY, 3) is None
    assert [path.name for path in own_cache.iterdir()] == ["file"]


def test_a_missing_cache_folder_is_created(own_cache, monkeypatch):
    monkeypatch.setattr("gaedist.null.cache.folder", lambda: own_cache / "a" / "b")
    store(KEY, VALUES)
    assert (load(KEY, 3) == VALUES).all()


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o602])
def test_an_entry_that_others_can_write_counts_as_missing_and_is_replaced(own_cache, mode):
    entry = stored(own_cache)
    assert entry.stat().st_mode & 0o077 == 0
    entry.chmod(mode)
    assert load(KEY, 3) is None
    store(KEY, VALUES)
    assert (load(KEY, 3) == VALUES).all()


def test_a_folder_that_others_can_write_is_closed_before_it_is_used(own_cache):
    stored(own_cache)
    own_cache.chmod(0o777)
    assert load(KEY, 3) is None
    store(KEY, VALUES)
    assert own_cache.stat().st_mode & 0o022 == 0
    assert (load(KEY, 3) == VALUES).all()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_another_user_owns_counts_as_missing(own_cache):
    entry = stored(own_cache)
    os.chown(entry, 12345, 12345)
    assert load(KEY, 3) is None
    os.chown(entry, 0, 0)
    assert (load(KEY, 3) == VALUES).all()
    os.chown(own_cache, 12345, 12345)
    assert load(KEY, 3) is None
    os.chown(own_cache, 0, 0)


def test_a_pipe_in_place_of_an_entry_stops_nothing(own_cache):
    entry = stored(own_cache)
    entry.unlink()
    os.mkfifo(entry)
    assert load(KEY, 3) is None
