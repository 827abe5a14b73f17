"""Our own client over HTTP, in both its forms and on the command line, against a whole system with its gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from queue_server.client import HTTPAccessError, HTTPRequestError, RunControl, asynchronous
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC
from tests.doubles.authority import Authority

PLAN = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 3, "delay": 0.01}}


def has(**fields):
    return lambda status: all(status[name] == value for name, value in fields.items())


IDLE = has(manager_state="idle")
OPEN = has(manager_state="idle", worker_environment_exists=True)


@pytest.fixture(scope="module")
def system(running_system):
    """A system with the simulated profile and a gateway, with an open environment."""
    with running_system(http="127.0.0.1:0") as system:
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=60) as client:
            client.environment_open()
            client.wait_for_status(OPEN, 60)
        yield system


@pytest.fixture
def gateway(system):
    """The address of the gateway and its key."""
    return system.ready["http"], {"api_key": system.data / "api-key", "timeout_s": 10}


def test_a_plan_runs_to_its_end_and_stands_in_the_history(gateway):
    address, options = gateway
    with RunControl(address, **options) as client, client.notices([CONSOLE_TOPIC, EVENT_TOPIC]) as notices:
        client.history_clear()
        uid = client.queue_item_add(item=PLAN)["item"]["item_uid"]
        client.queue_start()
        client.wait_for_status(has(items_in_queue=0, manager_state="idle", items_in_history=1), 60)
        [item] = client.history_get()["items"]
        kinds = set()
        while "item_finished" not in kinds:
            notice = notices.receive(60)
            assert notice is not None
            kinds.add(notice.payload.get("kind"))
    assert (item["item_uid"], item["result"]["exit_status"]) == (uid, "completed")


async def test_the_same_with_await(gateway):
    address, options = gateway
    async with asynchronous.RunControl(address, **options) as client:
        await client.history_clear()
        await client.queue_item_add(item=PLAN, pos="front")
        await client.queue_start()
        await client.wait_for_status(has(items_in_queue=0, manager_state="idle", items_in_history=1), 60)
        assert [item["name"] for item in (await client.history_get())["items"]] == ["count"]


def test_without_a_key_nothing_but_an_error_of_access_comes_back(gateway):
    with RunControl(gateway[0], timeout_s=10) as client, pytest.raises(HTTPAccessError):
        client.queue_get()


def test_the_command_line_takes_the_address_of_a_gateway(gateway):
    address, options = gateway
    names = {"CUELIGHT_CONTROL": address, "CUELIGHT_API_KEY_FILE": str(options["api_key"])}
    command = [sys.executable, "-m", "queue_server.cli", "status", "--json"]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("CUELIGHT_", "QSERVER_"))}
    answer = subprocess.run(command, env={**known, **names}, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["worker_environment_exists"] is True
    del names["CUELIGHT_API_KEY_FILE"]
    answer = subprocess.run(command, env={**known, **names}, capture_output=True, text=True, check=False)
    assert answer.returncode == 9, answer.stderr


# --- encrypted ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(running_system, tmp_path_factory):
    """A system whose gateway shows a certificate of a test authority: its address, its key, the authority's file."""
    directory, authority = tmp_path_factory.mktemp("certificates"), Authority()
    files = authority.issue(directory / "cert.pem", directory / "key.pem")
    root = directory / "root.pem"
    authority.write(root)
    with running_system(http="127.0.0.1:0", **{name: str(path) for name, path in files.items()}) as system:
        yield system.ready["http"], system.data / "api-key", root


@pytest.fixture
def trusted(encrypted, monkeypatch):
    """The same for a client that trusts the authority."""
    address, key, root = encrypted
    monkeypatch.setenv("CUELIGHT_CA_FILE", str(root))
    return address, {"api_key": key, "timeout_s": 60}


def test_requests_and_notices_are_encrypted_where_the_authority_is_trusted(trusted):
    address, options = trusted
    assert address.startswith("https://")
    with RunControl(address, **options) as client, client.notices([EVENT_TOPIC]) as notices:
        uid = client.queue_item_add(item=PLAN)["item"]["item_uid"]
        notice = notices.receive(60)
        assert notice is not None
        assert notice.payload["kind"] == "queue_item_add"
        assert client.queue_get()["items"][0]["item_uid"] == uid


async def test_requests_and_notices_are_encrypted_with_await_too(trusted):
    address, options = trusted
    async with asynchronous.RunControl(address, **options) as client, await client.notices([EVENT_TOPIC]) as notices:
        await client.queue_item_add(item=PLAN)
        notice = await notices.receive(60)
        assert notice is not None
        assert notice.payload["kind"] == "queue_item_add"


def test_a_gateway_whose_authority_is_unknown_gets_no_key(encrypted, monkeypatch):
    address, key, _ = encrypted
    monkeypatch.delenv("CUELIGHT_CA_FILE", raising=False)
    with RunControl(address, api_key=key, timeout_s=60) as client:
        with pytest.raises(HTTPRequestError, match="CERTIFICATE_VERIFY_FAILED"):
            client.status()
        with pytest.raises(HTTPRequestError, match="CERTIFICATE_VERIFY_FAILED"):
            client.notices([EVENT_TOPIC])
