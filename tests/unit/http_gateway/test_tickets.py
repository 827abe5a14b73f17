"""Tickets: valid once and for 30 seconds, at whatever process they are shown."""

from __future__ import annotations

import asyncio
import stat

import pytest

from http_gateway.errors import CredentialError, ThrottledError
from http_gateway.identity import Identity
from http_gateway.tickets import LIFE_S, MOST_TICKETS, Tickets
from queue_server.clock import ManualClock

ANNA = Identity("anna", "primary", frozenset({"read:status"}), frozenset({"observer"}), "uuid", "session 1")


@pytest.fixture
def clock():
    """The time."""
    return ManualClock()


@pytest.fixture
def tickets(tmp_path, clock):
    """Tickets of one process."""
    return Tickets(tmp_path / "tickets", clock)


async def test_a_ticket_is_good_for_whom_it_was_given_to(tickets):
    assert await tickets.take(await tickets.give(ANNA)) == ANNA


async def test_a_ticket_is_good_once_whoever_comes_first(tickets, tmp_path, clock):
    other = Tickets(tmp_path / "tickets", clock)
    ticket = await tickets.give(ANNA)
    found = await asyncio.gather(*(each.take(ticket) for each in [tickets, other] * 8), return_exceptions=True)
    assert found.count(ANNA) == 1
    assert sum(isinstance(result, CredentialError) for result in found) == 15


async def test_a_ticket_is_good_for_thirty_seconds(tickets, clock):
    first, second = await tickets.give(ANNA), await tickets.give(ANNA)
    clock.advance(LIFE_S)
    assert await tickets.take(first) == ANNA
    clock.advance(0.1)
    with pytest.raises(CredentialError, match="too old"):
        await tickets.take(second)


@pytest.mark.parametrize("ticket", ["", "unknown", "../../etc/passwd", "\udcff", "x" * 10_000])
async def test_what_is_no_ticket_opens_nothing(tickets, ticket):
    await tickets.give(ANNA)
    with pytest.raises(CredentialError):
        await tickets.take(ticket)


async def test_what_lies_on_the_disk_is_no_ticket_and_only_for_its_owner(tickets, tmp_path):
    ticket = await tickets.give(ANNA)
    [file] = (tmp_path / "tickets").iterdir()
    assert ticket not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with pytest.raises(CredentialError):
        await tickets.take(file.name)


async def test_tickets_that_nobody_used_go_away(tickets, tmp_path, clock):
    for _ in range(3):
        await tickets.give(ANNA)
    clock.advance(2 * LIFE_S + 1)
    await tickets.give(ANNA)
    assert len(list((tmp_path / "tickets").iterdir())) == 1


async def test_there_are_never_more_than_so_many(tickets, tmp_path):
    await tickets.give(ANNA)
    for number in range(MOST_TICKETS - 1):
        (tmp_path / "tickets" / str(number)).touch()
    with pytest.raises(ThrottledError):
        await tickets.give(ANNA)
