"""What a client does over HTTP, step by step and without a network."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from queue_server.client.exchange import Exchange
from queue_server.client.gateway import Gateway, RequestOptions
from queue_server.client.http_errors import HTTPAccessError, HTTPRequestError
from queue_server.client.http_exchange import HttpAnswer, own_request
from queue_server.client.http_steps import Renewal, ask, ask_as_key, log_in, log_out, renew
from queue_server.client.http_tokens import Wallet

TOKENS = {"access_token": "a2", "refresh_token": "r2", "expires_in": 900}
EXPIRED = {"detail": "Access token has expired. Refresh token."}


def answer(content, status=200):
    return HttpAnswer(status, "application/json", json.dumps(content).encode())


def take(steps, *answers):
    """Take the steps with the answers given; return the requests, and the result."""
    asked, given, step = [], list(answers), next(steps)
    try:
        while True:
            asked.append(step)
            following = given.pop(0)
            step = steps.throw(following) if isinstance(following, Exception) else steps.send(following)
    except StopIteration as end:
        assert given == []
        return asked, end.value


@pytest.fixture
def wallet():
    wallet = Wallet()
    wallet.keep_tokens("a1", "r1")
    return wallet


@pytest.fixture
def carry(wallet):
    """Return the steps of a request."""
    gateway, exchange = (
        Gateway("http://localhost:1", wallet),
        Exchange("http://localhost:1", request_fail_exceptions=False),
    )

    def make(method, params=None, **options):
        return gateway.carry(gateway.ask(exchange, method, params, RequestOptions(**options)))

    return make


def test_a_request_shows_the_credential(carry):
    [request], reply = take(carry("queue_start", {"lock_key": "k"}), answer({}))
    assert (request.verb, request.path, request.body) == ("POST", "/v1/queue/start", b'{"lock_key":"k"}')
    assert request.headers["Authorization"] == "Bearer a1"
    assert reply == {"success": True, "msg": ""}


def test_an_expired_token_is_renewed_once_and_the_request_repeated(carry, wallet):
    steps = carry("queue_start")
    first = next(steps)
    assert steps.send(answer(EXPIRED, 401)) == Renewal("a1")
    wallet.keep_answer(TOKENS)
    again = next(steps)
    assert (first.headers["Authorization"], again.headers["Authorization"]) == ("Bearer a1", "Bearer a2")
    assert (again.path, again.body) == (first.path, first.body)
    with pytest.raises(HTTPAccessError, match="expired"):
        steps.send(answer(EXPIRED, 401))


def test_no_token_is_renewed_if_the_caller_does_not_want_that(carry):
    with pytest.raises(HTTPAccessError, match="expired"):
        take(carry("queue_start", refreshes=False), answer(EXPIRED, 401))


def test_a_key_is_never_renewed(carry, wallet):
    wallet.keep_key("k1")
    with pytest.raises(HTTPAccessError, match="expired"):
        take(carry("queue_start"), answer(EXPIRED, 401))


def test_another_refusal_of_the_token_renews_nothing(carry):
    with pytest.raises(HTTPAccessError, match="validate"):
        take(carry("queue_start"), answer({"detail": "Could not validate credentials"}, 401))


def test_a_refresh_token_alone_fetches_an_access_token_first(carry, wallet):
    wallet.keep_tokens(None, "r1")
    steps = carry("queue_start")
    next(steps)
    assert steps.send(answer({"detail": "Could not validate credentials"}, 401)) == Renewal("")


def test_new_tokens_are_fetched_without_the_old_one(wallet):
    [request], reply = take(renew(wallet), answer(TOKENS))
    assert (request.verb, request.path) == ("POST", "/api/auth/session/refresh")
    assert json.loads(request.body) == {"refresh_token": "r1"}
    assert "Authorization" not in request.headers
    assert reply == TOKENS
    assert (wallet.access_token, wallet.refresh_token) == ("a2", "r2")


def test_a_session_that_has_ended_is_told(wallet):
    with pytest.raises(HTTPAccessError, match="Session has expired"):
        take(renew(wallet), answer({"detail": "Session has expired. Please re-authenticate."}, 401))
    with pytest.raises(HTTPAccessError, match="call login"):
        next(renew(Wallet("k1")))


def test_a_login_keeps_the_tokens():
    wallet = Wallet("k1")
    form = own_request("POST", "/api/auth/provider/toy/token", None, {"username": "anna", "password": "x"}, 60.0)
    [request], reply = take(log_in(wallet, form), answer(TOKENS))
    assert "Authorization" not in request.headers
    assert reply == TOKENS
    assert wallet.headers() == {"Authorization": "Bearer a2"}


def test_after_a_logout_nothing_is_known_even_if_the_gateway_does_not_answer(wallet):
    [request], _ = take(log_out(wallet, own_request("POST", "/api/auth/logout", {}, None, 1.0)), answer({}))
    assert request.headers["Authorization"] == "Bearer a1"
    assert wallet.headers() == {}
    wallet.keep_key("k1")
    steps = log_out(wallet, own_request("POST", "/api/auth/logout", {}, None, 1.0))
    next(steps)
    with pytest.raises(OSError, match="broken"):
        steps.throw(OSError("broken"))
    assert wallet.headers() == {}


def test_a_question_about_the_account_is_answered_with_an_object(wallet):
    request = own_request("GET", "/api/auth/whoami", None, None, 1.0)
    _, reply = take(ask(request, wallet), answer({"uuid": "1"}))
    assert reply == {"uuid": "1"}
    with pytest.raises(HTTPRequestError, match="not an object"):
        take(ask(request, wallet), answer(["1"]))


def test_a_key_can_be_asked_about_itself():
    [request], _ = take(ask_as_key(own_request("GET", "/api/auth/apikey", None, None, 1.0), "k9"), answer({}))
    assert request.headers["Authorization"] == "ApiKey k9"


def part(uid, *names):
    return answer({"items": [{"item_uid": name} for name in names], "running_item": {}, "plan_queue_uid": uid})


@pytest.fixture
def small_parts(monkeypatch):
    """Let the largest part have two items."""
    from queue_server.client import http_steps

    monkeypatch.setitem(http_steps.WHOLE, "queue_get", 2)


def query_of(request):
    return {name: value for name, [value] in parse_qs(urlsplit(request.path).query).items()}


def test_the_whole_queue_is_read_part_by_part(carry, small_parts):
    asked, reply = take(carry("queue_get"), part("u1", "a", "b"), part("u1", "c"))
    assert [query_of(request) for request in asked] == [{"limit": "2"}, {"limit": "2", "after_uid": "b"}]
    assert [item["item_uid"] for item in reply["items"]] == ["a", "b", "c"]


def test_a_queue_that_changes_between_two_parts_is_read_anew(carry, small_parts):
    first = (part("u1", "a", "b"), part("u2", "d"))
    asked, reply = take(carry("queue_get"), *first, part("u2", "b"))
    assert [query_of(request).get("after_uid") for request in asked] == [None, "b", None]
    assert [item["item_uid"] for item in reply["items"]] == ["b"]


def test_a_queue_that_never_rests_is_an_error(carry, small_parts):
    with pytest.raises(HTTPRequestError, match="limit"):
        take(carry("queue_get"), *[part("u1", "a", "b"), part("u2", "c")] * 5)


def test_with_a_limit_one_part_is_read(carry, small_parts):
    _, reply = take(carry("queue_get", {"limit": 2}), part("u1", "a", "b"))
    assert len(reply["items"]) == 2


def test_the_history_without_a_limit_is_what_a_manager_gives_without_one(carry):
    [request], _ = take(carry("history_get"), answer({"items": [], "plan_history_uid": "h"}))
    assert query_of(request) == {"limit": "50000"}


def test_the_largest_parts_are_those_of_the_declarations():
    from queue_server.client.http_steps import WHOLE
    from queue_server.protocol.methods import METHODS

    for name, most in WHOLE.items():
        METHODS[name].parse({"limit": most})
        with pytest.raises(Exception, match="limit"):
            METHODS[name].parse({"limit": most + 1})


def test_a_method_that_is_not_declared_is_refused_without_a_request(carry):
    with pytest.raises(StopIteration) as end:
        next(carry("no_such"))
    assert end.value.value["error"]["code"] == "unknown_method"
