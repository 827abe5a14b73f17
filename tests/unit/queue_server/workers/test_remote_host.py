"""Workers that connect by themselves: started by nobody, missed for a while, given up by a person."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.protocol.worker_link import Dismiss
from queue_server.workers.remote_host import RemoteHost

LANE, INCARNATION = "scanner", "scanner.1"


class Surroundings:
    """Lanes and link in one: notes what is sent, and who is away."""

    def __init__(self):
        self.sent = []
        self.away = set()
        self.ended: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()

    def is_remote(self, lane):
        """Know one lane."""
        return lane == LANE

    def is_away(self, lane, incarnation):
        """Say what the test says."""
        return (lane, incarnation) in self.away

    def send(self, incarnation, message):
        """Note it."""
        self.sent.append((incarnation, message))

    def hear_exit(self, lane, incarnation, cause):
        """Note it."""
        self.ended.put_nowait((lane, incarnation, cause))


@pytest.fixture
def around():
    return Surroundings()


@pytest.fixture
async def host(around):
    host = RemoteHost(around, around, around.hear_exit, absent_after_s=0.01)
    yield host
    await host.close()


@pytest.fixture
async def patient(around):
    host = RemoteHost(around, around, around.hear_exit)
    yield host
    await host.close()


def test_only_lanes_whose_workers_connect_by_themselves_are_served(patient):
    assert patient.serves(LANE)
    assert not patient.serves("default")


async def test_a_worker_that_cannot_be_started_is_told_as_gone(patient, around):
    patient.start(LANE, INCARNATION)
    assert "cannot be started" in around.ended.get_nowait()[2]


async def test_a_worker_of_the_last_epoch_that_does_not_come_back_is_gone_after_a_while(host, around):
    around.away.add((LANE, INCARNATION))
    assert host.adopt(LANE, INCARNATION)
    lane, incarnation, cause = await around.ended.get()
    assert (lane, incarnation) == (LANE, INCARNATION)
    assert "nothing was heard" in cause


async def test_a_worker_that_speaks_again_is_not_gone(host, around):
    around.away |= {(LANE, INCARNATION), (LANE, "other")}
    host.hear_answering(LANE, INCARNATION, answering=False)
    host.hear_answering(LANE, INCARNATION, answering=True)
    host.hear_answering(LANE, "other", answering=False)
    assert (await around.ended.get())[1] == "other"
    assert around.ended.empty()


async def test_a_worker_that_is_there_when_patience_ends_is_not_gone(host, around):
    host.adopt(LANE, INCARNATION)
    around.away.add((LANE, "other"))
    host.adopt(LANE, "other")
    assert (await around.ended.get())[1] == "other"
    assert around.ended.empty()


async def test_the_silence_of_other_workers_is_no_matter_of_this_host(host, around):
    around.away |= {("default", INCARNATION), (LANE, "other")}
    host.hear_answering("default", INCARNATION, answering=False)
    host.hear_answering(LANE, "other", answering=False)
    assert (await around.ended.get())[1] == "other"
    assert around.ended.empty()


async def test_a_worker_that_is_given_up_is_told_so(patient, around):
    patient.adopt(LANE, INCARNATION)
    patient.kill(LANE, INCARNATION)
    assert around.sent == [(INCARNATION, Dismiss(reason="it was given up"))]
    assert around.ended.get_nowait() == (LANE, INCARNATION, "it was given up")
