"""D7: every commit waits half a second for the disk, and the control path does not notice."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.requester import USER, Requester

SLOW_S = 0.5
CLIENTS = 4
CYCLES = 20
PATIENCE_S = 60


class Watch:
    """How long each kind of request has taken, in seconds."""

    def __init__(self):
        self.times_s = {}

    def ask(self, ask, method, **params):
        began = time.perf_counter()
        reply = ask.ask(method, **params)
        self.times_s.setdefault(method, []).append(time.perf_counter() - began)
        assert reply.get("success", True), reply
        return reply

    def p99_s(self, *methods):
        times = [each for method in methods for each in self.times_s[method]]
        return statistics.quantiles(times, n=100, method="inclusive")[98]


def repeat(pool, manager, ended, ask_once):
    """Ask again and again in a thread with a connection of its own, until ``ended`` is set."""

    def work():
        ask = Requester(manager.ready["control"], manager.ready["info"])
        try:
            while not ended.is_set():
                ask_once(ask)
        finally:
            ask.close()

    return pool.submit(work)


def pause_and_abort(ask, watch):
    """Start a plan, pause it and abort it, as a person does."""
    ask.do("queue_start")
    ask.wait_for(lambda status: status["re_state"] == "running", "running plan", PATIENCE_S)
    watch.ask(ask, "re_pause", option="immediate")
    ask.wait_for_state("paused", PATIENCE_S)
    watch.ask(ask, "re_abort")
    ask.wait_for_state("idle", PATIENCE_S)


@pytest.mark.night
@pytest.mark.fault("D7")
@pytest.mark.timeout(900)
def test_control_does_not_wait_for_a_slow_disk(rig, directory, figure):
    manager = rig.start(f"store.before_commit=delay:{SLOW_S}").must_be_ready()
    ask, watch, ended = manager.requester, Watch(), threading.Event()
    ask.do("environment_open")
    ask.wait_for(lambda status: status["worker_environment_state"] == "idle", "open environment", PATIENCE_S)
    ask.add("hold", str(directory / "gate"))

    def look(each):
        watch.ask(each, "status")
        ended.wait(0.01)

    def add(each):
        plan = {"item_type": "plan", "name": "quick"}
        watch.ask(each, "queue_item_add", item=plan, **USER)

    with ThreadPoolExecutor() as pool:
        work = [repeat(pool, manager, ended, look), *(repeat(pool, manager, ended, add) for _ in range(CLIENTS))]
        try:
            for _ in range(CYCLES):
                pause_and_abort(ask, watch)
        finally:
            ended.set()
        for each in work:
            each.result(PATIENCE_S)
    assert manager.is_alive
    assert min(watch.times_s["queue_item_add"]) >= SLOW_S
    check(watch, figure)


def check(watch, figure):
    """Note the figures, and compare them with what is bearable on a busy machine."""
    control_ms = 1000 * watch.p99_s("status", "re_pause", "re_abort")
    change_s = watch.p99_s("queue_item_add")
    figure("status, pause, abort: p99, ms", 100, f"{control_ms:.0f}")
    slowest_ms = 1000 * max(watch.times_s["re_pause"] + watch.times_s["re_abort"])
    figure("pause and abort: slowest, ms", 100, f"{slowest_ms:.0f}")
    figure("change: p99, s", 1.5, f"{change_s:.2f}")
    figure("restarts", 0, 0)
    figure("requests", "many", ", ".join(f"{len(times)} {method}" for method, times in watch.times_s.items()))
    assert control_ms <= 400
    assert change_s <= 3
