"""The pushed status: from memory while it cannot be too old, and never older than what a client was told before."""

from __future__ import annotations

import pytest

from http_gateway.mutations import MutationMark
from http_gateway.status import SILENCE_S, PushedStatus
from queue_server.client.notices import Notice
from queue_server.clock import ManualClock
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.errors import RequestTimeoutError
from queue_server.protocol.notices import STATUS_TOPIC


def status(revision, epoch=1, **fields):
    """A status as a manager writes it."""
    return {"epoch": epoch, "revision": revision, "status_uid": f"{epoch}.{revision}", **fields}


def notice(content):
    """A notice that carries a status."""
    return Notice(STATUS_TOPIC, {"time": 1.0, "msg": {"status": content}})


class Link:
    """Answers with the present status, and counts."""

    def __init__(self):
        self.present = status(1)
        self.asked = 0
        self.meanwhile = lambda: None

    async def ask(self, method, params, caller):
        """Answer, unless there is nothing to answer."""
        assert (method, params) == ("status", {})
        self.asked += 1
        if self.present is None:
            raise RequestTimeoutError("nobody there")
        reply = encode(self.present)
        self.meanwhile()
        return reply


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def mark(tmp_path):
    return MutationMark(tmp_path / "mark")


@pytest.fixture
def pushed(link, mark, clock):
    return PushedStatus(link, mark, clock)


async def revision_of(pushed, **options):
    return decode(await pushed.frame(**options))[0]["revision"]


async def test_the_first_status_is_asked_for_and_then_kept(pushed, link):
    assert [await revision_of(pushed) for _ in range(3)] == [1, 1, 1]
    assert link.asked == 1


async def test_what_is_published_replaces_it_without_asking(pushed, link):
    await pushed.frame()
    pushed.hear(notice(status(2)))
    assert await revision_of(pushed) == 2
    assert link.asked == 1


async def test_after_a_mutation_of_any_process_the_manager_is_asked(pushed, link, mark):
    await pushed.frame()
    mark.set()
    link.present = status(5)
    assert await revision_of(pushed) == 5
    # Published before the mutation, arrived after the reply.
    pushed.hear(notice(status(4)))
    assert await revision_of(pushed) == 5
    assert link.asked == 2


async def test_a_notice_that_overtakes_the_reply_stays(pushed, link, mark):
    await pushed.frame()
    mark.set()
    link.present = status(6)
    link.meanwhile = lambda: pushed.hear(notice(status(7)))
    assert await revision_of(pushed) == 7


async def test_the_notice_of_a_new_store_makes_it_ask(pushed, link):
    link.present = status(7, time="2026-01-01T10:00:00")
    await pushed.frame()
    link.present = status(2, time="2026-01-01T10:00:01")
    pushed.hear(notice(link.present))
    assert await revision_of(pushed) == 2


async def test_a_new_store_that_counts_from_the_start_again_is_believed_once_it_is_asked(pushed, link, clock):
    await pushed.frame()
    pushed.hear(notice(status(7)))
    link.present = status(2)
    clock.advance(SILENCE_S + 1)
    assert await revision_of(pushed) == 2


async def test_silence_makes_it_ask(pushed, link, clock):
    await pushed.frame()
    clock.advance(SILENCE_S / 2)
    pushed.hear(notice(status(1)))
    clock.advance(SILENCE_S)
    await pushed.frame()
    assert link.asked == 1
    clock.advance(0.1)
    await pushed.frame()
    assert link.asked == 2


async def test_a_manager_that_is_gone_is_not_covered_by_an_old_status(pushed, link, clock):
    await pushed.frame()
    link.present = None
    clock.advance(SILENCE_S + 1)
    with pytest.raises(RequestTimeoutError):
        await pushed.frame()


async def test_the_next_manager_counts_from_one_again(pushed, link):
    await pushed.frame()
    pushed.hear(notice(status(9)))
    pushed.hear(notice(status(1, epoch=2)))
    assert await revision_of(pushed) == 1


async def test_another_store_is_believed_once_it_is_asked(pushed, link, clock):
    link.present = status(9, epoch=5)
    await pushed.frame()
    link.present = status(2, epoch=1)
    pushed.hear(notice(link.present))
    clock.advance(SILENCE_S + 1)
    assert await revision_of(pushed) == 2


async def test_a_manager_that_does_not_count_is_served_as_well(pushed, link):
    link.present = {"status_uid": "a"}
    await pushed.frame()
    pushed.hear(notice({"status_uid": "b"}))
    assert decode(await pushed.frame())[0] == {"status_uid": "b"}


async def test_whoever_wants_it_fresh_gets_it_from_the_manager(pushed, link):
    await pushed.frame()
    link.present = status(3)
    assert await revision_of(pushed, fresh=True) == 3


@pytest.mark.parametrize("payload", [{}, {"msg": "text"}, {"msg": {"other": 1}}, {"msg": {"status": None}}])
async def test_what_carries_no_status_changes_nothing(pushed, payload):
    await pushed.frame()
    pushed.hear(Notice(STATUS_TOPIC, payload))
    assert await revision_of(pushed) == 1
