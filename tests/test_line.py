"""The trusted end of a socket to a submission."""

import socket
import time

import pytest

from autograder import wire
from autograder.sandbox.line import GoneError, LateError, Line


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    life, other = socket.socketpair()
    with ours, theirs, life, other:
        yield Line(ours, life), theirs


@pytest.mark.parametrize("cut", [2, wire.HEAD, wire.HEAD + 3])
def test_a_frame_that_came_too_late_is_read_whole_the_next_time(ends, cut):
    line, theirs = ends
    data = wire.frame({"ended": 0})
    theirs.sendall(data[:cut])
    with pytest.raises(LateError):
        line.receive(time.monotonic() + 0.05)
    theirs.sendall(data[cut:] + wire.frame("next"))
    assert line.receive(time.monotonic() + 5) == {"ended": 0}
    assert line.receive(time.monotonic() + 5) == "next"


def test_a_closed_line_is_gone(ends):
    line, theirs = ends
    theirs.close()
    with pytest.raises(GoneError):
        line.receive(time.monotonic() + 5)
