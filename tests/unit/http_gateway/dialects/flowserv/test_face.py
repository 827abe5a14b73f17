"""The flowserv dialect: where it takes credentials, and its form of errors."""

from __future__ import annotations

import pytest

from http_gateway.dialects.flowserv.face import FACE
from queue_server.protocol.errors import CuelightError, ParameterError


@pytest.fixture
def desk(desk_of):
    """Accounts in front of this dialect."""
    return desk_of(FACE)


@pytest.mark.parametrize("kind", ["token", "key"])
@pytest.mark.parametrize("carrier", ["api_key", "basic"])
async def test_its_header_and_the_password_take_access_tokens_and_keys(desk, basic, kind, carrier):
    secret = desk.token("bob") if kind == "token" else desk.key("bob")
    headers = {"api_key": secret} if carrier == "api_key" else {"Authorization": basic("anybody", secret)}
    answer = await desk.ask(headers)
    assert (answer.status_code, answer.json()["user"]) == (200, "bob")


async def test_the_single_user_key_is_one(desk, basic):
    assert (await desk.ask({"api_key": "abc123"}, lone=True)).status_code == 200
    assert (await desk.ask({"Authorization": basic("x", "abc123")}, lone=True)).status_code == 200


async def test_the_header_decides_also_when_it_is_wrong(desk, basic):
    good = desk.key("bob")
    eve = {"api_key": desk.key("eve"), "Authorization": basic("x", good)}
    assert (await desk.ask(eve)).json()["user"] == "eve"
    assert (await desk.ask({"api_key": "wrong", "Authorization": basic("x", good)})).status_code == 403


async def test_whoever_may_not_gets_a_403_and_never_a_401(desk, basic):
    key = desk.key("bob")
    for headers, path in (
        ({}, "/queue"),
        ({"api_key": "wrong"}, "/queue"),
        ({"api_key": desk.expired("bob")}, "/queue"),
        ({"api_key": ""}, "/queue"),
        ({"api-key": key}, "/queue"),
        ({"Authorization": basic("x", "wrong")}, "/queue"),
        ({"Authorization": f"Bearer {key}"}, "/queue"),
        ({"X-API-Key": key}, "/queue"),
        ({"api_key": key}, "/manager"),
    ):
        answer = await desk.ask(headers, path)
        assert (answer.status_code, list(answer.json())) == (403, ["message"]), headers
        assert "www-authenticate" not in answer.headers


async def test_a_wrong_token_never_sees_what_everybody_may_see(desk):
    assert (await desk.ask({}, "/open")).status_code == 200
    assert (await desk.ask({"api_key": "wrong"}, "/open")).status_code == 403


async def test_an_unknown_path_is_answered_in_this_form(client):
    answer = await client.get("/flowserv/api/v1/x")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_bad_input_is_a_400_and_a_fault_shows_no_internals():
    bad, fault = [FACE.render(error, "1" * 32) for error in (ParameterError("Bad."), CuelightError("at line 7"))]
    assert (bad.status_code, bad.body) == (400, b'{"message":"Bad."}')
    assert (fault.status_code, fault.body) == (500, b'{"message":"Internal Server Error"}')
