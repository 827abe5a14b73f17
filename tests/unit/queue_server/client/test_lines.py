"""The lines that carry requests: what their monitor tells, which are kept, and the last words of the other side."""

from __future__ import annotations

import pytest
import zmq

from queue_server.client.lines import Lines
from queue_server.protocol.errors import CommunicationError

PATIENCE_MS = 60_000


@pytest.fixture
def context():
    """A context whose sockets are all closed at the end."""
    context = zmq.Context()
    yield context
    context.destroy(0)


@pytest.fixture
def manager(context):
    """The socket of a manager."""
    socket = context.socket(zmq.ROUTER)
    socket.bind("tcp://127.0.0.1:*")
    return socket


@pytest.fixture
def lines(context, manager):
    """Lines to the manager."""
    lines = Lines(context.socket, manager.getsockopt_string(zmq.LAST_ENDPOINT), None)
    yield lines
    lines.close()


def note_next(line):
    assert line.monitor.poll(PATIENCE_MS)
    line.note(line.monitor.recv_multipart())
    return line.stands


def test_a_line_tells_when_its_connection_stands_and_when_it_is_lost(lines, manager):
    line = lines.take()
    assert not line.stands
    assert note_next(line)
    manager.close(0)
    assert not note_next(line)
    line.close()


def test_a_reply_that_nobody_has_read_outlives_the_one_who_sent_it(lines, manager):
    line = lines.take()
    assert note_next(line)
    line.dealer.send(b"stop")
    assert manager.poll(PATIENCE_MS)
    manager.send_multipart([manager.recv_multipart()[0], b"stopping"])
    manager.close(PATIENCE_MS)
    assert not note_next(line)
    assert line.dealer.poll(0)
    assert line.dealer.recv() == b"stopping"
    line.close()


def test_a_line_is_used_again(lines):
    line = lines.take()
    lines.give_back(line)
    assert lines.take() is line
    assert lines.take() is not line


def test_only_some_lines_are_kept(lines):
    taken = [lines.take() for _ in range(6)]
    for line in taken:
        lines.give_back(line)
    assert [line.dealer.closed for line in taken] == [False] * 4 + [True] * 2


def test_closed_lines_give_none_and_keep_none(lines):
    idle, busy = lines.take(), lines.take()
    lines.give_back(idle)
    lines.close()
    lines.give_back(busy)
    assert [line.dealer.closed and line.monitor.closed for line in (idle, busy)] == [True, True]
    with pytest.raises(CommunicationError, match="closed"):
        lines.take()


def test_a_wrong_address_leaves_no_socket_open(context):
    with pytest.raises(CommunicationError, match="cannot be used"):
        Lines(context.socket, "tcp://nowhere", None).take()
    # It would wait for ever for a socket that is open.
    context.term()
