"""Scanners made with the kit on a whole system whose gateway is killed: every scan has one outcome, none runs twice."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from contextlib import contextmanager

import pytest

from device_worker.remote import Credentials, Scanner
from tests.faults.tiers import rounds
from tests.processes.requester import USER
from tests.processes.waiting import wait_until

CONTENT_BYTES = 20_000
PATIENCE_S = 90


class Fleet:
    """Scanners in a thread of their own; it counts how often each scan was carried out."""

    def __init__(self, url, credentials):
        self.begun: Counter[str] = Counter()
        self._scanners = [Scanner(url, each, self._carry_out) for each in credentials]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._ended = asyncio.Event()

    async def _carry_out(self, scan):
        self.begun[scan.id] += 1
        for percent in (20, 40, 60, 80):
            scan.progress(percent)
            await asyncio.sleep(0.01)
        await scan.upload("raw.mrd", os.urandom(CONTENT_BYTES))

    async def _serve(self):
        tasks = [asyncio.create_task(scanner.serve()) for scanner in self._scanners]
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def running(self):
        """Serve inside the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(20)
            self._loop.close()


class Operator:
    """Looks at the lanes, and says what has become of scans of which nobody knows."""

    def __init__(self, ask):
        self._ask = ask

    def outcomes(self):
        """Return how often each outcome occurs, after everything unknown has been dealt with."""
        entries = self._ask.do("history_get", limit=5_000)["items"]
        for entry in entries:
            if entry["result"]["exit_status"] == "unknown":
                # It may be resolved by its device in this very moment.
                self._ask.ask("history_item_resolve", item_uid=entry["item_uid"], outcome="completed", reason="seen")
        return Counter(entry["result"]["exit_status"] for entry in entries)


def has_another(system, pid):
    """Whether a gateway serves that is not this process."""
    return system.is_ready and system.ready["pids"]["gateway"] != pid


@pytest.mark.timeout(600)
def test_every_scan_ends_once_though_the_gateway_is_killed(make_system, startup):
    scanners, scans, kills = rounds(2, 50), rounds(3, 20), rounds(1, 2)
    system = make_system(startup=startup, http="127.0.0.1:0").start()
    ask = system.requester
    made = [ask.do("device_create", name=f"MR {number}", description="low field") for number in range(scanners)]
    credentials = [Credentials(each["device_id"], each["device_token"]) for each in made]
    url = system.ready["http"].replace("http", "ws", 1) + "/api/v1/device/ws"
    operator = Operator(ask)
    with Fleet(url, credentials).running() as fleet:
        uids = []
        for each in made:
            items = [
                {"item_type": "acquisition", "name": f"scan {number}", "kwargs": {"sequence": {"seq_file": "…"}}}
                for number in range(scans)
            ]
            reply = ask.do("queue_item_add_batch", items=items, lane=each["device_id"], **USER)
            uids += [item["item_uid"] for item in reply["items"]]
        for kill in range(1, kills + 1):
            wait_until(lambda part=kill: len(fleet.begun) > part * len(uids) // (kills + 2), "scans", PATIENCE_S)
            killed = system.ready["pids"]["gateway"]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda pid=killed: has_another(system, pid), "the next gateway", PATIENCE_S)
        total = scanners * scans
        wait_until(lambda: operator.outcomes() == {"completed": total}, "the end of all scans", 5 * PATIENCE_S)
        assert max(fleet.begun.values()) == 1
    entries = ask.do("history_get", limit=5_000)["items"]
    assert sorted(entry["item_uid"] for entry in entries) == sorted(uids)
    tasks = [ask.do("exam_task_get", task_id=uid)["task"]["status"] for uid in uids]
    assert set(tasks) == {"FINISHED"}
