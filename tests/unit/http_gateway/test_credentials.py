"""Where a credential is found, which one counts where there are several, and of which kind it is."""

from __future__ import annotations

import base64

import pytest
from starlette.requests import HTTPConnection

from http_gateway.credentials import API_KEY_COOKIE, NATIVE_RULES, Rules, find_credential, find_credentials
from http_gateway.errors import SchemeError
from http_gateway.identity import Credential

COOKIE = ("Cookie", f"{API_KEY_COOKIE}=from-cookie")
TOKEN = "head.claims.signature"


def connect(*headers, query=""):
    """A connection with these headers."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return HTTPConnection(
        {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": raw}
    )


def basic(text):
    """A header with these credentials."""
    return ("Authorization", f"Basic {base64.b64encode(text.encode()).decode()}")


# --- as bluesky-httpserver has it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["ApiKey", "apikey", "APIKEY"])
def test_the_scheme_is_read_without_regard_to_case(scheme):
    assert find_credential(connect(("Authorization", f"{scheme} abc"))) == Credential("api_key", "abc", "header")


def test_a_bearer_token_is_found():
    assert find_credential(connect(("Authorization", "Bearer abc"))) == Credential("token", "abc", "header")


def test_a_key_in_a_cookie_comes_before_a_token_and_after_a_key_in_the_header():
    assert find_credential(connect(COOKIE, ("Authorization", "Bearer t"))).secret == "from-cookie"
    assert find_credential(connect(COOKIE, ("Authorization", "ApiKey k"))).secret == "k"


def test_a_key_in_the_query_counts_only_where_it_is_allowed():
    connection = connect(("Authorization", "ApiKey header"), query="api_key=query")
    assert find_credential(connection).secret == "header"
    assert find_credential(connection, query_keys=True) == Credential("api_key", "query", "query")


def test_headers_of_other_dialects_do_not_count():
    assert find_credential(connect(("X-API-Key", "abc"), ("api_key", "abc"))) == Credential()


MALFORMED = [
    [("Authorization", "Basic dTpw")],
    [("Authorization", "ApiKey")],
    [("Authorization", "ApiKey   ")],
    [("Authorization", "abc")],
    [("Authorization", "ApiKey a"), ("Authorization", "ApiKey b")],
]


@pytest.mark.parametrize("headers", MALFORMED)
def test_another_scheme_is_refused(headers):
    with pytest.raises(SchemeError, match="ApiKey <key>"):
        find_credential(connect(*headers))


@pytest.mark.parametrize("headers", MALFORMED)
def test_where_a_header_need_not_be_good_a_malformed_one_counts_as_none(headers):
    assert find_credential(connect(*headers), is_strict=False) == Credential()
    assert find_credential(connect(*headers, COOKIE), is_strict=False).secret == "from-cookie"


def test_a_credential_does_not_show_its_secret():
    assert "abc" not in repr(Credential("api_key", "abc", "header"))


# --- native routes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["X-API-Key", "x-api-key"])
def test_native_routes_take_a_key_in_a_header_of_its_own(name):
    assert find_credential(connect((name, "abc")), NATIVE_RULES) == Credential("api_key", "abc", "header")


def test_a_header_takes_keys_and_tokens_alike():
    for header in (("X-API-Key", TOKEN), ("Authorization", f"Bearer {TOKEN}")):
        assert find_credential(connect(header), NATIVE_RULES) == Credential("token", TOKEN, "header")
    assert find_credential(connect(("Authorization", "Bearer abc")), NATIVE_RULES).kind == "api_key"


@pytest.mark.parametrize("values", [[""], ["  "], ["a", "b"], ["a", "a"]])
def test_a_header_of_its_own_holds_one_key(values):
    with pytest.raises(SchemeError, match="x-api-key must hold one key"):
        find_credential(connect(*(("X-API-Key", value) for value in values)), NATIVE_RULES)


# --- rules ----------------------------------------------------------------------------------------------------------


def test_the_password_counts_and_the_user_name_does_not():
    rules = Rules(("basic",))
    assert find_credential(connect(basic("anybody:s3:cret")), rules) == Credential("api_key", "s3:cret", "header")
    assert find_credential(connect(basic(f":{TOKEN}")), rules).kind == "token"


@pytest.mark.parametrize("value", ["Basic !", "Basic YQ==", "Basic dTo=", "Basic /w==", "Bearer abc"])
def test_malformed_basic_credentials_are_refused_and_not_shown(value):
    with pytest.raises(SchemeError, match="'Basic' with any user name") as refusal:
        find_credential(connect(("Authorization", value)), Rules(("basic",)))
    assert value.partition(" ")[2] not in refusal.value.message


def test_the_first_place_that_has_a_credential_decides():
    connection = connect(("api_key", "a"), ("X-API-Key", "b"))
    assert [each.secret for each in find_credentials(connection, Rules(("x-api-key", "api_key")))] == ["b"]
    assert [each.secret for each in find_credentials(connection, Rules(("api_key", "x-api-key")))] == ["a"]


def test_rules_can_demand_all_that_are_there():
    rules = Rules(("bearer", "x-api-key"), demands_all=True)
    both = connect(("Authorization", f"Bearer {TOKEN}"), ("X-API-Key", "b"))
    assert [each.kind for each in find_credentials(both, rules)] == ["token", "api_key"]
    assert [each.secret for each in find_credentials(connect(("X-API-Key", "b")), rules)] == ["b"]
    assert find_credentials(connect(), rules) == (Credential(),)
