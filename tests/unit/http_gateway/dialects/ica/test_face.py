"""The ICA dialect: where it takes credentials, and its form of errors."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from http_gateway.dialects.ica.face import FACE
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError


@pytest.fixture
def desk(desk_of):
    """Accounts in front of this dialect."""
    return desk_of(FACE)


def bearer(secret):
    """The header with a token."""
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("kind", ["token", "key"])
@pytest.mark.parametrize("carrier", ["bearer", "x-api-key"])
async def test_both_headers_take_access_tokens_and_keys(desk, kind, carrier):
    secret = desk.token("bob") if kind == "token" else desk.key("bob")
    answer = await desk.ask(bearer(secret) if carrier == "bearer" else {"X-API-Key": secret})
    assert (answer.status_code, answer.json()["user"]) == (200, "bob")


async def test_the_single_user_key_is_one(desk):
    assert (await desk.ask({"X-API-Key": "abc123", **bearer("abc123")}, lone=True)).status_code == 200
    assert (await desk.ask({"X-API-Key": "abc123", **bearer("abc124")}, lone=True)).status_code == 401


async def test_both_headers_together_must_be_good_and_of_one_user(desk):
    token, key = desk.token("bob"), desk.key("bob")
    assert (await desk.ask({**bearer(token), "X-API-Key": key})).status_code == 200
    for headers in (
        {**bearer(token), "X-API-Key": desk.key("eve")},
        {**bearer(token), "X-API-Key": "wrong"},
        {**bearer("wrong"), "X-API-Key": key},
    ):
        assert (await desk.ask(headers)).status_code == 401


async def test_both_headers_together_allow_what_each_of_them_allows(desk):
    narrow = desk.key("bob", ["read:queue", "read:config"])
    answer = await desk.ask({**bearer(desk.token("bob")), "X-API-Key": narrow})
    assert answer.json()["scopes"] == ["estop", "read:config", "read:queue"]


async def test_a_missing_or_wrong_credential_is_a_401_and_a_missing_permission_a_403(desk):
    key = desk.key("bob")
    for headers in ({}, bearer("wrong"), {"X-API-Key": ""}, {"Authorization": f"ApiKey {key}"}, {"api_key": key}):
        answer = await desk.ask(headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), headers
    assert (await desk.ask({"X-API-Key": key}, "/manager")).status_code == 403


async def test_an_unknown_path_is_a_problem_with_all_that_clients_read(client):
    answer = await client.get("/ica/rest/api/x")
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["title"]) == (404, 404, "Not Found")
    assert (problem["type"], problem["parameters"]) == ("about:blank", {})
    assert datetime.fromisoformat(problem["timestamp"]).utcoffset() is not None
    assert UUID(problem["id"]).hex == answer.headers["x-request-id"]


def test_bad_input_is_a_400_a_silent_manager_a_503_and_a_fault_shows_no_internals():
    errors = (ParameterError("Bad."), CommunicationError("gone"), CuelightError("at line 7"))
    bad, silent, fault = [FACE.render(error, "1" * 32) for error in errors]
    assert [answer.status_code for answer in (bad, silent, fault)] == [400, 503, 500]
    assert silent.headers["retry-after"] == "1"
    assert b"line 7" not in fault.body
