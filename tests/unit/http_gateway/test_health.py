"""Health: the process lives, it can serve, and how everything is."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles.gateway import running_gateway


@pytest.fixture
async def hasty(manager, tmp_path):
    """A client of a gateway that does not wait long."""
    async with running_gateway(manager, tmp_path, timeout_s=0.2) as client:
        yield client


async def test_whether_it_lives_and_can_serve_needs_no_credential(client):
    del client.headers["Authorization"]
    assert (await client.get("/v1/health/live")).json() == {"alive": True}
    assert (await client.get("/v1/health/ready")).json() == {"ready": True}


async def test_it_is_not_ready_while_the_store_of_the_manager_is_silent_and_lives_nevertheless(hasty, manager):
    manager.answers["events_get"] = None
    assert (await hasty.get("/v1/health/ready")).status_code == 504
    assert (await hasty.get("/v1/health/live")).status_code == 200


@pytest.mark.parametrize("code", ["storage", "storage_full", "shutting_down", "internal"])
async def test_it_is_not_ready_while_the_manager_cannot_use_its_store(client, manager, code):
    manager.answers["events_get"] = {"success": False, "msg": "no", "error": {"code": code, "details": {}}}
    assert (await client.get("/v1/health/ready")).status_code == 503
    manager.answers["events_get"] = {"success": True, "msg": "", "events": []}
    assert (await client.get("/v1/health/ready")).status_code == 200


async def test_a_manager_without_an_event_log_is_ready_if_it_answers(client, manager):
    manager.answers["events_get"] = {"success": False, "msg": "Unknown method 'events_get'"}
    assert (await client.get("/v1/health/ready")).json() == {"ready": True}


async def test_the_store_is_not_asked_by_everybody_who_asks(client, manager):
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    for _ in range(5):
        assert (await client.get("/v1/health/ready")).status_code == 200
    # Once, and again where that takes more than a second.
    assert manager.asked.count("events_get") <= 1 + (loop.time() - begun_s)


async def test_the_details_need_a_credential(client):
    del client.headers["Authorization"]
    assert (await client.get("/v1/health")).status_code == 401


async def test_the_details_say_how_everything_is(client, manager):
    found = (await client.get("/v1/health")).json()
    assert found["ready"] is True
    assert (found["manager"]["state"], found["manager"]["epoch"], found["manager"]["problem"]) == ("idle", 1, None)
    assert 0 < found["manager"]["round_trip_s"] < 60
    assert found["accounts"] == {"problem": None}


async def test_the_details_are_told_while_the_manager_is_silent(hasty, manager):
    manager.answers["status"] = None
    answer = await hasty.get("/v1/health")
    assert (answer.status_code, answer.json()["ready"]) == (200, False)
    assert "did not answer" in answer.json()["manager"]["problem"]
