"""Orders are carried out one after another, and a failure of one stops none of the others."""

from __future__ import annotations

import pytest

from queue_server.core.effects import Dispatch, EndProcess, KillWorker, Remind, Send, StartWorker
from queue_server.core.events import EstopDeadlinePassed
from queue_server.core.model import Lane, State, Worker
from queue_server.engine.perform import Crew, Performer
from queue_server.protocol.items import AttemptKey, Item
from queue_server.protocol.worker_link import Close, Execute
from tests.doubles.crew import RecordingHost, RecordingLink, RecordingPublisher

KEY = AttemptKey("i", "s", "default", 1, 1)
DEADLINE = EstopDeadlinePassed("default", 1.0, 1, "end", 0.0)
CONTENT = {"item_type": "plan", "name": "count", "item_uid": "i"}
STATE = State(epoch=1, lanes=(Lane(worker=Worker("open", "w-1")),))


class BrokenHost(RecordingHost):
    """Cannot start anything."""

    def start(self, lane, incarnation):
        """Fail."""
        raise OSError("no more processes")


def remind_into(journal):
    return lambda after_s, event: journal.append(("remind", after_s, event))


@pytest.fixture
def journal():
    return []


@pytest.fixture
def performer(journal):
    return Performer(RecordingPublisher(journal), lambda: journal.append(("end",)))


def test_every_order_reaches_whoever_carries_it_out(performer, journal):
    performer.attach(Crew(lambda: STATE, RecordingHost(journal), RecordingLink(journal), remind_into(journal)))
    orders = [
        StartWorker("default", "w-1"),
        Dispatch(KEY, Item("i", "default", "s", CONTENT)),
        Send("w-1", Close()),
        KillWorker("default", "w-1"),
        Remind(2.5, DEADLINE),
        EndProcess(),
    ]
    performer.perform(orders)
    assert journal == [
        ("start", "default", "w-1"),
        ("send", "w-1", Execute(attempt=KEY, content=CONTENT)),
        ("send", "w-1", Close()),
        ("kill", "default", "w-1"),
        ("remind", 2.5, DEADLINE),
        ("end",),
    ]


def test_an_order_that_fails_does_not_stop_the_next_one(performer, journal, caplog):
    performer.attach(Crew(lambda: STATE, BrokenHost(journal), RecordingLink(journal), remind_into(journal)))
    performer.perform([StartWorker("default", "w-1"), Send("w-1", Close())])
    assert journal == [("send", "w-1", Close())]
    assert "StartWorker" in caplog.text
    assert "no more processes" in caplog.text


def test_an_order_to_a_worker_before_there_is_a_crew_is_an_error_in_the_log(performer, journal, caplog):
    performer.perform([Send("w-1", Close()), EndProcess()])
    assert journal == [("end",)]
    assert "no crew" in caplog.text
