"""What a site adds: routers behind the guard, and modules."""

from __future__ import annotations

import logging
import sys

import pytest
from websockets.exceptions import InvalidStatus

from http_gateway.dialects.bluesky.custom import load_modules
from queue_server.protocol.errors import ParameterError
from tests.doubles.gateway import AnsweringManager, running_gateway

ROUTES = """
from fastapi import APIRouter, WebSocket

plain = APIRouter()
prefixed = APIRouter(prefix="/api/site")
number = 5

@plain.get("/weather")
async def weather():
    return {"weather": "fair"}

@prefixed.get("/name")
async def name():
    return {"name": "beamline"}

@prefixed.websocket("/ws")
async def listen(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_json({"heard": True})
    await websocket.close()
"""
NAMES = ("site_of_this_test.plain", "site_of_this_test.prefixed", "site_of_this_test.plain")


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory in which a site has its modules."""
    (tmp_path / "site_of_this_test.py").write_text(ROUTES)
    (tmp_path / "broken_of_this_test.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("site_of_this_test", "broken_of_this_test"):
        sys.modules.pop(name, None)


async def test_the_routers_of_a_site_stand_below_the_prefix(manager, tmp_path, site):
    async with running_gateway(manager, tmp_path, custom_routers=NAMES) as client:
        assert (await client.get("/api/weather")).json() == {"weather": "fair"}
        assert (await client.get("/api/site/name")).json() == {"name": "beamline"}
        assert (await client.get("/weather")).status_code == 404
        assert (await client.get("/api/status")).status_code == 200


async def test_they_are_for_those_who_are_known(manager, tmp_path, site, listen):
    async with running_gateway(manager, tmp_path, custom_routers=NAMES, allow_anonymous=True) as client:
        for path in ("/api/weather", "/api/site/name"):
            answer = await client.get(path, headers={"Authorization": "ApiKey wrong"})
            assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"})
        async with listen(client, "/api/site/ws") as heard:
            assert await heard.next() == {"heard": True}
        with pytest.raises(InvalidStatus) as refusal:
            async with listen(client, "/api/site/ws", {}):
                pass
        assert refusal.value.response.status_code == 403
        del client.headers["Authorization"]
        assert (await client.get("/api/status")).status_code == 200
        assert (await client.get("/api/weather")).status_code == 401


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("router", "module.router"),
        ("no_such_site.router", "cannot be imported"),
        ("site_of_this_test.nothing", "cannot be imported"),
        ("site_of_this_test.number", "no router"),
        ("broken_of_this_test.router", "broken on purpose"),
    ],
)
async def test_one_that_cannot_be_used_stops_the_start(manager, tmp_path, site, name, text):
    with pytest.raises(ParameterError, match=text) as refusal:
        async with running_gateway(manager, tmp_path, custom_routers=(name,)):
            pass
    assert refusal.value.details.get("field", "custom_routers") == "custom_routers"


def test_a_module_that_cannot_be_imported_is_logged_and_left_out(site, caplog):
    with caplog.at_level(logging.WARNING):
        [module] = load_modules(["broken_of_this_test", "site_of_this_test", "no_such_site", "site_of_this_test"])
    assert module.number == 5
    assert [record.args[0] for record in caplog.records] == ["broken_of_this_test", "no_such_site"]
