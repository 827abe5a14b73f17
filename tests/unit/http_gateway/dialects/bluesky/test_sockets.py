"""The WebSockets: what they send, how often, and to whom."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from queue_server.client.notices import CONSOLE_TOPIC, STATUS_TOPIC
from tests.doubles.gateway import PATIENCE_S, AnsweringManager, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONSOLE = "/api/console_output/ws"
STATUSES = ("/api/status/ws", "/api/info/ws")
SOCKETS = (CONSOLE, *STATUSES)


async def test_console_output_comes_as_it_is_published(client, manager, listen):
    async with listen(client, CONSOLE) as heard:
        for time, text in ((1.25, "a\n"), (2, "\x1b[A")):
            await manager.publish(CONSOLE_TOPIC, {"time": time, "msg": text, "seq": 5})
            message = await heard.next()
            assert message == {"time": float(time), "msg": text}
            assert isinstance(message["time"], float)


@pytest.mark.parametrize("path", STATUSES)
async def test_the_present_status_comes_first_and_then_each_change(client, manager, listen, path):
    async with listen(client, path) as heard:
        first = await heard.next()
        assert first.keys() == {"time", "msg"}
        assert (first["msg"], type(first["time"])) == ({"status": manager.status}, float)
        for state in ("executing_queue", "idle"):
            await manager.publish_status(manager_state=state)
            assert await heard.next() == {"time": 1.5, "msg": {"status": manager.status}}


async def test_a_status_that_was_overtaken_is_not_shown(client, manager, listen):
    async with listen(client, STATUSES[0]) as heard:
        await heard.next()
        old = manager.status
        await manager.publish_status(items_in_queue=2)
        await manager.publish(STATUS_TOPIC, {"time": 1.5, "msg": {"status": old}})
        await manager.publish_status(items_in_queue=3)
        assert [(await heard.next())["msg"]["status"]["items_in_queue"] for _ in range(2)] == [2, 3]


async def test_what_is_no_status_comes_on_the_socket_for_everything_alone(client, manager, listen):
    async with listen(client, STATUSES[0]) as status, listen(client, STATUSES[1]) as info:
        for heard in (status, info):
            await heard.next()
        await manager.publish(STATUS_TOPIC, {"time": 2.5, "msg": {"other": 1}})
        await manager.publish(STATUS_TOPIC, {"time": 2.5, "msg": "text"})
        await manager.publish_status()
        assert (await info.next())["msg"] == {"other": 1}
        assert (await info.next())["msg"] == (await status.next())["msg"] == {"status": manager.status}


async def test_a_manager_that_publishes_nothing_is_asked_while_one_listens(client, manager, listen):
    async with listen(client, STATUSES[0]) as heard:
        for _ in range(2):
            await heard.next()
        manager.status = {**manager.status, "msg": "changed"}
        told = await heard.next()
        assert told["msg"]["status"]["msg"] == "changed"


async def test_while_a_manager_is_silent_nothing_is_sent(listen, tmp_path):
    silent, asked = AnsweringManager(), asyncio.Event()
    # What is set here returns None, which is no answer.
    silent.answers["status"] = lambda _: asked.set()
    async with running_gateway(silent, tmp_path, timeout_s=0.2) as other, listen(other, STATUSES[0]) as heard:
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
        silent.answers["status"] = lambda _: silent.status
        assert (await heard.next())["msg"] == {"status": silent.status}
    await silent.close()


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "ApiKey wrong"}, {"Authorization": "Basic x"}])
async def test_who_may_not_listen_is_refused_at_the_handshake(client, listen, path, headers):
    with pytest.raises(InvalidStatus) as refusal:
        async with listen(client, path, headers):
            pass
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("path", SOCKETS)
async def test_the_word_before_the_key_is_read_in_any_case(client, listen, path):
    key = client.headers["Authorization"].partition(" ")[2]
    async with listen(client, path, {"Authorization": f"apikey {key}"}):
        pass


async def test_what_a_client_says_is_not_heard(client, manager, listen):
    async with listen(client, CONSOLE) as heard:
        await heard.say("{}")
        await manager.publish(CONSOLE_TOPIC, {"time": 1.5, "msg": "a"})
        assert (await heard.next())["msg"] == "a"


async def test_clients_that_leave_leave_nothing_behind(client, manager, listen):
    tasks = len(asyncio.all_tasks())
    for _ in range(30):
        for path in SOCKETS:
            async with listen(client, path):
                pass
    async with listen(client, CONSOLE) as heard:
        await manager.publish(CONSOLE_TOPIC, {"time": 1.5, "msg": "a"})
        await heard.next()
    assert len(asyncio.all_tasks()) <= tasks + 2
