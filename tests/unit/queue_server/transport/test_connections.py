"""Which key opened which connection: only those of revoked keys are cut, and nothing else that has their number."""

from __future__ import annotations

import os
import socket

import pytest

from queue_server.transport.connections import Connections


@pytest.fixture
def connect():
    """Connect; return the accepted end and the other one."""
    made = []

    def connect(listener):
        made.append(socket.create_connection(listener.getsockname()))
        made.append(listener.accept()[0])
        made[-2].settimeout(5)
        return made[-1], made[-2]

    yield connect
    for each in made:
        each.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_connections_of_a_revoked_key_are_cut_and_the_others_stand(connect, listener):
    connections = Connections()
    (anna, far_anna), (berta, far_berta) = connect(listener), connect(listener)
    connections.note(anna.fileno(), b"anna")
    connections.note(berta.fileno(), b"berta")
    assert connections.cut(lambda key: key != b"anna") == 1
    assert far_anna.recv(1) == b""
    berta.send(b"x")
    assert far_berta.recv(1) == b"x"
    assert connections.cut(lambda key: key != b"anna") == 0


def test_a_number_that_belongs_to_something_else_by_now_is_left_alone(connect, listener, tmp_path):
    connections = Connections()
    anna, _ = connect(listener)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        other, far = connect(elsewhere)
        number = anna.fileno()
        connections.note(number, b"anna")
        os.dup2(other.fileno(), number)
        assert connections.cut(lambda key: False) == 0
        other.send(b"x")
        assert far.recv(1) == b"x"


def test_a_connection_that_is_closed_already_is_forgotten(connect, listener):
    connections = Connections()
    anna, _ = connect(listener)
    connections.note(anna.fileno(), b"anna")
    anna.close()
    assert connections.cut(lambda key: False) == 0


def test_what_is_no_connection_is_left_alone(tmp_path):
    connections = Connections()
    with (tmp_path / "file").open("w") as file:
        connections.note(file.fileno(), b"anna")
        assert connections.cut(lambda key: False) == 0
        file.write("still open")
