"""Whoever reads a stream may become somebody else: what that one may not read ends."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.run_stream.hub import Following
from http_gateway.stream_frames import LatestBuffer
from http_gateway.stream_session import StreamSession
from queue_server.clock import ManualClock

SCOPES = frozenset({"read:devices", "read:history"})
ANNA = Identity("anna", "primary", SCOPES)


class Hub:
    """Opens whatever is asked for, and notes what has ended."""

    def __init__(self):
        self.followed = SimpleNamespace(runs=self, devices=self)
        self.ended = []

    async def open(self, topic, viewer):
        return Following(LatestBuffer(1.0), lambda: self.ended.append(topic.name))


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
async def session(hub):
    session = StreamSession(hub, Caller(ANNA), ManualClock())
    await session.obey({"op": "sub", "topics": ["devices:m", "run:8f0c"]})
    return session


async def test_devices_end_for_an_identity_of_another_group_and_runs_go_on(session, hub):
    session.change_identity(Identity("bob", "visitors", SCOPES))
    assert hub.ended == ["devices:m"]
    notice = json.loads((await session.next_frame(1.0)).text)
    assert (notice["op"], notice["topic"]) == ("error", "devices:m")
    assert "another group" in notice["detail"]


async def test_for_another_identity_of_the_same_group_everything_goes_on(session, hub):
    session.change_identity(Identity("bob", "primary", SCOPES))
    assert hub.ended == []


async def test_without_the_scope_a_topic_ends(session, hub):
    session.change_identity(Identity("anna", "primary", frozenset({"read:devices"})))
    assert hub.ended == ["run:8f0c"]
