"""The routes for tests of time-outs: only while a setting allows them."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.dialects.bluesky.testing import LONGEST_S
from tests.doubles.gateway import AnsweringManager, running_gateway

PATH = "/api/test/server/sleep"


@pytest.fixture
async def patient(manager, tmp_path):
    """A client of a gateway that offers these routes."""
    async with running_gateway(manager, tmp_path, test_routes=True) as client:
        yield client


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


async def test_the_gateway_waits_and_serves_others_meanwhile(patient):
    waiting = asyncio.create_task(patient.request("GET", PATH, json={"time": 5}))
    assert (await patient.get("/api/status")).status_code == 200
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    answer = await patient.request("GET", PATH, json={"time": 0.01})
    assert answer.json() == {"success": True, "msg": ""}
    assert (await patient.get(f"{PATH}?time=0")).status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "The required parameter 'time' is missing in the API call"),
        ({"time": -1}, "'time'"),
        ({"time": LONGEST_S + 1}, "'time'"),
        ({"time": "soon"}, "'time'"),
        ({"time": True}, "'time'"),
        ({"time": [1]}, "'time'"),
        ({"time": 0, "x": 1}, "{'x'}"),
    ],
)
async def test_a_wrong_time_is_a_400(patient, body, text):
    answer = await patient.request("GET", PATH, json=body)
    assert answer.status_code == 400
    assert text in answer.json()["detail"]


async def test_without_a_body_it_is_a_422(patient):
    assert (await patient.get(PATH)).status_code == 422


async def test_a_frozen_manager_is_a_408(manager, tmp_path):
    manager.answers["manager_kill"] = None
    async with running_gateway(manager, tmp_path, test_routes=True, timeout_s=0.3) as client:
        assert (await client.post("/api/test/manager/kill")).status_code == 408


async def test_without_the_setting_there_are_no_such_routes(manager, tmp_path):
    async with running_gateway(manager, tmp_path) as client:
        assert (await client.get(PATH)).status_code == 404
        assert (await client.post("/api/test/manager/kill")).status_code == 404
