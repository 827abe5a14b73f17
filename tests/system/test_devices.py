"""Registered devices in a whole system: created over HTTP, connected by a gateway, and no token anywhere on disk."""

from __future__ import annotations

import pytest

from queue_server.protocol.devices import digest_token
from queue_server.sockets import delegate_address
from tests.processes.requester import Requester
from tests.processes.waiting import wait_until


@pytest.fixture
def system(make_system, startup):
    """A system that is ready, with a gateway."""
    return make_system(startup=startup, http="127.0.0.1:0").start()


@pytest.fixture
def gateway(system):
    """Ask the manager as a gateway does."""
    requester = Requester(delegate_address(system.data), system.ready["info"])
    yield requester
    requester.close()


def is_answered(client):
    """Whether the gateway has a manager to ask."""
    try:
        client("GET", "/devices/list")
    except AssertionError:
        return False
    return True


def test_a_device_is_registered_connects_and_outlives_its_manager_and_its_token_is_kept_nowhere(
    system, client, gateway
):
    key = {"Idempotency-Key": "one device"}
    made = client("POST", "/devices", headers=key, name="scanner 1", description="low field")
    device_id, token = made["device_id"], made["device_token"]
    again = client("POST", "/devices", 409, headers=key, name="scanner 1", description="low field")
    assert again["type"].endswith("told_once")

    proof = {"device_id": device_id, "token_sha256": digest_token(token), "address": "192.0.2.7"}
    refused = system.requester.ask("device_connect", **proof)
    assert refused["error"]["code"] == "forbidden"
    client("POST", "/device:connect", 404, **proof)
    assert gateway.do("device_connect", **proof)["generation"] == 1
    told = {"details": {"manufacturer": "ACME"}, "parameter": {"frequency": 2.1e6}}
    gateway.do("device_describe", device_id=device_id, generation=1, **told)
    client("POST", "/device:set-parameter", device_id=device_id, parameter={"frequency": 2.2e6})

    before = client("GET", "/device", device_id=device_id)["device"]
    assert (before["manufacturer"], before["parameter"], before["status"]) == (
        "ACME",
        {"frequency": 2.2e6},
        "OFFLINE",
    )
    system.kill_manager()
    system.wait_ready(2)
    wait_until(lambda: is_answered(client), "a manager that answers")
    assert client("GET", "/device", device_id=device_id)["device"] == before
    assert device_id in [lane["lane"] for lane in client("GET", "/lanes")["lanes"]]
    assert gateway.do("device_connect", **proof)["generation"] == 2
    assert gateway.ask("device_connect", **{**proof, "token_sha256": "0" * 64})["error"]["code"] == "wrong_credential"

    files = [path for path in system.data.rglob("*") if path.is_file()]
    assert [path for path in files if token.encode() in path.read_bytes()] == []
    assert any(digest_token(token).encode() in path.read_bytes() for path in files)
    assert system.output.count(token) == 0
