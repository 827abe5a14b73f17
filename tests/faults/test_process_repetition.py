"""D13: requests that are sent again and again over a bad network have one effect each, and one answer."""

from __future__ import annotations

import json
import random
from collections import defaultdict

import pytest
import zmq

from tests.faults.lossy_proxy import LossyProxy
from tests.faults.tiers import rounds
from tests.processes.requester import USER
from tests.processes.waiting import Deadline

REQUESTS = rounds(1_000, 10_000)
AT_ONCE = 20
SHARE = 0.3
SEED = 31_013
ANSWER_MS = 200


class Client:
    """Sends requests under keys until each has at least one answer, and keeps all answers."""

    def __init__(self, address, chance):
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RECONNECT_IVL, 5)
        self._socket.connect(address)
        self._chance = chance
        self.answers = defaultdict(list)
        self.sent = 0

    def close(self):
        self._socket.close()

    def send(self, key, item):
        params = {"item": item, **USER}
        request = {"method": "queue_item_add", "params": params, "idempotency_key": key, "id": key}
        self._socket.send(json.dumps(request).encode())
        self.sent += 1

    def carry(self, items):
        """Have every request answered; each is sent one to five times, and again where no answer came."""
        copies = [key for key in items for _ in range(self._chance.randint(1, 5))]
        self._chance.shuffle(copies)
        deadline = Deadline(60)
        while copies:
            for key in copies:
                self.send(key, items[key])
            while self._socket.poll(ANSWER_MS):
                self.read()
                if all(key in self.answers for key in items):
                    break
            deadline.check("answers")
            copies = [key for key in items if key not in self.answers]

    def read(self):
        reply = json.loads(self._socket.recv())
        # The peer is told that it sends too much, or that the first one is not done yet: no answer, ask again.
        if reply.get("error", {}).get("code") not in ("busy", "unfinished"):
            self.answers[reply.pop("id")].append(reply)


def plan(label):
    return {"item_type": "plan", "name": "quick", "kwargs": {"label": label}}


def queue_of(manager):
    """Return the items of a long queue."""
    return manager.requester.ask("queue_get", timeout_s=60)["items"]


@pytest.mark.fault("D13", scales=True)
@pytest.mark.timeout(300 + REQUESTS)
def test_requests_that_are_sent_several_times_over_a_bad_network_have_one_effect_each(rig, figure):
    manager = rig.recover()
    rig.begin(manager)
    proxy = LossyProxy(manager.ready["control"], SHARE, SEED)
    client = Client(proxy.address, random.Random(SEED))
    try:
        keys = [f"key-{number}" for number in range(REQUESTS)]
        for first in range(0, REQUESTS, AT_ONCE):
            client.carry({key: plan(key) for key in keys[first : first + AT_ONCE]})
    finally:
        client.close()
        proxy.close()
    assert all(reply["success"] for replies in client.answers.values() for reply in replies)
    different = [
        key for key, replies in client.answers.items() if any(reply["item"] != replies[0]["item"] for reply in replies)
    ]
    assert different == []
    labels = [item["kwargs"]["label"] for item in queue_of(manager)]
    assert sorted(labels) == sorted(keys)
    assert proxy.cuts > REQUESTS / AT_ONCE / 10

    direct = Client(manager.ready["control"], random.Random(SEED))
    try:
        for key in keys[:: max(1, REQUESTS // 100)]:
            direct.answers.clear()
            direct.carry({key: plan("another")})
            assert {reply["error"]["code"] for reply in direct.answers[key]} == {"conflict"}
    finally:
        direct.close()
    assert len(queue_of(manager)) == REQUESTS
    figure("effects of as many requests", REQUESTS, len(labels))
    figure("sent", "1-5 times each", f"{client.sent}, {proxy.cuts} connections cut, {proxy.delays} messages delayed")
    figure("another body under the same key", "refused", "refused")
