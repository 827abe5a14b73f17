"""Batches over HTTP while gateway and manager are killed: each key makes one whole batch and has one answer."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.processes.system import System
from tests.processes.waiting import PATIENCE_S, Deadline, kill, wait_until

BATCHES, ITEMS, CLIENTS = 200, 10, 4
V3 = "application/vnd.illumina.v3+json"
WORKFLOW = {
    "id": "trial",
    "steps": [{"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": "$[[num]]"}}],
    "parameters": [{"name": "num", "dtype": "int", "minimum": 1}],
}
AGAIN = (409, 502, 503, 504)

# Each kill costs a start of the manager or of the gateway.
pytestmark = [pytest.mark.night, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a gateway, and a workflow."""
    made = System(tmp_path_factory.mktemp("batches"), http="127.0.0.1:0", spare_manager=True)
    with_gateway = made.start()
    try:
        wait_until(lambda: made.ready["http"] is not None, "the gateway")
        made.requester.do("workflow_add", workflow=WORKFLOW, user="ada", user_group="primary")
        yield with_gateway
    finally:
        made.close()


def body_of(number):
    """The body of one creation."""
    return {
        "nextflowItems": [
            {
                "userReference": f"batch {number} item {item}",
                "pipelineId": "trial",
                "analysisInput": {"inputs": [], "parameters": [{"code": "num", "value": str(item + 1)}]},
            }
            for item in range(ITEMS)
        ]
    }


class Client:
    """Creates batches, and repeats each request with its key until it is answered."""

    def __init__(self, system):
        self._url = f"{system.ready['http']}/ica/rest/api/projects/demo/analysisCreationBatch"
        key = (system.data / "api-key").read_text().strip()
        self._headers = {"X-API-Key": key, "Content-Type": V3, "Accept": V3}
        self.repetitions = 0

    def create(self, number):
        """Create the batch of a number; return the body of the answer."""
        deadline = Deadline(PATIENCE_S * 4)
        while True:
            deadline.check(f"an answer for batch {number}")
            try:
                answer = httpx.post(
                    self._url,
                    json=body_of(number),
                    headers={**self._headers, "Idempotency-Key": f"key {number}"},
                    timeout=10,
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 201:
                return answer.content
            assert answer is None or answer.status_code in AGAIN, answer.text
            self.repetitions += 1
            time.sleep(0.05)


class Killer:
    """Kills gateway and manager in turn at random moments, until it is told to end."""

    def __init__(self, system, seed):
        self._system = system
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.kills = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        while not self._ended.wait(self._random.uniform(0.2, 1.5)):
            name = self._random.choice(["gateway", "manager"])
            if not self._system.is_ready:
                continue
            pid = self._system.ready["pids"][name]
            kill(pid)
            self.kills += 1
            wait_until(lambda pid=pid, name=name: self._has_another(name, pid), f"the next {name}", PATIENCE_S)

    def _has_another(self, name, pid):
        return self._system.is_ready and self._system.ready["pids"][name] not in (None, pid)


def all_batches(ask):
    """Return all batches by their ids."""
    found, cursor = {}, None
    while True:
        page = ask.do("batch_list", limit=100, **({"cursor": cursor} if cursor else {}))
        found |= {batch["id"]: batch for batch in page["batches"]}
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_each_key_makes_one_whole_batch_though_gateway_and_manager_are_killed(system):
    client = Client(system)
    with Killer(system, seed=7) as killer, ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(client.create, range(BATCHES)))
    assert killer.kills >= 10
    assert client.repetitions > 0
    ask = system.requester
    batches = all_batches(ask)
    assert len(batches) == BATCHES
    assert {batch["size"] for batch in batches.values()} == {ITEMS}
    assert len(set(answers)) == BATCHES
    for batch_id in batches:
        page = ask.do("batch_items", batch_id=batch_id, limit=100)
        assert [item["ordinal"] for item in page["items"]] == list(range(ITEMS))
    assert ask.status()["items_in_queue"] == BATCHES * ITEMS
    # The same answer again, also from a gateway that was not there then.
    assert [client.create(number) for number in range(0, BATCHES, 20)] == answers[::20]
    assert len(all_batches(ask)) == BATCHES
