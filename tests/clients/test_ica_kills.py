"""Gateway and manager are killed at random instants while ICA clients create batches and repeat what has no answer."""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from queue_server.client import RunControl
from tests.doubles.ica_gateway import V3, WORKFLOW, body_of, nextflow
from tests.processes.waiting import kill, wait_until

BATCHES, ITEMS, CLIENTS = 200, 20, 4
SEED = int(os.environ.get("CUELIGHT_FAULT_SEED", "20250117"))
PATIENCE_S = 240
PATH = "/ica/rest/api/projects/demo/analysisCreationBatch"
# What says that the request is to be repeated, or that nobody can be asked now.
AGAIN = (409, 429, 502, 503)

pytestmark = [pytest.mark.night, pytest.mark.timeout(900)]


class Client:
    """Creates batches, each with a key of its own, until there is an answer."""

    def __init__(self, system):
        self._system = system
        self._key = (system.data / "api-key").read_text().strip()
        self.answered = threading.Semaphore(0)
        self.repetitions = 0

    def create(self, number):
        """Return the answer to the creation of a batch."""
        body = body_of(*(nextflow(f"{number}/{item}") for item in range(ITEMS)))
        headers = {"Accept": V3, "Content-Type": V3, "Idempotency-Key": f"batch {number}"}
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            answer = self.ask("POST", PATH, json=body, headers=headers)
            if answer is not None and answer.status_code not in AGAIN:
                assert answer.status_code == 201, answer.text
                self.answered.release()
                return answer.content
            self.repetitions += 1
            time.sleep(0.1)
        raise AssertionError(f"no answer for batch {number}")

    def ask(self, verb, path, headers=None, **options):
        """Return the answer to a request, None if there is none."""
        named = {"X-API-Key": self._key, **(headers or {})}
        try:
            url = self._system.ready["http"]
            return httpx.request(verb, f"{url}{path}", headers=named, timeout=60, **options)
        except (httpx.HTTPError, FileNotFoundError):
            # The ready file is withdrawn while nobody serves.
            return None


class Killer:
    """Kills now the gateway, now the manager, after some answers each time, until it is told to end."""

    def __init__(self, system, client):
        self._system = system
        self._client = client
        self._chance = random.Random(SEED)
        self._ended = threading.Event()
        self.kills = {"gateway": 0, "manager": 0}
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self):
        while not self._ended.is_set():
            for _ in range(self._chance.randint(2, 12)):
                self._client.answered.acquire()
            if self._ended.wait(self._chance.uniform(0, 0.3)):
                return
            name = self._chance.choice(list(self.kills))
            pid = wait_until(lambda name=name: self._find(name), f"the {name}", PATIENCE_S)
            kill(pid)
            self.kills[name] += 1

    def _find(self, name) -> Any:
        try:
            return self._system.ready["pids"].get(name)
        except FileNotFoundError:
            # It is withdrawn while nobody serves.
            return None

    def end(self):
        """Kill no more."""
        self._ended.set()
        self._client.answered.release(100)
        self._thread.join(PATIENCE_S)


def test_every_batch_is_created_once_and_whole_and_every_repetition_has_the_same_answer(running_system, figure):
    with running_system(http="127.0.0.1:0") as system:
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=10) as manager:
            manager.send_request(method="workflow_add", params={"workflow": WORKFLOW})
        client = Client(system)
        killer = Killer(system, client)
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                answers = list(pool.map(client.create, range(BATCHES)))
        finally:
            killer.end()
        assert [client.create(number) for number in range(BATCHES)] == answers
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=30) as manager:
            batches = manager.send_request(method="batch_list", params={"limit": 1000})["batches"]
            ids = {batch["id"] for batch in batches}
            found = [manager.send_request(method="batch_items", params={"batch_id": each})["items"] for each in ids]
            waiting = manager.send_request(method="status")["items_in_queue"]
    figure("kills of gateway and manager", ">= 10", f"{killer.kills['gateway']} + {killer.kills['manager']}")
    figure("requests that were repeated", "> 0", client.repetitions)
    figure("batches, doubled or partial", f"{BATCHES}, 0", f"{len(ids)}, {sum(len(each) != ITEMS for each in found)}")
    assert len(ids) == len(batches) == BATCHES
    assert [len(each) for each in found] == [ITEMS] * BATCHES
    assert waiting == BATCHES * ITEMS
    assert sum(killer.kills.values()) >= 10
