"""What a method becomes over HTTP, and what an answer means."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from queue_server.client.caller import MethodRoute
from queue_server.client.calls.routes import ROUTES
from queue_server.client.exchange import Question
from queue_server.client.http_errors import (
    HTTPAccessError,
    HTTPClientError,
    HTTPRequestError,
    HTTPServerError,
    HTTPTimeoutError,
)
from queue_server.client.http_exchange import (
    HttpAnswer,
    check_target,
    is_expired,
    own_request,
    reply_in,
    request_of,
)
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.errors import ParameterError, RequestTimeoutError

QUESTION = Question(1, "some_method", b"", 3.0)
GET, POST = MethodRoute("GET", "/things"), MethodRoute("POST", "/things")


def answer(status, content, kind="application/json", request_id=""):
    return HttpAnswer(status, kind, json.dumps(content).encode(), request_id)


def problem(status, code, **fields):
    content = {"type": f"urn:cuelight:problem:{code}", "title": "T", "status": status, "request_id": "r1", **fields}
    return answer(status, content, "application/problem+json")


def query_of(request):
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def test_what_only_reads_has_its_parameters_in_the_query_each_so_that_it_is_read_back():
    params = {
        "text": "front",
        "number": 5,
        "digits": "5",
        "null": "null",
        "flag": True,
        "names": ["a", "1"],
        "no": None,
    }
    request = request_of(GET, params, "json", QUESTION)
    assert urlsplit(request.path).path == "/v1/things"
    assert (request.verb, request.body, request.timeout_s) == ("GET", None, 3.0)
    assert query_of(request) == {
        "text": "front", "number": "5", "digits": '"5"', "null": '"null"', "flag": "true", "names": '["a", "1"]',
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_what_changes_something_has_its_parameters_in_the_body(encoding):
    request = request_of(POST, {"item": {"name": "count"}, "pos": None}, encoding, QUESTION)
    assert request.body is not None
    assert decode(request.body) == ({"item": {"name": "count"}, "pos": None}, encoding)
    assert request.headers == {"Accept": f"application/{encoding}", "Content-Type": f"application/{encoding}"}


def test_a_request_of_the_callers_own_has_a_query_a_body_or_a_form():
    assert own_request("GET", "/a?b=1", {"c": "2", "d": 3}, None, 1.0).path == "/a?b=1&c=2&d=3"
    assert own_request("DELETE", "/a", {"first_eight": "12345678"}, None, 1.0).path == "/a?first_eight=12345678"
    assert own_request("POST", "/a", {"b": 1}, None, 1.0).body == b'{"b":1}'
    form = own_request("POST", "/a", None, {"username": "ä b", "password": "&"}, 1.0)
    assert form.body == b"username=%C3%A4+b&password=%26"
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    with pytest.raises(ParameterError, match="'params' or 'data'"):
        own_request("POST", "/a", {"b": 1}, {"c": 2}, 1.0)


def test_headers_of_the_caller_win_whatever_their_letters():
    request = own_request("POST", "/a", {}, None, 1.0).preferring({"content-type": "text/plain"})
    shown = request.with_headers({"Authorization": "ApiKey k", "content-type": "lost"})
    assert shown.headers == {"Authorization": "ApiKey k", "Accept": "application/json", "content-type": "text/plain"}


def test_verb_and_path_are_checked():
    assert check_target(["get", "/api/status"]) == ("GET", "/api/status")
    with pytest.raises(ParameterError, match="verb and a path"):
        check_target(("GET", "status"))


def test_an_answer_becomes_the_reply_of_the_manager():
    content = {"items": [], "next_cursor": None}
    assert reply_in(answer(200, content), ROUTES["queue_get"]) == {"success": True, "msg": "", "items": []}
    assert reply_in(answer(200, content), GET) == {"success": True, "msg": "", **content}
    assert reply_in(answer(200, {"manager_state": "idle"}), MethodRoute("GET", "/status", bare=True)) == {
        "manager_state": "idle"
    }
    packed = HttpAnswer(200, "application/msgpack", encode({"items": []}, "msgpack"))
    assert reply_in(packed, GET) == {"success": True, "msg": "", "items": []}


def test_an_answer_to_a_request_of_the_callers_own_is_left_as_it_is():
    for content in ({"success": False, "msg": "no"}, ["a"], "text"):
        assert reply_in(answer(200, content)) == content


def test_a_refusal_of_the_manager_is_a_reply_with_its_code_and_fields():
    refused = problem(423, "locked", detail="Locked.", details={"by": "anna"}, fields={"item": {}, "qsize": None})
    assert reply_in(refused, POST) == {
        "success": False, "msg": "Locked.", "item": {}, "qsize": None,
        "error": {"code": "locked", "details": {"by": "anna"}, "request_id": "r1"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (401, "credential", HTTPAccessError, 9),
        (403, "scope", HTTPAccessError, 9),
        (413, "too_large", HTTPClientError, 3),
        (429, "throttled", HTTPClientError, 3),
        (500, "internal", HTTPServerError, 3),
        (503, "communication", HTTPServerError, 3),
        (504, "timeout", HTTPTimeoutError, 8),
    ],
)
def test_an_error_of_the_gateway_carries_status_detail_and_request_id(status, code, kind, exit_code):
    with pytest.raises(kind) as caught:
        reply_in(problem(status, code, detail="Because.", details={"a": 1}), POST)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.detail, error.request_id, error.exit_code) == (status, "Because.", "r1", exit_code)
    assert error.details == {"a": 1}
    assert str(error) == f"{status}: Because."


def test_a_gateway_that_waits_in_vain_is_a_timeout_as_over_0mq():
    with pytest.raises(RequestTimeoutError):
        reply_in(problem(504, "timeout", detail="Silent."), GET)


def test_errors_of_another_form_show_what_came():
    with pytest.raises(HTTPClientError, match="400: no such thing"):
        reply_in(answer(400, {"detail": "no such thing"}))
    with pytest.raises(HTTPClientError, match=r'422: \[{"loc"'):
        reply_in(answer(422, {"detail": [{"loc": ["body"]}]}))
    with pytest.raises(HTTPServerError, match="502: Bad Gateway") as caught:
        reply_in(HttpAnswer(502, "text/html", b"Bad Gateway" + b" " * 5000, "r9"))
    assert caught.value.request_id == "r9"
    with pytest.raises(HTTPServerError, match="no reason"):
        reply_in(HttpAnswer(500, "", b""))


def test_what_is_no_gateway_is_told():
    with pytest.raises(HTTPRequestError, match="text/html is not a gateway"):
        reply_in(HttpAnswer(200, "text/html", b"<html>"), GET)
    with pytest.raises(HTTPRequestError, match="not an object"):
        reply_in(answer(200, [1]), GET)
    with pytest.raises(HTTPRequestError, match="not a gateway"):
        reply_in(HttpAnswer(200, "application/msgpack", b"\xc1"), GET)


def test_an_expired_token_is_recognised_in_both_faces():
    text = "Access token has expired. Refresh token."
    assert is_expired(problem(401, "credential", detail=text))
    assert is_expired(answer(401, {"detail": text}))
    assert not is_expired(answer(401, {"detail": "Invalid API key"}))
    assert not is_expired(answer(200, {"detail": text}))


def test_every_declared_method_has_its_route():
    from queue_server.protocol.methods import METHODS

    expected = {
        name: MethodRoute(*method.route, bare=method.bare, changes=method.changes)
        for name, method in METHODS.items()
        if not method.is_for_gateways
    }
    assert dict(ROUTES) == expected
