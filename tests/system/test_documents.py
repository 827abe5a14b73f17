"""Documents of runs in whole systems: what anybody has seen is in the file, whoever dies, and gaps are told."""

from __future__ import annotations

from itertools import pairwise

import pytest

from queue_server.client import RunControl
from queue_server.client.documents import Document, Gap
from queue_server.client.run_file import read_documents
from tests.processes.waiting import kill, wait_until

PATIENCE_S = 60

EMIT = '''
import json


class Counter:
    """A device that counts how often it was read."""

    name = "counter"
    parent = None
    count = 0

    def read(self):
        self.count += 1
        return {"count": {"value": self.count, "timestamp": 1.0}}

    def describe(self):
        return {"count": {"source": "made", "dtype": "integer", "shape": []}}

    def read_configuration(self):
        return {}

    def describe_configuration(self):
        return {}


LEDGER = JOURNAL.with_name("ledger")


def write_ledger(name, document):
    """Note every document that somebody has seen."""
    with LEDGER.open("a") as stream:
        stream.write(json.dumps([name, document["uid"]]) + "\\n")


RE.subscribe(write_ledger)


def emit(gate: str):
    """One run that emits events until the file `gate` exists."""
    counter = Counter()

    @bpp.run_decorator(md={})
    def inner():
        while not os.path.exists(gate):
            yield from bps.create("primary")
            yield from bps.read(counter)
            yield from bps.save()
            yield from bps.sleep(0.002)

    yield from inner()
'''


@pytest.fixture
def site(startup, make_system):
    """A system whose startup code has a plan that emits."""
    (startup / "10-emit.py").write_text(EMIT)
    return make_system(startup=startup).start()


@pytest.fixture
def client(site):
    with RunControl(site.ready["control"], site.ready["info"], timeout_s=30) as client:
        yield client


def emit(site, gate, points=20):
    """Start the plan, and wait until it has emitted some events; return its run."""
    site.requester.add("emit", str(gate))
    site.requester.do("queue_start")
    [run] = site.requester.wait_for_runs()
    wait_for_points(site, points)
    return run["uid"]


def wait_for_points(site, points):
    ledger = site.startup / "ledger"
    wait_until(lambda: ledger.exists() and ledger.read_text().count('"event"') >= points, "events", PATIENCE_S)


def seen(site):
    """Return name and uid of every document that a subscriber in the worker has seen, as far as it has written that."""
    lines = (site.startup / "ledger").read_text().split("\n")[:-1]
    return [tuple(line.strip('[]"').split('", "')) for line in lines]


def recorded(site, run_uid):
    """Return the documents of a run."""
    [file] = (site.data / "runs").rglob(f"{run_uid}.jsonl")
    return list(read_documents(file))


def receive_until(documents, is_last):
    """Return what comes until something is as described."""
    told = []
    while not told or not is_last(told[-1]):
        found = documents.receive(PATIENCE_S)
        assert found is not None, f"nothing follows {told[-1:]}"
        told.append(found)
    return told


def is_whole(told):
    """Tell whether every number is told once: a document, or a part of a gap."""
    spans = [(one.number, one.number) if isinstance(one, Document) else (one.first, one.last) for one in told]
    return all(earlier[1] + 1 == later[0] for earlier, later in pairwise(spans))


def test_a_killed_worker_has_recorded_whatever_anybody_has_seen(site, client, tmp_path):
    site.requester.open()
    with client.documents() as documents:
        run_uid = emit(site, tmp_path / "gate")
        first = site.worker_pid
        kill(first)
        ask = site.requester
        ask.wait_for(lambda status: status["items_in_history"] == 1, "the end of the attempt")
        found = [(name, document["uid"]) for name, document in recorded(site, run_uid)]
        known = seen(site)
        assert known[0][0] == "start"
        assert found[: len(known)] == known
        # One more may have been written that nobody was shown.
        assert len(found) - len(known) in (0, 1)

        told = receive_until(documents, lambda one: isinstance(one, Document) and one.name == "event")
        assert is_whole(told)
        [held] = ask.queue()
        ask.do("queue_item_remove", uid=held["item_uid"])
        ask.open()
        ask.add("quick")
        ask.do("queue_start")
        told = receive_until(documents, lambda one: isinstance(one, Document) and one.name == "stop")
        later = [one for one in told if one.incarnation == told[-1].incarnation]
        assert is_whole(later)
        assert (later[0].number if isinstance(later[0], Document) else later[0].first) == 1


def test_a_run_goes_on_in_its_file_while_the_manager_is_dead_and_subscribers_learn_what_they_missed(
    site, client, tmp_path
):
    site.requester.open()
    with client.documents(["default"]) as documents:
        run_uid = emit(site, tmp_path / "gate")
        site.stop_supervisor()
        site.kill_manager()
        wait_for_points(site, len(seen(site)) + 20)
        site.continue_supervisor()
        site.wait_ready(2)
        told = receive_until(documents, lambda one: isinstance(one, Gap))
        told += receive_until(documents, lambda one: isinstance(one, Document))
        (tmp_path / "gate").touch()
        told += receive_until(documents, lambda one: isinstance(one, Document) and one.name == "stop")
    site.requester.wait_for(lambda status: status["items_in_history"] == 1, "the end of the plan")
    content = recorded(site, run_uid)
    assert is_whole(told)
    for one in told:
        if isinstance(one, Document):
            assert (one.name, one.content) == content[one.number - 1]
    assert [(name, document["uid"]) for name, document in content] == seen(site)
