"""Where a client takes its keys from."""

from __future__ import annotations

import pytest
import zmq

from queue_server.client import ParameterError
from queue_server.client.addresses import is_local
from queue_server.client.keys import CurveKeys, find_keys, read_pair
from queue_server.protocol.curve_keys import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY

SERVER, OTHER, STOCK = (zmq.curve_keypair()[0].decode() for _ in range(3))
PUBLIC, SECRET = zmq.curve_keypair()


@pytest.fixture
def key_file(tmp_path):
    """A file with the secret key of the client."""
    file = tmp_path / "client.secret"
    file.write_bytes(SECRET + b"\n")
    file.chmod(0o600)
    return file


def test_without_a_key_of_the_manager_nothing_is_encrypted(key_file):
    assert find_keys(None, {}) is None
    assert find_keys(None, {"CUELIGHT_CLIENT_KEY_FILE": str(key_file)}) is None


def test_the_argument_wins_over_our_variable_and_that_over_the_stock_one():
    variables = {"CUELIGHT_SERVER_KEY": OTHER, "QSERVER_ZMQ_PUBLIC_KEY": STOCK}
    shared = SHARED_PUBLIC_KEY, SHARED_PRIVATE_KEY
    assert find_keys(SERVER, variables) == CurveKeys(SERVER.encode(), *shared)
    assert find_keys(None, variables) == CurveKeys(OTHER.encode(), *shared)
    del variables["CUELIGHT_SERVER_KEY"]
    assert find_keys(None, variables) == CurveKeys(STOCK.encode(), *shared, notices=False)


def test_a_client_has_the_pair_of_its_key_file(key_file):
    keys = CurveKeys(SERVER.encode(), PUBLIC, SECRET)
    assert find_keys(SERVER, {"CUELIGHT_CLIENT_KEY_FILE": str(key_file)}) == keys
    assert CurveKeys.from_secret(SERVER, SECRET.decode()) == keys
    assert find_keys(keys, {"CUELIGHT_SERVER_KEY": OTHER}) is keys


def test_no_representation_shows_the_secret():
    assert SECRET.decode() not in repr(CurveKeys.from_secret(SERVER, SECRET.decode()))


@pytest.mark.parametrize(
    ("given", "variables", "named"),
    [
        ("short", {}, "server_key"),
        (None, {"CUELIGHT_SERVER_KEY": "short"}, "CUELIGHT_SERVER_KEY"),
        (None, {"QSERVER_ZMQ_PUBLIC_KEY": "short"}, "QSERVER_ZMQ_PUBLIC_KEY"),
        (SERVER, {"CUELIGHT_CLIENT_KEY_FILE": "/nowhere"}, "/nowhere"),
    ],
    ids=["argument", "variable", "stock variable", "file"],
)
def test_a_wrong_key_is_refused_by_the_name_of_its_source(given, variables, named):
    with pytest.raises(ParameterError, match=named):
        find_keys(given, variables)


def test_a_key_file_that_others_may_read_is_refused(key_file):
    key_file.chmod(0o640)
    with pytest.raises(ParameterError, match="chmod 600"):
        find_keys(SERVER, {"CUELIGHT_CLIENT_KEY_FILE": str(key_file)})


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("ipc:///s", True),
        ("tcp://localhost:1", True),
        ("tcp://127.0.0.1:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://0.0.0.0:1", False),
        ("tcp://192.168.1.5:1", False),
        ("tcp://beamline.example.org:1", False),
    ],
)
def test_an_address_is_local_if_it_leads_to_this_host_only(address, local):
    assert is_local(address) is local


def test_a_worker_has_its_own_pair_and_the_key_of_its_manager(key_file, tmp_path):
    manager = tmp_path / "manager.key"
    manager.write_text(SERVER)
    assert read_pair(key_file, manager) == CurveKeys(SERVER.encode(), PUBLIC, SECRET)


@pytest.mark.parametrize("named", ["--secret-key-file", "--manager-key-file"])
def test_a_key_file_of_a_worker_that_is_missing_is_named(named, key_file, tmp_path):
    manager = tmp_path / "manager.key"
    manager.write_text(SERVER)
    (key_file if named == "--secret-key-file" else manager).unlink()
    with pytest.raises(ParameterError, match=named):
        read_pair(key_file, manager)
