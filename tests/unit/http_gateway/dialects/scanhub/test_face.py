"""The scanhub dialect: its prefixes within those of others, where it takes credentials, and its form of errors."""

from __future__ import annotations

import pytest

from http_gateway.app import face_of
from http_gateway.dialects.scanhub.face import FACE
from queue_server.protocol.errors import ParameterError, RequestTimeoutError
from tests.doubles.gateway import running_gateway


@pytest.fixture
def desk(desk_of):
    """Accounts in front of this dialect."""
    return desk_of(FACE)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/device", "scanhub"),
        ("/api/v1/device/ws", "scanhub"),
        ("/api/v1/exam/task/x", "scanhub"),
        ("/api/v1/userlogin/login", "scanhub"),
        ("/api/v1/workflowmanager/trigger_task/x/", "scanhub"),
        ("/api/v1/devices", "bluesky"),
        ("/api/v1", "bluesky"),
        ("/api/status", "bluesky"),
        ("/api", "bluesky"),
        ("/v1/device", "native"),
        ("/apis", "native"),
    ],
)
def test_the_longest_prefix_decides_whose_path_it_is(path, name):
    assert face_of(path).name == name


async def test_an_unknown_path_is_answered_in_this_form_and_not_in_the_one_around_it(client):
    answers = [
        await client.get(f"/api/v1/{part}/no/such/path/of/it")
        for part in ("device", "exam", "userlogin", "workflowmanager")
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, '{"detail":"Not Found"}')}


async def test_a_body_over_the_limit_is_refused_in_this_form(manager, tmp_path):
    async with running_gateway(manager, tmp_path, most_body_bytes=10) as client:
        answer = await client.post("/api/v1/exam/", content=b"x" * 11)
        assert (answer.status_code, list(answer.json())) == (413, ["detail"])


@pytest.mark.parametrize("kind", ["token", "key"])
async def test_a_bearer_is_an_access_token_or_a_key(desk, kind):
    secret = desk.token("bob") if kind == "token" else desk.key("bob")
    answer = await desk.ask({"Authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["user"]) == (200, "bob")


async def test_the_single_user_key_is_one(desk):
    assert (await desk.ask({"Authorization": "Bearer abc123"}, lone=True)).status_code == 200
    assert (await desk.ask({"Authorization": "Bearer abc124"}, lone=True)).status_code == 401


async def test_without_a_good_token_it_is_a_401_that_names_the_scheme(desk):
    key = desk.key("bob")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": f"Bearer {desk.expired('bob')}"},
        {"Authorization": f"ApiKey {key}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": key},
        {"api_key": key},
        {"Cookie": f"bluesky_httpserver_api_key={key}"},
    ):
        answer = await desk.ask(headers)
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer"), headers
        assert list(answer.json()) == ["detail"]


async def test_without_the_permission_it_is_a_403(desk):
    answer = await desk.ask({"Authorization": f"Bearer {desk.token('bob')}"}, "/manager")
    assert answer.status_code == 403
    assert "'estop'" not in answer.json()["detail"]


async def test_a_narrow_key_may_do_what_it_says_and_stop_the_machine(desk):
    headers = {"Authorization": f"Bearer {desk.key('bob', ['read:status'])}"}
    assert [(await desk.ask(headers, path)).status_code for path in ("/queue", "/estop")] == [403, 200]


def test_what_its_clients_cannot_send_is_a_422_and_a_silent_manager_a_503():
    answers = [FACE.render(error, "1" * 32) for error in (ParameterError("Bad 'x'.", field="x"), RequestTimeoutError())]
    assert [answer.status_code for answer in answers] == [422, 503]
    assert answers[1].headers["retry-after"] == "1"
