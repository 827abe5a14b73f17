"""Paths for Finch: the same routes and the same guard, only while a setting allows them."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from http_gateway.dialects.bluesky.aliases import resolve_alias
from queue_server.client.notices import CONSOLE_TOPIC
from tests.doubles.gateway import AnsweringManager, running_gateway


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture
async def finch(manager, tmp_path):
    """A client of a gateway with these paths."""
    async with running_gateway(manager, tmp_path, finch_paths=True) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/qserver/status", "/api/status"),
        ("/api/qserver/api/status", "/api/status"),
        ("/api/qserver/", "/api/"),
        ("/api/qserver", "/api"),
        ("/api/qserver/console", "/api/console_output/ws"),
        ("/api/qserver/console_output", "/api/console_output"),
        ("/api/qservers/status", "/api/qservers/status"),
        ("/api/status", "/api/status"),
        ("/v1/api/qserver/status", "/v1/api/qserver/status"),
    ],
)
def test_an_alias_leads_to_one_path(path, meant):
    assert resolve_alias(path) == meant


async def test_requests_reach_the_routes_that_are_meant(finch, manager):
    assert (await finch.get("/api/qserver/status")).json() == manager.status
    await finch.post("/api/qserver/api/queue/clear")
    assert manager.asked[-1] == "queue_clear"


async def test_the_guard_is_the_same(finch):
    answer = await finch.get("/api/qserver/queue/get", headers={"Authorization": "ApiKey wrong"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"})


async def test_the_console_has_a_socket_there(finch, manager, listen):
    async with listen(finch, "/api/qserver/console") as heard:
        await manager.await_subscriber()
        await manager.publish(CONSOLE_TOPIC, {"time": 1.5, "msg": "a"})
        assert await heard.next() == {"time": 1.5, "msg": "a"}
    with pytest.raises(InvalidStatus):
        async with listen(finch, "/api/qserver/console", {}):
            pass


async def test_without_the_setting_there_are_no_such_paths(manager, tmp_path):
    async with running_gateway(manager, tmp_path) as client:
        assert (await client.get("/api/qserver/status")).status_code == 404
