"""Devices page by page, as clients ask for them."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.access import Catalog, Policy
from queue_server.protocol.items import DEFAULT_LANE
from tests.doubles.bench import DEVICES, PATIENCE_S


async def test_the_only_page_has_everything_and_no_cursor(bench):
    reply = await bench.do("devices_page", user_group="primary")
    assert (reply["devices"], reply["total"], reply["next_cursor"]) == (DEVICES, 1, None)
    assert reply["devices_allowed_uid"] == bench.status["devices_allowed_uid"]


async def test_behind_the_last_device_there_is_nothing(bench):
    reply = await bench.do("devices_page", user_group="primary", cursor="det1")
    assert (reply["devices"], reply["total"], reply["next_cursor"]) == ({}, 1, None)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({}, "'user_group'"),
        ({"user_group": "nobody"}, "'nobody'"),
        ({"user_group": "primary", "limit": 0}, "'limit'"),
        ({"user_group": "primary", "limit": 1_001}, "'limit'"),
        ({"user_group": "primary", "cursor": 5}, "'cursor'"),
    ],
)
async def test_what_is_wrong_is_named(bench, params, named):
    assert named in (await bench.refuse("devices_page", **params))["msg"]


async def test_a_list_that_takes_long_makes_nobody_else_wait(bench):
    """Lists are found in another thread: what the loop answers itself is there before."""
    answered = []

    async def ask(method, **params):
        await bench.do(method, **params) if method != "status" else await bench.ask("status")
        answered.append(method)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(ask("devices_allowed", user_group="primary"), ask("status"))
    assert answered == ["status", "devices_allowed"]


@pytest.mark.parametrize("method", ["devices_page", "devices_allowed"])
async def test_a_list_that_cannot_be_answered_is_refused_and_the_next_request_is_not(bench, method, caplog):
    good, bad = bench.resources.catalog_of(DEFAULT_LANE), {"det1": {"is_readable": object()}}
    bench.resources.use(DEFAULT_LANE, Catalog.build({}, bad, Policy.default()))
    reply = await bench.refuse(method, user_group="primary")
    assert "unforeseen" in reply["msg"]
    assert reply["devices_allowed_uid"] is None
    assert f"The method {method} failed" in caplog.text
    bench.resources.use(DEFAULT_LANE, good)
    assert (await bench.do(method, user_group="primary"))["devices_allowed_uid"]
