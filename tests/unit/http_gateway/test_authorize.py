"""The guard: who passes, what a cookie needs besides, and which scope is enough."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from http_gateway.authorize import CSRF_COOKIE, PUBLIC, Guard, require
from http_gateway.credentials import API_KEY_COOKIE
from http_gateway.errors import CredentialError, OriginError, ScopeError
from http_gateway.identity import Identity

NOBODY = Identity("nobody", "primary", frozenset(), is_anonymous=True)
READER = Identity("reader", "primary", frozenset({"read:status"}))


def connect(*headers, query="", method="GET", kind="http"):
    """A connection with these headers."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": kind, "method": method, "path": "/", "query_string": query.encode(), "headers": raw})


class Accounts:
    """Knows one key."""

    def __init__(self):
        self.seen = []

    async def identify(self, credential):
        """Identify the reader."""
        self.seen.append(credential)
        if credential.kind == "none":
            return NOBODY
        if credential.secret != "good":
            raise CredentialError("Invalid API key")
        return READER

    async def renew(self, identity):
        """Return the same identity."""
        return identity


@pytest.fixture
def accounts():
    return Accounts()


@pytest.fixture
def guard(accounts):
    return Guard(accounts)


# --- who passes -----------------------------------------------------------------------------------------------------


async def test_the_right_scope_passes(guard):
    assert await guard.admit(connect(("Authorization", "ApiKey good")), "read:status") == READER


async def test_another_scope_is_named_with_what_the_identity_has(guard):
    with pytest.raises(ScopeError, match=r"Requires scopes \['write:lock'\]. Request had scopes \['read:status'\]"):
        await guard.admit(connect(("Authorization", "ApiKey good")), "write:lock")


async def test_nobody_passes_only_where_it_is_public(guard):
    assert (await guard.admit(connect(), PUBLIC)).is_anonymous
    with pytest.raises(ScopeError):
        await guard.admit(connect(), "read:status")


async def test_a_bad_key_does_not_fall_back_to_a_good_token(guard):
    with pytest.raises(CredentialError):
        await guard.admit(connect(("Cookie", f"{API_KEY_COOKIE}=bad"), ("Authorization", "Bearer good")), "read:status")


async def test_a_bad_key_is_refused_also_where_it_is_public(guard):
    with pytest.raises(CredentialError):
        await guard.admit(connect(("Authorization", "ApiKey bad")), PUBLIC)


async def test_what_everybody_may_is_not_named_as_something_to_ask_for(guard):
    stopper = Identity("stopper", "primary", frozenset({"estop"}))
    with pytest.raises(ScopeError, match=r"Requires scopes \['read:status'\]. Request had scopes \[\]"):
        require(stopper, "read:status")
    with pytest.raises(ScopeError, match=r"Requires scopes \[\]. Request had scopes \[\]"):
        require(NOBODY, "estop")
    require(stopper, "estop")


@pytest.mark.parametrize("scope", ["", "read", "read:*", "READ:STATUS"])
def test_a_scope_is_compared_as_a_whole(scope):
    with pytest.raises(ScopeError):
        require(READER, scope)


# --- cookies --------------------------------------------------------------------------------------------------------

KEY_COOKIE = f"{API_KEY_COOKIE}=good"


async def test_a_cookie_may_read_without_more(guard):
    await guard.admit(connect(("Cookie", KEY_COOKIE)), "read:status")


async def test_a_cookie_may_change_things_with_the_token_of_its_page(guard):
    headers = [("Cookie", f"{KEY_COOKIE}; {CSRF_COOKIE}=t"), ("x-csrf", "t")]
    await guard.admit(connect(*headers, method="POST"), "read:status")


@pytest.mark.parametrize(
    "headers",
    [
        [("Cookie", KEY_COOKIE)],
        [("Cookie", KEY_COOKIE), ("x-csrf", "")],
        [("Cookie", f"{KEY_COOKIE}; {CSRF_COOKIE}=t")],
        [("Cookie", f"{KEY_COOKIE}; {CSRF_COOKIE}=t"), ("x-csrf", "other")],
        [("Cookie", KEY_COOKIE), ("x-csrf", "t")],
    ],
)
async def test_a_cookie_alone_changes_nothing(guard, accounts, headers):
    with pytest.raises(OriginError, match="x-csrf"):
        await guard.admit(connect(*headers, method="POST"), "read:status")
    assert accounts.seen == []


@pytest.mark.parametrize(("origin", "passes"), [("http://here:1", True), ("http://there", False), ("null", False)])
async def test_a_socket_with_a_cookie_is_for_pages_of_this_site(guard, origin, passes):
    connection = connect(("Cookie", KEY_COOKIE), ("Host", "here:1"), ("Origin", origin), kind="websocket")
    if passes:
        await guard.admit(connection, "read:status")
    else:
        with pytest.raises(OriginError):
            await guard.admit(connection, "read:status")
