"""Sessions of browsers: made with a key or a token, good for pages of this site, no wider than what they stand for."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from tests.doubles.gateway import running_gateway

KEY_COOKIE, TOKEN_COOKIE = "bluesky_httpserver_api_key", "bluesky_httpserver_csrf"
ACCOUNTS = {
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {"bob": "bob_password"}},
            }
        ],
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"bob": {"roles": "user"}}},
    },
}


def cookies_in(answer):
    """The cookies that an answer sets."""
    return {
        name: morsel for line in answer.headers.get_list("set-cookie") for name, morsel in SimpleCookie(line).items()
    }


@pytest.fixture
async def bare(client):
    """A client without its key, and the header with that."""
    header = {"Authorization": client.headers.pop("Authorization")}
    return client, header


@pytest.fixture
async def members(manager, tmp_path):
    """A client of a gateway with accounts, and the header with a token of bob."""
    (tmp_path / "api-key").write_text("unused\n")
    async with running_gateway(manager, tmp_path, **ACCOUNTS) as client:
        del client.headers["Authorization"]
        form = {"username": "bob", "password": "bob_password"}
        tokens = (await client.post("/api/auth/provider/toy/token", data=form)).json()
        yield client, {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_in_single_user_mode_the_key_opens_a_session_for_pages_of_this_site(bare, manager):
    client, header = bare
    answer = await client.post("/v1/session", headers=header)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["valid_s"] == 7 * 86_400
    found = cookies_in(answer)
    assert found[KEY_COOKIE]["httponly"]
    assert not found[TOKEN_COOKIE]["httponly"]
    assert {morsel["samesite"] for morsel in found.values()} == {"lax"}
    assert header["Authorization"].partition(" ")[2] not in answer.text
    # The client keeps them, as a browser does.
    assert (await client.get("/v1/queue")).status_code == 200
    assert (await client.post("/v1/queue/clear")).status_code == 403
    assert "queue_clear" not in manager.asked
    proof = {"x-csrf": found[TOKEN_COOKIE].value}
    assert (await client.post("/v1/queue/clear", headers=proof)).status_code == 200
    ended = await client.delete("/v1/session", headers=proof)
    assert {morsel.value for morsel in cookies_in(ended).values()} == {""}
    assert (await client.get("/v1/queue")).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Authorization": "ApiKey wrong"}, {"X-API-Key": "wrong"}])
async def test_without_the_key_there_is_no_session(bare, headers):
    answer = await bare[0].post("/v1/session", headers=headers)
    assert answer.status_code == 401
    assert cookies_in(answer) == {}


async def test_a_session_does_not_make_another_one_in_single_user_mode(bare):
    client, header = bare
    proof = {"x-csrf": cookies_in(await client.post("/v1/session", headers=header))[TOKEN_COOKIE].value}
    answer = await client.post("/v1/session", headers=proof)
    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "cookie")


async def test_the_session_of_an_access_token_has_a_key_of_its_own_that_ends_with_it(members):
    client, token = members
    found = cookies_in(await client.post("/v1/session", headers=token))
    [key] = (
        await client.get("/api/auth/whoami", headers={"Cookie": f"{KEY_COOKIE}={found[KEY_COOKIE].value}"})
    ).json()["api_keys"]
    assert (key["note"], key["first_eight"]) == ("Session of a browser", found[KEY_COOKIE].value[:8])
    proof = {"x-csrf": found[TOKEN_COOKIE].value}
    assert (await client.delete("/v1/session", headers=proof)).status_code == 200
    stolen = {"Authorization": f"ApiKey {found[KEY_COOKIE].value}"}
    assert (await client.get("/v1/me", headers=stolen)).status_code == 401
    assert (await client.get("/v1/me", headers=token)).status_code == 200


async def test_the_session_of_a_narrow_key_is_as_narrow_and_leaves_the_key_alone(members):
    client, token = members
    wish = {"expires_in": 100, "scopes": ["read:status"]}
    key = (await client.post("/api/auth/apikey", json=wish, headers=token)).json()["secret"]
    answer = await client.post("/v1/session", headers={"X-API-Key": key})
    assert 90 <= answer.json()["valid_s"] <= 100
    found = cookies_in(answer)
    assert found[KEY_COOKIE].value != key
    assert (await client.get("/v1/me")).json()["scopes"] == ["estop", "read:status"]
    assert (await client.get("/v1/queue")).status_code == 403
    await client.delete("/v1/session", headers={"x-csrf": found[TOKEN_COOKIE].value})
    client.cookies.clear()
    assert (await client.get("/v1/me", headers={"X-API-Key": key})).status_code == 200
