"""The figures for Prometheus, and who may read them."""

from __future__ import annotations

import pytest

from tests.doubles.gateway import running_gateway
from tests.doubles.stream_reader import reading


@pytest.fixture
async def open_client(manager, tmp_path):
    """A client of a gateway whose figures everybody may read."""
    async with running_gateway(manager, tmp_path, open_metrics=True, timeout_s=1.0) as client:
        yield client


async def figures_of(client):
    """Return the samples, by name and labels."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_the_figures_need_a_scope_that_the_single_user_does_not_have(client):
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.json()["details"]["required"]) == (403, ["admin:metrics"])


async def test_they_can_be_opened_to_everybody_and_switched_off(open_client, manager, tmp_path):
    del open_client.headers["Authorization"]
    assert (await open_client.get("/metrics")).status_code == 200
    async with running_gateway(manager, tmp_path, metrics=False, open_metrics=True) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_requests_are_counted_by_the_template_of_their_route(open_client):
    for path in ("/v1/queue?limit=0", "/v1/nothing/8f0c", "/v1/nothing/91be"):
        await open_client.get(path)
    await open_client.request("PROPFIND", "/v1/queue")
    figures = await figures_of(open_client)
    assert figures['cuelight_http_requests_total{method="GET",route="/v1/queue",status="422"}'] == 1
    assert figures['cuelight_http_requests_total{method="GET",route="unmatched",status="404"}'] == 2
    assert any('method="other"' in name for name in figures)
    assert not any("8f0c" in name or "PROPFIND" in name for name in figures)
    assert figures["cuelight_http_requests_in_flight"] == 1


async def test_round_trips_are_measured_with_their_outcome(open_client, manager):
    manager.answers["events_get"] = None
    await open_client.get("/v1/health/ready")
    await open_client.get("/v1/queue")
    figures = await figures_of(open_client)
    assert figures['cuelight_manager_round_trip_seconds_count{outcome="timeout"}'] == 1
    assert figures['cuelight_manager_round_trip_seconds_count{outcome="answered"}'] >= 1


async def test_readers_of_the_stream_are_counted_while_they_read(open_client):
    name = 'cuelight_stream_readers{transport="websocket"}'
    async with reading(open_client) as first, reading(open_client):
        await first.settle()
        assert (await figures_of(open_client))[name] == 2
        assert (await open_client.get("/v1/health")).json()["gateway"]["stream_readers"] == 2
