"""The errors of the dialect, each with its status, its text and its headers."""

from __future__ import annotations

import json

import pytest

from http_gateway.dialects.bluesky.errors import TIMEOUT_TEXT, render_error
from http_gateway.errors import (
    BodyError,
    CredentialError,
    OriginError,
    RouteError,
    SchemeError,
    ScopeError,
    ThrottledError,
    TooLargeError,
    VerbError,
)
from queue_server.protocol.errors import (
    BusyError,
    CommunicationError,
    CuelightError,
    ParameterError,
    RequestTimeoutError,
)
from tests.doubles.gateway import AnsweringManager, running_gateway

CASES = [
    (RequestTimeoutError("5 s"), 408, TIMEOUT_TEXT),
    (ParameterError("'pos' is wrong"), 400, "'pos' is wrong"),
    (CredentialError("Invalid API key"), 401, "Invalid API key"),
    (CredentialError("Could not validate credentials"), 401, "Could not validate credentials"),
    (
        CredentialError("Access token has expired. Refresh token."),
        401,
        "Access token has expired. Refresh token.",
    ),
    (
        ScopeError(["write:lock"], ["read:lock"]),
        401,
        "Not enough permissions. Requires scopes ['write:lock']. Request had scopes ['read:lock']",
    ),
    (SchemeError("The scheme is not offered."), 400, "The scheme is not offered."),
    (OriginError("From elsewhere."), 403, "From elsewhere."),
    (RouteError("Not Found"), 404, "Not Found"),
    (VerbError("Method Not Allowed"), 405, "Method Not Allowed"),
    (TooLargeError("Too large."), 413, "Too large."),
    (ThrottledError("Wait.", retry_after_s=3.2), 429, "Wait."),
    (BusyError("Too many wait."), 429, "Too many wait."),
    (CuelightError("a secret of the inside"), 500, "Internal Server Error"),
]


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.mark.parametrize(("error", "status", "detail"), CASES, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status_and_its_text(error, status, detail):
    answer = render_error(error, "id-1")
    assert (answer.status_code, json.loads(bytes(answer.body))) == (status, {"detail": detail})
    assert answer.media_type == "application/json"


def test_a_body_that_cannot_be_read_is_told_as_fastapi_does():
    answer = render_error(BodyError("Field required"), "id-1")
    assert answer.status_code == 422
    assert json.loads(bytes(answer.body)) == {
        "detail": [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]
    }


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (ScopeError(["read:lock"], []), 'Bearer scope="read:lock"'),
        (CredentialError("Invalid API key"), "Bearer"),
    ],
)
def test_every_401_says_what_is_wanted(error, header):
    assert render_error(error, "id-1").headers["www-authenticate"] == header


@pytest.mark.parametrize(
    ("error", "seconds"), [(ThrottledError("Wait.", retry_after_s=3.2), "3"), (BusyError("Too many wait."), "1")]
)
def test_a_client_that_asks_too_much_is_told_when_to_come_again(error, seconds):
    assert render_error(error, "id-1").headers["retry-after"] == seconds


def test_a_manager_that_cannot_be_asked_is_named():
    answer = render_error(CommunicationError("closed"), "id-1")
    assert answer.status_code == CommunicationError.http_status
    assert json.loads(bytes(answer.body)) == {"detail": "The manager cannot be asked: closed"}


async def test_an_unforeseen_error_tells_nothing_but_the_id_of_the_request(manager, tmp_path, monkeypatch):
    (tmp_path / "faulty_of_this_test.py").write_text(
        "from fastapi import APIRouter\n"
        "router = APIRouter()\n"
        "@router.get('/faulty')\n"
        "async def fail():\n"
        "    raise RuntimeError('a secret of the inside')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"custom_routers": ("faulty_of_this_test.router",)}
    async with running_gateway(manager, tmp_path, **settings) as client:
        answer = await client.get("/api/faulty")
        assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
        assert len(answer.headers["x-request-id"]) == 32
        assert (await client.get("/api/status")).status_code == 200


@pytest.mark.parametrize("verb", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_verbs_are_a_405(manager, verb, tmp_path):
    async with running_gateway(manager, tmp_path) as client:
        answer = await client.request(verb, "/api/queue/get")
        assert answer.status_code == 405
        assert verb == "HEAD" or answer.json() == {"detail": "Method Not Allowed"}
