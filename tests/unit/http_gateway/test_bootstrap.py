"""What a client needs to begin."""

from __future__ import annotations

import pytest

from tests.doubles.gateway import running_gateway


async def test_who_asks_and_what_they_may(client):
    found = (await client.get("/v1/me")).json()
    assert (found["user"], found["group"]) == ("UNAUTHENTICATED_SINGLE_USER", "primary")
    assert "write:queue:edit" in found["scopes"]
    del client.headers["Authorization"]
    assert (await client.get("/v1/me")).status_code == 401


async def test_the_beginning_is_one_answer(client, manager):
    items = [{"item_uid": str(number)} for number in range(100)]
    queue = {"success": True, "msg": "", "items": items, "running_item": {}, "plan_queue_uid": "q1"}
    manager.answers["queue_get"] = queue
    manager.answers["lock_info"] = {"success": True, "lock_info": {"queue": True}, "lock_info_uid": "1"}
    found = (await client.get("/v1/bootstrap")).json()
    assert found["status"] == manager.status
    assert found["queue"] == {"items": items, "running_item": {}, "plan_queue_uid": "q1", "next_cursor": "99"}
    assert found["lock"] == {"queue": True}
    assert found["user"]["user"] == "UNAUTHENTICATED_SINGLE_USER"
    assert "console" in found["stream_topics"]


async def test_what_may_not_be_read_is_null(manager, tmp_path):
    async with running_gateway(manager, tmp_path, allow_anonymous=True) as client:
        del client.headers["Authorization"]
        found = (await client.get("/v1/bootstrap")).json()
    assert (found["queue"], found["lock"], found["stream_topics"]) == (None, None, ["hb", "status"])
    assert set(manager.asked) == {"status"}


@pytest.mark.parametrize("path", ["/v1/bootstrap", "/v1/me"])
async def test_it_is_stored_nowhere(client, path):
    assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_a_refusal_of_the_manager_is_a_problem(client, manager):
    manager.answers["queue_get"] = {"success": False, "msg": "no", "error": {"code": "busy", "details": {}}}
    answer = await client.get("/v1/bootstrap")
    assert (answer.status_code, answer.json()["detail"]) == (429, "no")
