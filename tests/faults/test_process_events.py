"""D16: everybody who follows the event log finds every gap, although the manager dies, and fills it."""

from __future__ import annotations

import json
import threading

import pytest
import zmq

from tests.processes.requester import ManagerGoneError, Requester

EVENTS = 100_000
KILLS = 3
SUBSCRIBERS = 3
AT_ONCE = 50
PAGE = 1_000
TOPIC = b"cuelight.event"


class Follower:
    """Reads the numbered events of one manager after the other; what it misses it asks for at the end."""

    def __init__(self, info):
        self.events = {}
        self.twice = 0
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RECONNECT_IVL, 10)
        self._socket.subscribe(TOPIC)
        self._socket.connect(info)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while not self._ended.is_set() or self._socket.poll(200):
            if self._socket.poll(100):
                event = json.loads(self._socket.recv_multipart()[1])
                self.twice += event["seq"] in self.events
                self.events[event["seq"]] = (event["kind"], event["data"])

    def close(self):
        self._ended.set()
        self._thread.join(60)
        self._socket.close()

    def fill(self, ask, last):
        """Ask for what is missing; return how many events that were."""
        missing = sorted(set(range(1, last + 1)) - self.events.keys())
        filled = 0
        while missing:
            page = ask.do("events_get", since=missing[0] - 1, limit=PAGE)["events"]
            for event in page:
                if event["seq"] not in self.events:
                    self.events[event["seq"]] = (event["kind"], event["data"])
                    filled += 1
            missing = [seq for seq in missing if seq not in self.events]
        return filled


def change(manager, number):
    """Have ``number`` changes acknowledged, many at once."""
    ask = Requester(manager.ready["control"], manager.ready["info"], lambda: not manager.is_alive)
    try:
        for _ in range(0, number, AT_ONCE):
            posted = [ask.post("queue_mode_set", mode={"loop": each % 2 == 0}) for each in range(AT_ONCE)]
            replies = ask.collect(posted)
            if len(replies) < len(posted):
                raise ManagerGoneError
            assert all(reply["success"] for reply in replies.values())
    finally:
        ask.close()


@pytest.mark.night
@pytest.mark.fault("D16")
@pytest.mark.timeout(900)
def test_every_follower_of_the_event_log_has_every_event_in_the_end(rig, figure):
    manager = rig.start().must_be_ready()
    followers = [Follower(manager.ready["info"]) for _ in range(SUBSCRIBERS)]
    try:
        for number in range(KILLS):
            change(manager, EVENTS // (KILLS + 1))
            killer = threading.Timer(rig.chance.uniform(0.05, 0.5), manager.process.kill)
            killer.start()
            with pytest.raises(ManagerGoneError):
                change(manager, EVENTS)
            killer.join()
            rig.was_killed(manager, "a random instant")
            manager = rig.start(info=manager.ready["info"]).must_be_ready()
            if number == 0:
                # This one has missed much already.
                followers.append(Follower(manager.ready["info"]))
        last = manager.requester.do("events_get", limit=1)["last_seq"]
        change(manager, max(AT_ONCE, EVENTS - last))
    finally:
        for follower in followers:
            follower.close()
    last = manager.requester.do("events_get", limit=1)["last_seq"]
    assert last >= EVENTS
    received = [len(follower.events) for follower in followers]
    filled = [follower.fill(manager.requester, last) for follower in followers]
    assert [len(follower.events) for follower in followers] == [last] * len(followers)
    assert all(follower.events == followers[0].events for follower in followers)
    assert [follower.twice for follower in followers] == [0] * len(followers)
    figure("events, each follower", f">= {EVENTS}", f"{last}; received {received}, gaps filled {filled}, none left")
