"""The link to the manager: what stops a machine gets through when nothing else does."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink
from http_gateway.mutations import MutationMark
from queue_server.client.channel import ControlChannel
from queue_server.protocol.errors import BusyError

SOMEBODY = Caller(Identity("somebody", "primary", frozenset()))
PATIENCE_S = 60


@pytest.fixture
async def full_link(manager, tmp_path):
    """A link on which as many requests wait as may."""
    channel = ControlChannel(manager.control, most_in_flight=1)
    link = ManagerLink(channel, MutationMark(tmp_path / "mark"))
    manager.answers["queue_get"] = None
    waiting = asyncio.create_task(link.ask("queue_get", {}, SOMEBODY, timeout_s=PATIENCE_S))
    await asyncio.wait([waiting], timeout=0)
    assert link.in_flight == 1
    yield link
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await channel.close()


@pytest.mark.parametrize("method", ["estop", "re_pause", "re_abort", "re_halt", "re_stop", "re_resume"])
async def test_a_link_with_too_much_to_do_takes_what_stops_a_machine(full_link, method):
    reply = await full_link.call(method, {}, SOMEBODY, timeout_s=PATIENCE_S)
    assert reply["success"]


@pytest.mark.parametrize("method", ["status", "queue_item_add", "queue_start", "unheard_of"])
async def test_it_refuses_everything_else_at_once(full_link, manager, method):
    with pytest.raises(BusyError, match="repeat it later"):
        await full_link.ask(method, {}, SOMEBODY)
    assert method not in manager.asked
