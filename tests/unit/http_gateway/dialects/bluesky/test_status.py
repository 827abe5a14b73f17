"""The paths of the status, and the only redirect."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_prefix_alone_leads_to_the_path_with_a_slash(client):
    answer = await client.get("/api")
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/")


@pytest.mark.parametrize("path", ["/api/status/", "/api/queue/get/", "/api/console_output/"])
async def test_no_other_path_is_redirected(client, path):
    answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/api/", "/api/ping", "/api/status"])
async def test_with_reload_the_manager_is_asked(client, manager, path):
    for body in ({"reload": True}, {"reload": False}, {}):
        answer = await client.request("GET", path, json=body)
        assert (answer.status_code, answer.json()) == (200, manager.status)
    await client.get(f"{path}?reload=true")
    assert manager.asked.count("status") >= 2


async def test_an_unknown_key_is_named(client):
    answer = await client.request("GET", "/api/status", json={"fresh": True})
    assert answer.status_code == 400
    assert "{'fresh'}" in answer.json()["detail"]
