"""Sockets for one test, all closed at its end; a socket that stays open would keep the context from ending."""

from __future__ import annotations

import pytest
import zmq

from tests.doubles.peers import Peers


@pytest.fixture
def context():
    """A context of the manager's sockets."""
    context = zmq.Context()
    yield context
    context.term()


@pytest.fixture
def address(tmp_path):
    """An address that nobody else uses."""
    return f"ipc://{tmp_path}/socket"


@pytest.fixture
async def connect(address):
    """Connect peers of a kind to the address; all are closed with the test."""
    peers = Peers(address)
    yield peers
    peers.close()
