"""The stream as server-sent events."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.doubles.gateway import running_gateway
from tests.doubles.stream_reader import PATIENCE_S, EventLog


@asynccontextmanager
async def listening(client, query="", **headers):
    """Open the stream; give a function that returns the next event, as a map of its fields."""
    async with client.stream("GET", f"/v1/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(answer.aiter_lines()) as lines:

            async def take():
                fields = {}
                async with asyncio.timeout(PATIENCE_S):
                    while line := await anext(lines):
                        name, _, value = line.partition(": ")
                        fields[name] = value
                return {**fields, "data": json.loads(fields["data"])}

            yield take


async def test_without_a_wish_there_are_heartbeat_and_status(client, manager):
    async with listening(client) as take:
        found = {(event := await take())["event"]: event for _ in range(2)}
    assert sorted(found) == ["hb", "status"]
    assert found["status"]["data"]["data"] == manager.status


@pytest.fixture
async def log(manager, client):
    """The event log of the manager, with three events."""
    await manager.await_subscriber()
    log = EventLog(manager)
    for _ in range(3):
        await log.add("queue_item_add", lost=True)
    return log


async def test_an_event_carries_the_number_from_which_a_client_resumes(client, log):
    async with listening(client, "?topics=events&since=events:2") as take:
        event = await take()
        assert (event["id"], event["data"]["seq"]) == ("events:3", 3)
        await log.add("next")
        assert (await take())["id"] == "events:4"


async def test_a_browser_that_connects_again_resumes_by_itself(client, log):
    async with listening(client, "?topics=events", **{"Last-Event-ID": "events:1"}) as take:
        assert [(await take())["data"]["seq"] for _ in range(2)] == [2, 3]


async def test_a_script_needs_no_acknowledgements(client, log):
    async with listening(client, "?topics=events") as take:
        await take()
        for _ in range(200):
            await log.add("something")
        assert [(await take())["data"]["seq"] for _ in range(200)] == list(range(4, 204))


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?topics=nothing", 404, "topic"),
        ("?topics=devices:", 404, "topic"),
        ("?topics=status&topics=queue", 422, "invalid_parameter"),
        ("?topic=status", 422, "invalid_parameter"),
        ("?since=events", 422, "invalid_parameter"),
        ("?hz=often", 422, "invalid_parameter"),
        ("?ticket=wrong", 401, "credential"),
    ],
)
async def test_what_cannot_be_streamed_is_refused_before_it_begins(client, query, status, code):
    answer = await client.get(f"/v1/stream{query}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:cuelight:problem:{code}")


async def test_a_topic_without_its_scope_is_refused(manager, tmp_path):
    async with running_gateway(manager, tmp_path, allow_anonymous=True) as client:
        del client.headers["Authorization"]
        assert (await client.get("/v1/stream?topics=status,console")).status_code == 401
        async with listening(client, "?topics=status") as take:
            assert (await take())["data"]["topic"] == "status"


async def test_a_ticket_opens_it(client):
    ticket = (await client.post("/v1/stream-ticket")).json()["ticket"]
    del client.headers["Authorization"]
    async with listening(client, f"?topics=status&ticket={ticket}") as take:
        assert (await take())["event"] == "status"
    assert (await client.get(f"/v1/stream?topics=status&ticket={ticket}")).status_code == 401
