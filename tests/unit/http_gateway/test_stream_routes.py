"""Who may open a stream and by which credential, and how one ends."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from http_gateway.stream_session import MOST_UNACKNOWLEDGED
from tests.doubles.gateway import running_gateway
from tests.doubles.stream_reader import EventLog, reading


@pytest.fixture
def key(client):
    """The API key."""
    return client.headers["Authorization"].removeprefix("ApiKey ")


def cookie(key, client, host=None):
    """The headers of a browser that has the login cookie."""
    return {
        "Cookie": f"bluesky_httpserver_api_key={key}",
        "Origin": f"http://{host or client.base_url.netloc.decode()}",
    }


# --- credentials ----------------------------------------------------------------------------------------------------


async def test_a_credential_can_come_as_the_first_message(client, key):
    async with reading(client, headers={}, greeted=False) as reader:
        await reader.say(type="auth", api_key=key)
        assert (await reader.next())["op"] == "hello"
        [frame] = await reader.subscribe("status")
        assert frame["topic"] == "status"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "auth", "api_key": "wrong"},
        {"type": "auth", "access_token": "wrong"},
        {"type": "auth"},
        {"op": "sub", "topics": ["status"]},
    ],
)
async def test_a_first_message_without_a_good_credential_ends_the_stream(client, message):
    async with reading(client, headers={}, greeted=False) as reader:
        await reader.say(**message)
        assert await reader.closed() == 4401


async def test_a_cookie_is_good_for_pages_of_this_site_alone(client, key):
    async with reading(client, headers=cookie(key, client)) as reader:
        assert (await reader.subscribe("status"))[0]["topic"] == "status"
    with pytest.raises(InvalidStatus) as refusal:
        async with reading(client, headers=cookie(key, client, "elsewhere.example")):
            pass
    assert refusal.value.response.status_code == 403


async def test_a_wrong_key_in_the_header_is_refused_at_the_handshake(client):
    with pytest.raises(InvalidStatus) as refusal:
        async with reading(client, headers={"Authorization": "ApiKey wrong"}):
            pass
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("form", ["header", "ticket"])
async def test_whoever_guesses_at_streams_has_to_wait_and_others_need_not(client, form):
    assert (await client.get("/v1/status")).status_code == 200
    known = {"Authorization": client.headers.pop("Authorization")}
    statuses = []
    while 429 not in statuses and len(statuses) < 100:
        wrong = f"wrong{len(statuses)}"
        options = (
            {"params": {"ticket": wrong}} if form == "ticket" else {"headers": {"Authorization": f"ApiKey {wrong}"}}
        )
        statuses.append((await client.get("/v1/stream", **options)).status_code)
    assert set(statuses[:-1]) == {401}
    assert 50 < len(statuses) < 100
    with pytest.raises(InvalidStatus):
        async with reading(client, headers={"Authorization": "ApiKey wrong"}):
            pass
    async with reading(client, headers={}, greeted=False) as reader:
        await reader.say(type="auth", api_key="wrong")
        assert await reader.closed() == 4429
    async with reading(client, headers={}, query="?ticket=wrong", greeted=False) as reader:
        assert await reader.closed() == 4429
    async with reading(client, headers=known) as reader:
        assert (await reader.subscribe("status"))[0]["topic"] == "status"


async def test_a_ticket_opens_one_stream(client):
    ticket = (await client.post("/v1/stream-ticket")).json()["ticket"]
    async with reading(client, headers={}, query=f"?ticket={ticket}") as reader:
        assert (await reader.subscribe("status"))[0]["topic"] == "status"
    async with reading(client, headers={}, query=f"?ticket={ticket}", greeted=False) as reader:
        assert await reader.closed() == 4401


async def test_a_ticket_is_good_at_another_gateway_process_of_the_same_data_directory(client, manager, tmp_path):
    ticket = (await client.post("/v1/stream-ticket")).json()["ticket"]
    async with (
        running_gateway(manager, tmp_path) as other,
        reading(other, headers={}, query=f"?ticket={ticket}") as reader,
    ):
        assert (await reader.subscribe("status"))[0]["topic"] == "status"
    async with reading(client, headers={}, query=f"?ticket={ticket}", greeted=False) as reader:
        assert await reader.closed() == 4401


async def test_a_ticket_needs_a_credential(client):
    del client.headers["Authorization"]
    assert (await client.post("/v1/stream-ticket")).status_code == 401


async def test_anonymous_readers_get_the_topics_of_their_scopes_and_nothing_else(manager, tmp_path):
    async with (
        running_gateway(manager, tmp_path, allow_anonymous=True) as client,
        reading(client, headers={}) as reader,
    ):
        await reader.say(op="sub", topics=["console", "status", "queue", "events", "lock", "history", "progress"])
        frames = {frame["topic"]: frame for frame in [await reader.next() for _ in range(7)]}
        assert frames["status"]["data"] == manager.status
        refused = {name: frame["code"] for name, frame in frames.items() if frame.get("op") == "error"}
        assert refused == dict.fromkeys(["console", "queue", "events", "lock", "history", "progress"], "scope")


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{", "[]", '"sub"', ""])
async def test_what_is_no_object_ends_the_stream(client, text):
    async with reading(client) as reader:
        await reader.socket.send(text)
        assert await reader.closed() == 4400


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"op": "sub"}, "topics"),
        ({"op": "sub", "topics": []}, "topics"),
        ({"op": "sub", "topics": ["status"] * 33}, "topics"),
        ({"op": "sub", "topics": [1]}, "topics"),
        ({"op": "sub", "topics": [{"topic": "status", "hz": 0}]}, "hz"),
        ({"op": "sub", "topics": [{"topic": "status", "hz": "1"}]}, "hz"),
        ({"op": "sub", "topics": ["events"], "since": 5}, "since"),
        ({"op": "sub", "topics": ["events"], "since": {"events": -1}}, "since"),
        ({"op": "ack", "frames": 99}, "frames"),
        ({"op": "dance"}, "op"),
        ({}, "op"),
    ],
)
async def test_a_wrong_message_is_answered_and_the_stream_goes_on(client, message, field):
    async with reading(client) as reader:
        await reader.say(**message)
        error = await reader.next()
        assert (error["op"], error["status"]) == ("error", 422)
        assert f"'{field}'" in error["detail"] or field == "topics"
        assert (await reader.subscribe("status"))[0]["topic"] == "status"


@pytest.mark.parametrize("topic", ["run:", "run:*:cols", "run:8f0c:more", "devices:", "nothing"])
async def test_a_topic_that_is_not_served_is_an_error_frame(client, topic):
    async with reading(client) as reader:
        [error] = await reader.subscribe(topic)
        assert (error["op"], error["topic"], error["code"], error["status"]) == ("error", topic, "topic", 404)


# --- slow readers ---------------------------------------------------------------------------------------------------


async def test_a_reader_gets_no_more_than_it_has_credit_for(client, manager):
    await manager.await_subscriber()
    log = EventLog(manager)
    async with reading(client) as reader:
        await reader.subscribe("events")
        for _ in range(MOST_UNACKNOWLEDGED + 10):
            await log.add("something")
        for _ in range(MOST_UNACKNOWLEDGED - 1):
            await reader.next()
        assert reader.frames == MOST_UNACKNOWLEDGED
        assert await reader.settle() == []
        await reader.say(op="ack", frames=32)
        assert [(await reader.next())["seq"] for _ in range(11)] == list(range(64, 75))


async def test_a_reader_of_deltas_that_falls_behind_is_told_to_read_anew(client, manager):
    await manager.await_subscriber()
    log = EventLog(manager)
    manager.answers["queue_get"] = {"success": True, "items": [], "running_item": {}, "plan_queue_uid": "q"}
    async with reading(client) as reader, reading(client) as witness:
        await reader.subscribe("queue")
        await witness.subscribe("events")
        for number in range(MOST_UNACKNOWLEDGED - 1 + 256 + 5):
            await log.add("queue_item_add")
            await witness.next_of("events")
            if number % 32 == 0:
                await witness.say(op="ack", frames=witness.frames)
        for _ in range(MOST_UNACKNOWLEDGED - 1):
            await reader.next()
        await reader.say(op="ack", frames=MOST_UNACKNOWLEDGED)
        assert await reader.next() == {"op": "resync", "topic": "queue"}
        assert (await reader.next())["topic"] == "queue"


async def test_a_reader_of_events_that_falls_far_behind_is_cut_and_can_resume(client, manager):
    await manager.await_subscriber()
    log = EventLog(manager)
    async with reading(client) as reader:
        await reader.subscribe("events")
        for _ in range(2):
            for _ in range(700):
                await log.add("something", lost=True)
            await log.add("something")
            await log.asked_up_to(len(log.events))
        assert await reader.closed() == 4408
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["events"], since={"events": 900})
        assert (await reader.next())["seq"] == 901
