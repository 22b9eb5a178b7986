"""Frames arrive as they were sent; whatever else arrives is refused before memory is taken for it."""

import socket

import pytest

from gaedist.files.sandbox_wire import BLOCK, DONE, Channel, ChannelError, Limits


@pytest.fixture
def ends():
    first, second = socket.socketpair()
    with first, second:
        yield Channel(first), Channel(second)


def test_frames_arrive(ends):
    ends[0].send(BLOCK, [0, 5, 0, 4], b"numbers")
    ends[0].send(DONE)
    assert ends[1].receive(7) == (BLOCK, [0, 5, 0, 4], b"numbers")
    assert ends[1].receive() == (DONE, None, b"")


def test_more_data_than_asked_for(ends):
    ends[0].send(BLOCK, None, bytes(8))
    with pytest.raises(ChannelError):
        ends[1].receive(7)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"gae1",
        b"none" + bytes(13),
        b"gae1\x00" + b"\xff" * 12,
        b"gae1\x00\x05\x00\x00\x00" + bytes(8) + b"{'a':",
        b"gae1\x00\xff\xff\x00\x00" + bytes(8) + b"[" * 0xFFFF,
    ],
)
def test_other_bytes(ends, data):
    ends[0].socket.sendall(data)
    ends[0].socket.close()
    with pytest.raises(ChannelError):
        ends[1].receive(100)


def test_limits_grow_with_the_file():
    small, large, pipe = Limits.of(100), Limits.of(1 << 30), Limits.of(0)
    assert small.memory() < 256 << 20 < small.memory(1 << 28) < large.memory() <= pipe.memory()
    assert small.seconds() < 1 < 50 < large.seconds() < large.seconds(1 << 30) < pipe.seconds()
