"""One item by its path."""

from __future__ import annotations

import pytest

from http_gateway.dialects.bluesky.forwards import FORWARDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

POST_ONLY = [forward.path for forward in FORWARDS if forward.verb == "POST"]


async def test_an_item_is_found_by_its_path(client, manager):
    manager.answers["queue_item_get"] = {"success": True, "msg": "", "item": {"item_uid": "u-1"}}
    answer = await client.get("/api/queue/item/u-1")
    assert answer.json() == manager.answers["queue_item_get"]
    assert (manager.requests[-1]["method"], manager.requests[-1]["params"]) == ("queue_item_get", {"uid": "u-1"})


async def test_a_path_never_takes_two_uids(client, manager):
    answer = await client.request("GET", "/api/queue/item/u-1", json={"uid": "u-2"})
    assert (answer.status_code, manager.asked) == (400, [])


@pytest.mark.parametrize("path", POST_ONLY)
async def test_what_is_there_for_other_verbs_is_not_read_as_an_item(client, manager, path):
    answer = await client.get(f"/api{path}")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert manager.asked == []
