"""P16: the gateway is killed again and again. The queue goes on, clients come back, and streams have no gap."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from queue_server.client import RunControl
from queue_server.client.notices import EVENT_TOPIC
from queue_server.protocol.errors import CommunicationError
from tests.faults.tiers import rounds
from tests.processes.system import System, copy_startup
from tests.processes.waiting import kill, wait_until

KILLS = rounds(2, 50)
BACK_WITHIN_S = 3.0
BACK_AT_MOST_S = 20.0
PATIENCE_S = 60
# Some events each second: more than a stream gives again at once would be told as a gap.
SLOW = """
def slow(label: str):
    yield from bps.open_run()
    yield from bps.sleep(0.5)
    yield from bps.close_run()
"""


@pytest.fixture
def system(directory):
    """A system with a gateway whose manager executes plans all the time."""
    startup = copy_startup(directory / "startup")
    (startup / "01-slow.py").write_text(SLOW)
    made = System(directory, startup=startup, http="127.0.0.1:0").start()
    yield made
    made.close()


class Listener:
    """Follows the event log over the gateway."""

    def __init__(self, client):
        self.seqs = []
        self._notices = client.notices([EVENT_TOPIC])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while not self._ended.is_set():
            notice = self._notices.receive(0.2)
            if notice is not None and notice.topic == EVENT_TOPIC:
                self.seqs.append(notice.payload["seq"])

    def wait_for(self, seq):
        """Wait until an event, or a later one, has come."""
        wait_until(lambda: self.seqs and self.seqs[-1] >= seq, f"event {seq}", PATIENCE_S)

    def close(self):
        self._ended.set()
        self._thread.join(PATIENCE_S)
        self._notices.close()


def serving_pids(system) -> Any:
    """Return the processes that serve; None while the ready file is withdrawn because nobody does."""
    try:
        return system.ready["pids"]["gateway"]
    except FileNotFoundError:
        return None


@pytest.mark.night
@pytest.mark.fault("P16")
@pytest.mark.timeout(1200)
def test_a_killed_gateway_disturbs_no_queue_and_its_streams_go_on_without_a_gap(system, figure):
    ask, slowest_s = system.requester, 0.0
    ask.open()
    ask.do("queue_mode_set", mode={"loop": True})
    for number in range(3):
        ask.add("slow", label=f"{number}")
    ask.do("queue_start")
    epoch, manager = ask.status()["epoch"], system.manager_pid
    with RunControl(system.ready["http"], api_key=(system.data / "api-key").read_text().strip()) as client:
        listener = Listener(client)
        try:
            for _ in range(KILLS):
                before = wait_until(lambda: serving_pids(system), "the ready file", PATIENCE_S)
                began_s = time.monotonic()
                kill(before)
                wait_until(lambda: answers(client), "the gateway", PATIENCE_S)
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                wait_until(lambda known=before: serving_pids(system) not in (None, known), "the ready file", PATIENCE_S)
                assert ask.status()["manager_state"] in ("executing_queue", "starting_queue")
                # A stream gives so many events again; who is killed before it has resumed would let them add up.
                listener.wait_for(ask.do("events_get", limit=1)["last_seq"])
        finally:
            listener.close()
    assert (ask.status()["epoch"], system.manager_pid) == (epoch, manager)
    first, final = listener.seqs[0], listener.seqs[-1]
    gaps = sorted(set(range(first, final + 1)) - set(listener.seqs))
    figure("kills of the gateway", KILLS, KILLS)
    figure("clients back, slowest, s", BACK_WITHIN_S, f"{slowest_s:.2f}")
    figure("gaps in the stream of events", 0, f"{len(gaps)}")
    assert len(gaps) == 0, f"{len(gaps)} events are missing, the first one is {gaps[0]}"
    assert len(listener.seqs) == len(set(listener.seqs))
    assert slowest_s <= BACK_AT_MOST_S


def answers(client):
    try:
        return client.send_request(method="status", timeout_s=1)["msg"]
    except CommunicationError:
        return None
