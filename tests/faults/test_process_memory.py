"""The memory of a manager whose queue runs in circles for very long does not grow."""

from __future__ import annotations

import threading

import pytest

from tests.processes.waiting import Deadline, resident_bytes

ITEMS = 100_000
IN_QUEUE = 10
MOST_GROWTH_MB = 10
PATIENCE_S = 3 * 3600


@pytest.mark.night
@pytest.mark.timeout(PATIENCE_S + 600)
def test_the_memory_after_very_many_items_is_that_of_the_start(rig, figure):
    manager = rig.recover()
    rig.begin(manager, loops=True)
    ask = manager.requester
    for number in range(IN_QUEUE):
        ask.add("quick", label=f"{number}")
    before = resident_bytes(manager.process.pid)
    ask.do("queue_start")
    deadline, pause, highest = Deadline(PATIENCE_S), threading.Event(), before
    while (status := ask.status())["items_in_history"] < ITEMS:
        assert status["manager_state"] in ("executing_queue", "starting_queue")
        deadline.check(f"{ITEMS} items (now {status['items_in_history']})")
        highest = max(highest, resident_bytes(manager.process.pid))
        pause.wait(2)
    ask.do("queue_stop")
    ask.wait_for_state("idle")
    grown = (resident_bytes(manager.process.pid) - before) / 1e6
    figure(f"growth of the memory after {ITEMS} items, MB", MOST_GROWTH_MB, f"{grown:.1f}")
    figure("highest, MB above the start", MOST_GROWTH_MB, f"{(highest - before) / 1e6:.1f}")
    assert grown <= MOST_GROWTH_MB
    assert len(ask.queue()) == IN_QUEUE
