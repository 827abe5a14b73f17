import json

import pytest

from queue_server.client.addresses import (
    DEFAULT_CONTROL,
    DEFAULT_INFO,
    Addresses,
    find_addresses,
    is_http,
    read_ready_file,
)
from queue_server.protocol.errors import CommunicationError, ParameterError

ONE, TWO, THREE = "tcp://127.0.0.1:1001", "tcp://127.0.0.1:1002", "tcp://127.0.0.1:1003"


@pytest.fixture
def ready_file(tmp_path):
    """The ready file of a system at ONE that publishes at TWO."""
    path = tmp_path / "ready.json"
    path.write_text(json.dumps({"control": ONE, "info": TWO, "pids": {}}))
    return path


def test_without_any_source_the_default_addresses_are_used():
    assert find_addresses(environ={}) == Addresses(DEFAULT_CONTROL, DEFAULT_INFO)


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (ONE, {"CUELIGHT_CONTROL": TWO, "QSERVER_ZMQ_CONTROL_ADDRESS": THREE}, ONE),
        (None, {"CUELIGHT_CONTROL": TWO, "QSERVER_ZMQ_CONTROL_ADDRESS": THREE}, TWO),
        (None, {"QSERVER_ZMQ_CONTROL_ADDRESS": THREE}, THREE),
        (None, {"CUELIGHT_CONTROL": "", "QSERVER_ZMQ_CONTROL_ADDRESS": ""}, DEFAULT_CONTROL),
    ],
)
def test_the_argument_wins_over_our_variable_and_that_over_the_stock_one(given, environ, expected):
    assert find_addresses(given, environ=environ).control == expected


@pytest.mark.parametrize("name", ["CUELIGHT_INFO", "QSERVER_ZMQ_INFO_ADDRESS"])
def test_the_address_of_notices_has_variables_too(name):
    assert find_addresses(environ={name: TWO}) == Addresses(DEFAULT_CONTROL, TWO)
    assert find_addresses(ONE, THREE, environ={name: TWO}) == Addresses(ONE, THREE)


def test_the_variable_for_notices_is_not_used_for_another_manager_than_its_own():
    environ = {"CUELIGHT_CONTROL": ONE, "CUELIGHT_INFO": TWO}
    assert find_addresses(THREE, environ=environ) == Addresses(THREE, None)
    assert find_addresses(ONE, environ=environ) == Addresses(ONE, TWO)
    assert find_addresses(THREE, TWO, environ=environ) == Addresses(THREE, TWO)


def test_the_ready_file_gives_both_addresses(ready_file):
    assert find_addresses(environ={"CUELIGHT_READY_FILE": str(ready_file)}) == Addresses(ONE, TWO)


def test_the_notices_of_another_manager_are_never_assumed(ready_file):
    assert find_addresses(THREE, environ={}) == Addresses(THREE, None)
    assert find_addresses(THREE, environ={"CUELIGHT_READY_FILE": str(ready_file)}) == Addresses(THREE, None)


def test_a_named_ready_file_that_is_not_there_says_how_to_start(tmp_path):
    with pytest.raises(CommunicationError, match=r"cuelight up --ready-file .*ready\.json"):
        find_addresses(environ={"CUELIGHT_READY_FILE": str(tmp_path / "ready.json")})


def test_a_missing_ready_file_does_not_matter_if_the_address_is_given(tmp_path):
    environ = {"CUELIGHT_READY_FILE": str(tmp_path / "ready.json")}
    assert find_addresses(THREE, environ=environ) == Addresses(THREE, None)


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense"])
def test_a_file_that_is_no_ready_file_is_named(tmp_path, content):
    path = tmp_path / "ready.json"
    path.write_text(content)
    with pytest.raises(CommunicationError, match=r"ready\.json"):
        read_ready_file(path)


@pytest.mark.parametrize("address", ["localhost:60615", "ftp://localhost:60610", "http://", "tcp://", "60615"])
def test_an_address_of_another_form_names_its_source(address):
    with pytest.raises(ParameterError, match="CUELIGHT_CONTROL"):
        find_addresses(environ={"CUELIGHT_CONTROL": address})
    with pytest.raises(ParameterError, match="'info'"):
        find_addresses(info=address, environ={})


def test_an_ipc_address_is_accepted():
    assert find_addresses("ipc:///run/cuelight/control", environ={}).control == "ipc:///run/cuelight/control"


@pytest.mark.parametrize("address", ["http://localhost:60610", "https://beamline.example.org/queue"])
def test_a_gateway_is_an_address_without_a_socket_for_notices(address):
    assert find_addresses(address, environ={"CUELIGHT_INFO": THREE}) == Addresses(address, None)
    assert find_addresses(environ={"CUELIGHT_CONTROL": f"{address}/"}) == Addresses(address, None)


def test_notices_never_come_from_an_address_of_http():
    with pytest.raises(ParameterError, match="'info'"):
        find_addresses(info="http://localhost:60610", environ={})


def test_a_gateway_is_told_from_a_manager_by_the_scheme():
    assert [is_http(address) for address in ("http://a", "https://a", "tcp://a:1", "ipc:///a")] == [
        True,
        True,
        False,
        False,
    ]
