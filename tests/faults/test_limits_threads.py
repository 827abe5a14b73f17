"""R8: no more threads and processes. What needs none is done as before, what needs one is refused, and nothing ends."""

from __future__ import annotations

import asyncio
import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.gateway import answering_gateway
from tests.faults.askers import Asker, asking, measure_status, p99
from tests.faults.test_limits_peers import MOST_STATUS_MS
from tests.processes.lone import Manager
from tests.processes.system import copy_startup
from tests.processes.waiting import wait_until

# Limits of processes do not hold for root. No other process of this host has such a user.
SOMEBODY = 61_731
PR_CAPBSET_DROP = 24
CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24
PEERS = 50
LONG_TEXT = "x" * 400_000


def obey_limits():
    """Let limits of processes hold in a child that root starts; it keeps the rights to its files."""
    if os.geteuid() == 0:
        os.setresuid(SOMEBODY, 0, 0)
        for right in (CAP_SYS_ADMIN, CAP_SYS_RESOURCE):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, right, 0, 0, 0)


class LimitedManager(Manager):
    """A manager for which the limits of an ordinary user hold, and that can be told what they are."""

    def _program(self):
        os.mkfifo(self.orders)
        return ["tests.faults.limited_manager", str(self.orders)]

    @property
    def orders(self):
        """The pipe through which it is told."""
        return self.data.with_name("orders")

    @contextmanager
    def without_threads(self):
        """Let the system refuse it every further thread and process."""
        with self.orders.open("w") as orders:
            self._limit(orders, "1")
            yield
            self._limit(orders, "all")

    def _limit(self, orders, text):
        orders.write(f"{text}\n")
        orders.flush()
        limits = Path(f"/proc/{self.process.pid}/limits")

        def holds():
            [line] = [line for line in limits.read_text().splitlines() if line.startswith("Max processes")]
            return (line.split()[2] == "1") == (text == "1")

        wait_until(holds, "the limit")


@pytest.fixture
def manager(directory):
    """A manager whose threads can be limited."""
    startup = copy_startup(directory / "startup")
    manager = LimitedManager(directory / "data", startup=str(startup), prepare=obey_limits)
    assert manager.wait_ready(), manager.failure + manager.errors()
    yield manager
    assert manager.is_alive
    manager.kill()


def serve_peers(address, old):
    """Ask for what is done in threads as a rule, and as many new peers; return how many were answered."""
    assert old.must("plans_existing")["success"]
    item = {"item_type": "plan", "name": "unknown", "kwargs": {"text": LONG_TEXT}}
    refused = old.must("queue_item_add", item=item, user="Somebody", user_group="primary")
    assert refused["error"]["code"] not in ("internal", "busy"), refused["msg"]
    crowd = [Asker(address) for _ in range(PEERS)]
    for asker in crowd:
        asker.post("status")
    answered = sum(asker.receive(5) is not None for asker in crowd)
    for asker in crowd:
        asker.close()
    for number in range(20):
        assert old.must("queue_mode_set", mode={"loop": bool(number % 2)})["success"]
    old.must("queue_mode_set", mode="default")
    return answered


def fail_to_open(ask):
    """Try to open the environment; return why there is none."""
    ask.do("environment_open")
    closed = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "the refusal")
    assert closed["manager_state"] == "idle"
    [told] = [event for event in ask.do("events_get", limit=100)["events"] if event["kind"] == "worker_exited"]
    return told["data"]["cause"]


@pytest.mark.fault("R8")
def test_without_threads_requests_are_answered_and_a_worker_is_refused_with_the_reason(manager, figure):
    ask = manager.requester
    with asking(manager.ready["control"]) as old:
        old.must("status")
        with manager.without_threads():
            answered = serve_peers(manager.ready["control"], old)
            cause = fail_to_open(ask)
            times = measure_status(old, 1)
    figure("without threads: new peers answered", PEERS, answered)
    figure("without threads: status p99, ms", MOST_STATUS_MS, f"{p99(times):.1f}")
    figure("without threads: a worker is refused", "the reason", cause)
    assert answered == PEERS
    assert "could not be started" in cause
    # As soon as there are threads again, everything is as before.
    ask.open()
    uid = ask.add("quick")
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the plan")
    assert ask.history()[0]["item_uid"] == uid
    ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "the end")


class FullExecutor(ThreadPoolExecutor):
    """The threads of an event loop on a system that refuses another one."""

    def submit(self, fn, /, *args, **kwargs):
        """Refuse, in the words of Python."""
        raise RuntimeError("can't start new thread")


@pytest.mark.fault("R8")
async def test_a_gateway_without_threads_refuses_what_needs_one_and_goes_on(tmp_path, figure):
    async with answering_gateway(tmp_path) as (_, client):
        loop = asyncio.get_running_loop()
        loop.set_default_executor(FullExecutor(1))
        codes: set[int] = set()
        for _ in range(20):
            refused = await client.post("/v1/stream-ticket")
            codes.add(refused.status_code)
            assert (refused.json()["type"].rpartition(":")[2], refused.headers["Retry-After"]) == ("busy", "1")
            assert (await client.get("/v1/status")).status_code == 200
        loop.set_default_executor(ThreadPoolExecutor(1))
        assert (await client.post("/v1/stream-ticket")).status_code == 200
    figure("gateway without threads: answer to what needs one", "429 busy", f"{sorted(codes)} busy")
    assert codes == {429}
