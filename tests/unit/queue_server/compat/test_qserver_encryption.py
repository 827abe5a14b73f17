"""What an encrypted connection needs before it is opened."""

from __future__ import annotations

import pytest
import zmq

from queue_server.compat.qserver import connect
from queue_server.compat.qserver_encryption import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY, EncryptedConnection
from queue_server.compat.qserver_options import Options
from queue_server.protocol.errors import ParameterError

SERVER_KEY = zmq.curve_keypair()[0].decode()


def options(address="ipc:///s", timeout_s=1.0, server_key: str | None = SERVER_KEY):
    return Options(("ping",), address, "json", server_key, None, timeout_s)


def test_the_shared_keys_belong_together():
    assert zmq.curve_public(SHARED_PRIVATE_KEY) == SHARED_PUBLIC_KEY


def test_a_known_key_of_the_manager_makes_the_connection_an_encrypted_one():
    with connect(options()) as encrypted, connect(options(server_key=None)) as plain:
        assert isinstance(encrypted, EncryptedConnection)
        assert not isinstance(plain, EncryptedConnection)


@pytest.mark.parametrize("server_key", [SERVER_KEY, None])
@pytest.mark.parametrize(("address", "timeout_s"), [("nowhere", 1.0), ("ipc:///s", 0.0)])
def test_a_wrong_option_is_refused_before_anything_is_opened(address, timeout_s, server_key):
    with pytest.raises(ParameterError):
        connect(options(address, timeout_s, server_key))


def test_a_parameter_that_cannot_be_sent_is_refused():
    with connect(options()) as connection, pytest.raises(ParameterError, match="parameters of queue_get cannot"):
        connection.send_request(method="queue_get", params={"x": object()})
