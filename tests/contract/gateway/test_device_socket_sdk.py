"""What clients on the device SDKs rely on, over TLS as they always connect: whole scans, sizes, limits and logins."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.worker_link import ItemAcknowledged, REStateChanged
from tests.doubles.authority import Authority
from tests.doubles.device_lanes import SEQUENCE, TOKEN, gateway_with_devices
from tests.doubles.scanner import Scanner, address_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATIONS = pytest.mark.parametrize("generation", ["gen2", "gen3"])
MOST_TEXT_BYTES = {"gen2": 1_048_576, "gen3": None}
"""What the WebSocket of each SDK accepts: one byte more, and the client ends the connection."""
LIMITS = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "FEMALE"}
ACCOUNTS = {
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {"mia": "mia_password"}},
            }
        ]
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"mia": {"roles": "scanhub:medical"}}},
    },
}


@pytest.fixture(scope="module")
def authority():
    """Who has issued the certificate of the gateway."""
    return Authority()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(manager, directory, authority):
    """A gateway with a certificate and with accounts; give a client of it without a credential."""
    (directory / "api-key").write_text("unused\n")
    files = authority.issue(directory / "certificate.pem", directory / "key.pem")
    async with (
        gateway_with_devices(manager, directory, **files, **ACCOUNTS) as served,
        httpx.AsyncClient(base_url=served.base_url, verify=authority.trust(), timeout=60) as client,
    ):
        yield client


@pytest.fixture
def connected(gateway, device, authority):
    """Connect the device as its SDK does, and register it unless told otherwise."""

    @asynccontextmanager
    async def connect_as(generation, *, registers=True):
        async with connect(
            address_of(gateway),
            ssl=authority.trust(),
            additional_headers={"Device-Id": device, "Device-Token": TOKEN},
            max_size=MOST_TEXT_BYTES[generation],
            close_timeout=1,
        ) as socket:
            scanner = Scanner(socket, generation)
            if registers:
                await scanner.register()
            yield scanner

    return connect_as


# --- a scan ---------------------------------------------------------------------------------------------------------


@GENERATIONS
async def test_a_scan_over_tls_leaves_the_bytes_that_were_sent(manager, connected, directory, device, item, generation):
    content = os.urandom(2_400_000)
    async with connected(generation) as scanner:
        key = await manager.execute(device, item, acquisition_limits=LIMITS)
        await scanner.begin()
        assert scanner.started.acquisition_limits.model_dump() == LIMITS
        await scanner.progress(50)
        await scanner.finish(content)
        assert (await manager.outcome(key)).outcome == "completed"
    [result] = manager.results_of(key)
    with open_artifacts(directory).open(result["meta"]["artifacts"]["a.mrd"]["artifact_id"]) as reader:
        stored = b"".join(reader)
    assert (len(stored), hashlib.sha256(stored).digest()) == (2_400_000, hashlib.sha256(content).digest())


async def test_the_end_of_the_login_that_wanted_a_scan_does_not_touch_it(manager, gateway, connected, device, item):
    form = {"username": "mia", "password": "mia_password"}
    login = (await gateway.post("/api/v1/userlogin/login", data=form)).json()
    headers = {"Authorization": f"Bearer {login['access_token']}"}
    async with connected("gen2") as scanner:
        key = await manager.execute(device, item)
        await scanner.begin()
        assert (await gateway.post("/api/v1/userlogin/logout", headers=headers)).status_code == 200
        assert (await gateway.get("/api/v1/device", headers=headers)).status_code == 401
        await scanner.progress(50)
        await scanner.finish(b"k-space" * 1000)
        assert (await manager.outcome(key)).outcome == "completed"
    assert scanner.started.access_token != login["access_token"]
    assert len(manager.results_of(key)) == 1


# --- sizes ----------------------------------------------------------------------------------------------------------


async def start_bytes(manager, scanner, device, sequence):
    """Have a scan done that uploads nothing; return how large its start frame was."""
    key = await manager.execute(device, str(uuid.uuid4()), sequence=sequence, expected_uploads=0)
    text = await scanner.socket.recv()
    while '"command":"start"' not in text[:40]:
        text = await scanner.socket.recv()
    await scanner.status("BUSY")
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"
    return len(text.encode())


async def test_a_start_of_exactly_one_mebibyte_goes_out_and_one_byte_more_does_not(manager, connected, device):
    # Its times are given, so that no frame differs from another in its length.
    sequence = {**SEQUENCE, "created_at": "2026-01-01T00:00:00+00:00"}
    async with connected("gen2") as scanner:
        empty = await start_bytes(manager, scanner, device, {**sequence, "seq_file": "ä"})
        length = MOST_TEXT_BYTES["gen2"] - empty
        # It is bytes that count, not letters.
        assert await start_bytes(manager, scanner, device, {**sequence, "seq_file": "ä" + "x" * length}) == 1_048_576
        larger = {**sequence, "seq_file": "ä" + "x" * (length + 1)}
        report = await manager.outcome(await manager.execute(device, str(uuid.uuid4()), sequence=larger))
        assert (report.outcome, "at most 1048576" in report.message) == ("failed", True)
        assert "nothing was sent to the device" in report.message
        await scanner.tell(command="ping")
        assert await start_bytes(manager, scanner, device, sequence) < empty + 100
    assert scanner.socket.close_code == 1000


async def test_a_start_of_three_megabytes_goes_to_the_third_generation(manager, connected, device):
    async with connected("gen3") as scanner:
        sequence = {**SEQUENCE, "seq_file": "x" * 3_000_000}
        assert await start_bytes(manager, scanner, device, sequence) > 3_000_000


# --- without a scan callback ----------------------------------------------------------------------------------------


async def test_without_a_callback_the_third_generation_leaves_an_unknown_outcome(manager, connected, device, item):
    async with connected("gen3") as first:
        key = await manager.execute(device, item)
        await first.wait_for("start")
        # It says nothing, and opens a second connection on which it says nothing either.
        async with connected("gen3", registers=False) as second:
            assert await first.closed() == 4001
            assert (await manager.outcome(key)).outcome == "unknown"
            await manager.lanes.wait_for(device, REStateChanged, lambda report: report.re_state == "unresolved")
            await second.tell(command="ping")
            assert (await second.next_frame())["command"] == "pong"
    assert [frame["command"] for frame in second.frames] == ["pong"]
    assert not [each for each in manager.lanes.all_of(ItemAcknowledged) if each.attempt == key]
