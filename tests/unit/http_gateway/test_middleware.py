"""A gateway that is told to end: what has begun is answered, what is new is refused with the advice to repeat it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from http_gateway.config import GatewaySettings
from http_gateway.server import Listener, serve

PATIENCE_S = 60


@pytest.fixture
async def draining(manager, tmp_path):
    """A client, and what tells the gateway to end; it refuses for longer than a test lasts."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = GatewaySettings(
        control=manager.control, info=manager.info, http="127.0.0.1:0", data=tmp_path, allow_anonymous=True
    )
    listener = Listener(lambda _, url: ready.set_result(url), lambda: None)
    serving = asyncio.create_task(serve(settings, listener, stop, drain_s=0.5))
    async with asyncio.timeout(PATIENCE_S):
        url = await ready
    key = (tmp_path / "api-key").read_text().strip()
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"ApiKey {key}"}, timeout=60) as client:
        yield client, stop
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await serving


@pytest.mark.parametrize("path", ["/v1/status", "/api/status"])
async def test_new_requests_are_refused_with_the_advice_to_repeat_them(draining, path):
    client, stop = draining
    assert (await client.get(path)).status_code == 200
    stop.set()
    answer = await client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Connection"] == "close"
    assert "stopping" in answer.text


async def test_a_request_that_has_begun_is_answered(draining, manager):
    client, stop = draining

    def answer(_):
        stop.set()
        return {"success": True, "msg": "", "items": [], "running_item": {}, "plan_queue_uid": "1"}

    manager.answers["queue_get"] = answer
    begun = await client.get("/api/queue/get")
    assert (begun.status_code, begun.json()["success"]) == (200, True)
    assert (await client.get("/api/queue/get")).status_code == 503
    assert manager.asked.count("queue_get") == 1
