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


# --- the built-in key and a login -----------------------------------------------------------------------------------


def page(client, *, key="test", cookie=None, origin=None, csrf=False):
    """The headers of a page that sends Finch's key, with the cookie of a login."""
    secret = client.headers["Authorization"].removeprefix("ApiKey ") if cookie is None else cookie
    cookies = f"bluesky_httpserver_api_key={secret}; bluesky_httpserver_csrf=t"
    headers = {
        "Authorization": f"ApiKey {key}",
        "Cookie": cookies,
        "Origin": origin or str(client.base_url).rstrip("/"),
    }
    return {**headers, **({"x-csrf": "t"} if csrf else {})}


async def test_a_login_counts_before_the_key_that_every_finch_has(finch, manager):
    assert (await finch.get("/api/qserver/status", headers=page(finch))).status_code == 200
    assert (await finch.post("/api/qserver/queue/clear", headers=page(finch))).status_code == 200
    assert manager.asked[-1] == "queue_clear"


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", ""])
async def test_a_page_of_another_site_changes_nothing_with_it(finch, manager, origin):
    headers = page(finch, origin="x") | {"Origin": origin}
    answer = await finch.post("/api/qserver/queue/clear", headers=headers)
    assert answer.status_code == 403
    del headers["Origin"]
    assert (await finch.post("/api/qserver/queue/clear", headers=headers)).status_code == 403
    assert "queue_clear" not in manager.asked


async def test_every_other_key_counts_before_a_login(finch):
    answer = await finch.get("/api/qserver/status", headers=page(finch, key="tests"))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"})


async def test_without_a_login_the_built_in_key_is_a_key_like_others(finch):
    for headers in ({"Authorization": "ApiKey test"}, page(finch, cookie="gone")):
        answer = await finch.get("/api/qserver/status", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"})


async def test_on_all_other_paths_the_built_in_key_counts(finch):
    assert (await finch.get("/api/status", headers=page(finch))).status_code == 401
    assert (await finch.post("/api/queue/clear", headers=page(finch, csrf=True))).status_code == 401


async def test_without_the_built_in_key_a_login_needs_its_token_there_too(finch):
    headers = page(finch)
    del headers["Authorization"], finch.headers["Authorization"]
    assert (await finch.post("/api/qserver/queue/clear", headers=headers)).status_code == 403
    headers["x-csrf"] = "t"
    assert (await finch.post("/api/qserver/queue/clear", headers=headers)).status_code == 200


@pytest.mark.parametrize(("known", "status"), [("other", 200), ("", 401)])
async def test_a_setting_names_the_built_in_key_or_lets_every_key_count(manager, tmp_path, known, status):
    async with running_gateway(manager, tmp_path, finch_paths=True, finch_key=known) as client:
        headers = page(client, key=known or "test")
        assert (await client.get("/api/qserver/status", headers=headers)).status_code == status
