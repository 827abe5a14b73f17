"""An address that is listened at before the socket is there: whoever connected then is heard by the socket."""

from __future__ import annotations

import os
import socket

import pytest
import zmq

from queue_server.transport import early
from queue_server.transport.stream import bind, make_socket

PATIENCE_MS = 30_000


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(0)


@pytest.fixture
def address():
    """An address of this host at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


def make_server(context):
    server = make_socket(context, zmq.ROUTER, most_bytes=1024)
    server.set(zmq.RCVTIMEO, PATIENCE_MS)
    return server


def test_a_request_that_came_before_the_socket_is_answered_by_it(context, address):
    early.listen(address)
    client = context.socket(zmq.REQ)
    client.set(zmq.RCVTIMEO, PATIENCE_MS)
    client.set(zmq.RECONNECT_IVL, -1)
    client.connect(address)
    client.send(b"hello")
    server = make_server(context)
    assert bind(server, address) == address
    peer, empty, text = server.recv_multipart()
    server.send_multipart([peer, empty, text])
    assert client.recv() == b"hello"


def test_whose_socket_it_is_takes_it_once(address):
    early.listen(address)
    listening = early.take(address)
    assert listening is not None
    os.close(listening)
    assert early.take(address) is None


@pytest.mark.parametrize(
    "other", ["tcp://0.0.0.0:0", "ipc:///tmp/absent/socket", "tcp://*:0", "tcp://[::1]:0", "tcp://127.0.0.1:99999", ""]
)
def test_another_kind_of_address_is_left_to_whoever_binds_it(other):
    early.listen(other)
    assert early.take(other) is None


def test_that_an_address_is_in_use_is_said_by_whoever_binds_it(context, address):
    there = make_server(context)
    bind(there, address)
    early.listen(address)
    assert early.take(address) is None
    with pytest.raises(OSError, match="cannot bind"):
        bind(make_server(context), address)
