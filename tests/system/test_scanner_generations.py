"""Scanners that behave as both generations of the device SDK, on a whole system: a killed gateway, and their order."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from types import SimpleNamespace

import httpx
import pytest

from tests.doubles.scanner import connected
from tests.faults.tiers import rounds
from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

PATIENCE_S = 60
CONTENT = b"k-space" * 1000
SCAN = {"item_type": "acquisition", "name": "knee", "kwargs": {"sequence": {"seq_file": "[VERSION]"}}}


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a gateway, for all tests of this module."""
    directory = tmp_path_factory.mktemp("system")
    made = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def gateway(system):
    """Where the gateway is found, before and after it is started again."""
    return SimpleNamespace(base_url=system.ready["http"])


class Device:
    """A device of its own in the registry, and what an operator sees of it."""

    def __init__(self, ask, name):
        made = ask.do("device_create", name=name, description="low field")
        self.id, self.token = made["device_id"], made["device_token"]
        self._ask = ask

    def add(self, **kwargs):
        """Add a scan; return the uid of its item."""
        item = {**SCAN, "kwargs": {**SCAN["kwargs"], **kwargs}}
        return self._ask.do("queue_item_add", item=item, lane=self.id, **USER)["item"]["item_uid"]

    def outcome(self, uid):
        """Return how an item has ended; None if it has not."""
        entries = self._ask.do("history_get", limit=5_000)["items"]
        return next((entry["result"]["exit_status"] for entry in entries if entry["item_uid"] == uid), None)

    def queue(self):
        """Return the uid and the state of all items that wait."""
        items = self._ask.do("queue_get", lane=self.id)["items"]
        return [(item["item_uid"], item.get("state", "queued")) for item in items]

    def go_on_without(self, uid):
        """Say as a person that an item has failed, and remove its held copy."""
        self._ask.do("history_item_resolve", item_uid=uid, outcome="failed", reason="seen")
        for copy, state in self.queue():
            if state == "held":
                self._ask.do("queue_item_remove", uid=copy, lane=self.id)

    async def wait_for(self, uid, outcome):
        """Wait until an item has that outcome."""
        await asyncio.to_thread(wait_until, lambda: self.outcome(uid) == outcome, outcome, PATIENCE_S)


def kill_gateway(system):
    """Kill the gateway and wait until the next one serves."""
    killed = system.ready["pids"]["gateway"]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: system.is_ready and system.ready["pids"]["gateway"] != killed, "the next gateway", PATIENCE_S)


async def lose_scans(system, gateway, devices):
    """Have each device begin its first scan, and kill the gateway; return what each of them had been sent."""
    async with AsyncExitStack() as stack:
        scanners = {}
        for name, device in devices.items():
            connection = connected(gateway, device.id, device.token, name)
            scanner = scanners[name] = await stack.enter_async_context(connection)
            await scanner.register()
            await scanner.begin()
            await scanner.progress(40)
        await asyncio.to_thread(kill_gateway, system)
        return {name: scanner.started for name, scanner in scanners.items()}


async def carry_out(scanner, device, uid):
    """Do the scan that must be the next one, without a file."""
    await scanner.begin()
    assert str(scanner.started.id) == uid
    await scanner.online()
    await device.wait_for(uid, "completed")


async def test_scans_in_a_killed_gateway_are_unknown_and_only_what_is_delivered_late_resolves_them(system, gateway):
    devices = {name: Device(system.requester, f"killed {name}") for name in ("gen2", "gen3")}
    first = {name: device.add() for name, device in devices.items()}
    later = {name: device.add(expected_uploads=0) for name, device in devices.items()}
    started = await lose_scans(system, gateway, devices)
    for name, device in devices.items():
        await device.wait_for(first[name], "unknown")
        [copy, waiting] = device.queue()
        assert (copy[1], waiting) == ("held", (later[name], "queued"))
    two, three = devices["gen2"], devices["gen3"]
    async with (
        connected(gateway, two.id, two.token, "gen2") as silent,
        connected(gateway, three.id, three.token, "gen3") as late,
    ):
        await silent.register()
        await late.register()
        await late.status("ONLINE", {"progress": 100}, about=started["gen3"])
        await late.upload(CONTENT, about=started["gen3"])
        await three.wait_for(first["gen3"], "completed")
        # The copy is withdrawn, and what waited behind it is begun by itself.
        await carry_out(late, three, later["gen3"])
        # By now the other one could have been started in error.
        await silent.tell(command="ping")
        assert (await silent.next_frame())["command"] == "pong"
        assert two.outcome(first["gen2"]) == "unknown"
        assert [state for _, state in two.queue()] == ["held", "queued"]
        two.go_on_without(first["gen2"])
        await carry_out(silent, two, later["gen2"])
    assert [frame["command"] for frame in late.frames + silent.frames].count("start") == 2


async def test_one_key_makes_one_item_and_many_items_run_strictly_one_after_another(system, gateway):
    device = Device(system.requester, "in order")
    scans, repetitions = rounds(20, 100), 8
    key = (system.data / "api-key").read_text().strip()
    body = {
        "name": "knee",
        "device_id": device.id,
        "sequence": {"name": "echo", "seq_file": "[VERSION]"},
        "expected_uploads": 0,
    }
    async with httpx.AsyncClient(base_url=gateway.base_url, timeout=PATIENCE_S, trust_env=False) as client:

        async def begin(**headers):
            known = {"Authorization": f"Bearer {key}", **headers}
            answer = await client.post("/api/v1/device/start_scan_via_websocket", json=body, headers=known)
            return answer.status_code, answer.json().get("item_uid")

        same = await asyncio.gather(*(begin(**{"Idempotency-Key": "one scan"}) for _ in range(repetitions)))
        [uid] = {uid for _, uid in same if uid is not None}
        # A repetition while the first is worked on may be told to come again.
        assert {status for status, _ in same} <= {202, 409, 429, 503}
        assert device.queue() == [(uid, "queued")]
        assert await begin(**{"Idempotency-Key": "one scan"}) == (202, uid)
        others = await asyncio.gather(*(begin() for _ in range(scans)))
    assert {status for status, _ in others} == {202}
    uids = [uid, *(each for _, each in others)]
    assert len({*uids}) == scans + 1 == len(device.queue())

    order = [each for each, _ in device.queue()]
    assert sorted(order) == sorted(uids)
    async with connected(gateway, device.id, device.token) as scanner:
        await scanner.register()
        for expected in order:
            await scanner.begin()
            assert str(scanner.started.id) == expected
            # Whatever came after the start, and before this scan ends, would be another one's.
            await scanner.tell(command="ping")
            assert (await scanner.next_frame())["command"] == "pong"
            await scanner.online()
        await device.wait_for(order[-1], "completed")
    starts = [frame["data"]["id"] for frame in scanner.frames if frame["command"] == "start"]
    assert starts == order
    assert device.queue() == []
