"""The application as a whole: faces and their errors, limits, ids, and a manager that is silent."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles.gateway import running_gateway

TIMEOUT = {"detail": "Request timeout: ZMQ communication error: timeout occurred"}


@pytest.mark.parametrize("path", ["/api/", "/api/ping", "/api/status"])
async def test_the_status_is_answered_as_the_manager_gives_it(client, manager, path):
    answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (200, manager.status)


async def test_the_manager_is_asked_once_for_many_statuses(client, manager):
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    for _ in range(20):
        await client.get("/api/status")
    assert set(manager.asked) == {"status"}
    # Once, and again where that takes seconds in which the manager publishes nothing.
    assert len(manager.asked) <= 1 + (loop.time() - begun_s)


async def test_an_unknown_path_is_answered_in_the_form_of_its_face(client):
    bluesky, native, elsewhere = [await client.get(path) for path in ("/api/x", "/v1/x", "/x")]
    assert (bluesky.status_code, bluesky.json()) == (404, {"detail": "Not Found"})
    for answer in (native, elsewhere):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:cuelight:problem:no_route"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_wrong_verb_is_a_405(client):
    answer = await client.post("/api/status")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


async def test_without_a_credential_the_bluesky_face_says_401_and_what_is_missing(client):
    answer = await client.get("/api/status", headers={"Authorization": ""})
    assert answer.status_code == 400
    del client.headers["Authorization"]
    answer = await client.get("/api/status")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer scope="read:status"'
    assert answer.json()["detail"].startswith("Not enough permissions. Requires scopes ['read:status'].")


async def test_a_wrong_key_is_a_401(client):
    answer = await client.get("/api/status", headers={"Authorization": "ApiKey wrong"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"})


async def test_a_silent_manager_is_a_408_below_api_and_a_504_below_v1(manager, tmp_path):
    manager.answers |= {"status": None, "events_get": None}
    async with running_gateway(manager, tmp_path, timeout_s=0.3) as client:
        below_api, below_v1 = [await client.get(path) for path in ("/api/status", "/v1/health/ready")]
    assert (below_api.status_code, below_api.json()) == (408, TIMEOUT)
    assert below_v1.status_code == 504
    assert below_v1.json()["type"] == "urn:cuelight:problem:timeout"


async def test_the_process_lives_whatever_the_manager_does(client, manager):
    manager.answers["status"] = None
    answer = await client.get("/v1/health/live")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_every_answer_has_an_id_and_its_duration(client):
    answers = [await client.get("/api/status") for _ in range(2)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2
    assert all(answer.headers["server-timing"].startswith("app;dur=") for answer in answers)


@pytest.mark.parametrize("path", ["/api/queue/start", "/v1/x"])
async def test_a_body_over_the_limit_is_refused_before_it_is_read(manager, tmp_path, path):
    async with running_gateway(manager, tmp_path, most_body_bytes=10) as client:
        answer = await client.post(path, content=b"x" * 11)
        assert answer.status_code == 413
        assert "10 bytes" in answer.json()["detail"]


async def test_origins_of_other_sites_are_refused_unless_they_are_listed(manager, tmp_path):
    preflight = {"Origin": "http://site", "Access-Control-Request-Method": "GET"}
    async with running_gateway(manager, tmp_path) as client:
        assert "access-control-allow-origin" not in (await client.options("/api/status", headers=preflight)).headers
    async with running_gateway(manager, tmp_path, allow_origins=("http://site",)) as client:
        answer = await client.options("/api/status", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "http://site"


async def test_an_address_that_is_taken_is_named(manager, tmp_path, client):
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1"):
        async with running_gateway(manager, tmp_path, http=f"127.0.0.1:{client.base_url.port}"):
            pass
