"""Console output by request and as an endless answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from queue_server.client.notices import CONSOLE_TOPIC
from tests.doubles.gateway import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/console_output"
UPDATE = "/api/console_output_update"


@pytest.fixture
def say(manager, client, listen):
    """Let the manager publish texts; they are in the gateway when this returns."""

    async def publish(*texts, time=1.5):
        async with listen(client, f"{PATH}/ws") as heard:
            for number, text in enumerate(texts):
                await manager.publish(CONSOLE_TOPIC, {"time": time + number, "msg": text})
                assert await heard.next() == {"time": time + number, "msg": text}

    return publish


async def get(client, path, **body):
    answer = await client.request("GET", path, json=body)
    assert answer.status_code == 200
    return answer.json()


async def test_the_last_lines_are_told(client, say):
    await say("first\n", "second\n", "bar 1\r", "bar 2\n")
    assert await get(client, PATH, nlines=2) == {"success": True, "msg": "", "text": "second\nbar 2"}
    assert (await client.get(f"{PATH}?nlines=1")).json()["text"] == "bar 2"
    assert (await get(client, PATH))["text"].endswith("first\nsecond\nbar 2")
    assert (await get(client, PATH, nlines=0))["text"] == ""


async def test_the_uid_changes_with_the_text(client, say):
    uids = []
    for _ in range(2):
        await say("a line\n", time=20.5)
        uids += [(await get(client, f"{PATH}/uid"))["console_output_uid"] for _ in range(2)]
    assert uids[0] == uids[1] != uids[2] == uids[3]


async def test_an_update_has_exactly_four_keys_and_what_is_new(client, say):
    begin = await get(client, UPDATE, last_msg_uid="")
    assert begin.keys() == {"success", "msg", "last_msg_uid", "console_output_msgs"}
    assert begin["console_output_msgs"] == []
    await say("{new}", "er", time=40.5)
    update = await get(client, UPDATE, last_msg_uid=begin["last_msg_uid"])
    assert update["console_output_msgs"] == [{"time": 40.5, "msg": "{new}"}, {"time": 41.5, "msg": "er"}]
    again = await get(client, UPDATE, last_msg_uid=update["last_msg_uid"])
    assert (again["console_output_msgs"], again["last_msg_uid"]) == ([], update["last_msg_uid"])
    everything = await get(client, UPDATE, last_msg_uid="ALL")
    assert everything["console_output_msgs"][-2:] == update["console_output_msgs"]
    by_address = await client.get(UPDATE, params={"last_msg_uid": begin["last_msg_uid"]})
    assert by_address.json() == update


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (UPDATE, {}, "Some required keys are missing in the request: {'last_msg_uid'}"),
        (UPDATE, {"last_msg_uid": "", "x": 1}, "Request contains keys the are not supported: {'x'}"),
        (UPDATE, {"last_msg_uid": None}, "'last_msg_uid'"),
        (PATH, {"nlines": "many"}, "'nlines'"),
        (PATH, {"lines": 5}, "Request contains keys the are not supported: {'lines'}"),
        (f"{PATH}/uid", {"x": 1}, "Request contains keys the are not supported: {'x'}"),
    ],
)
async def test_wrong_values_are_a_400_that_names_the_key(client, path, body, text):
    answer = await client.request("GET", path, json=body)
    assert answer.status_code == 400
    assert text in answer.json()["detail"]


async def test_an_update_without_a_body_is_a_422(client):
    answer = await client.get(UPDATE)
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert problem.keys() == {"type", "loc", "msg", "input"}


async def test_the_stream_has_no_separator(client, manager, say):
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", "/api/stream_console_output") as stream:
        assert stream.headers["content-type"].startswith("text/plain")
        await say("a}\n", "ü", time=60.5)
        pieces = stream.aiter_raw()
        text = b""
        while text.count(b"time") < 2:
            text += await anext(pieces)
    assert text.decode() == '{"time":60.5,"msg":"a}\\n"}{"time":61.5,"msg":"ü"}'


async def test_lines_come_to_those_that_accept_them(client, manager, say):
    headers = {"Accept": "application/x-ndjson"}
    address = "/api/stream_console_output"
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", address, headers=headers) as stream:
        assert stream.headers["content-type"] == "application/x-ndjson"
        await say("a\n", "b", time=80.5)
        lines = stream.aiter_lines()
        messages = [json.loads(await anext(lines)) for _ in range(2)]
    assert [message["msg"] for message in messages] == ["a\n", "b"]


async def test_streams_that_are_left_leave_nothing_behind_and_hold_nobody_up(client, say):
    begun_with = len(asyncio.all_tasks())
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(20):
            async with client.stream("GET", "/api/stream_console_output"):
                assert (await client.get("/api/status")).status_code == 200
        await say("still here", time=90.5)
        while len(asyncio.all_tasks()) > begun_with:
            await client.get("/api/status")


async def test_a_stream_needs_the_scope(client):
    answer = await client.get("/api/stream_console_output", headers={"Authorization": "ApiKey wrong"})
    assert answer.status_code == 401
