"""The account routes over HTTP: their replies, their errors to the letter, and what a credential opens afterwards."""

from __future__ import annotations

import jwt
import pytest
import pytest_asyncio
from sqlalchemy import insert

from http_gateway.auth.people import find_by_name, note_login, set_roles
from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import open_store
from http_gateway.auth.tables import API_KEYS
from tests.doubles import accounts
from tests.doubles.accounts import bearer, key_header, make_key
from tests.doubles.gateway import gateway_with_logins

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "marked-secret-0123456789abcdefghijklmnop"
PASSWORDS = {"bob": "bob_password", "alice": "alice_password", "cara": "cara_password", "tom": "tom_password"}
USERS = {
    "bob": {"roles": ["admin", "expert"], "displayed_name": "Doe, Bob", "email": "bob@home"},
    "alice": {"roles": "advanced"},
    "cara": {"roles": "observer"},
}
AUTHENTICATION = {
    "providers": [
        {
            "provider": "toy",
            "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
            "args": {"users_to_passwords": PASSWORDS},
        }
    ],
    "secret_keys": [SECRET, "an older secret"],
}
SETTINGS = {
    "authentication": AUTHENTICATION,
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": USERS},
    },
    "resource_access": {
        "policy": "http_gateway.auth.policies:MappedResourceAccessControl",
        "args": {"roles": {"expert": "experts"}, "default_group": "primary"},
    },
}
TOKEN_FIELDS = {"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "token_type"}
DONE = {"success": True, "msg": ""}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A multi-user gateway: its manager, a client without credential, its data directory."""
    directory = tmp_path_factory.mktemp("gateway")
    async with gateway_with_logins(directory, **SETTINGS) as (manager, client):
        yield manager, client, directory


@pytest.fixture
def manager(place):
    manager, _, _ = place
    manager.forget()
    return manager


@pytest.fixture
def client(place):
    """A client without credential."""
    place[1].cookies.clear()
    return place[1]


@pytest.fixture
def store(place):
    """The account database, opened beside the gateway."""
    store = open_store(DatabaseSettings(), place[2])
    yield store
    store.close()


async def log_in(client, name, **query):
    return await accounts.log_in(client, name, PASSWORDS[name], **query)


def detail(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


# --- login ----------------------------------------------------------------------------------------------------------


async def test_a_login_gives_five_fields(client):
    tokens = await log_in(client, "bob")
    assert set(tokens) == TOKEN_FIELDS
    assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (900, 604800)
    assert tokens["token_type"] == "bearer"


async def test_an_access_token_has_the_documented_claims(client):
    tokens = await log_in(client, "alice")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["sub_typ"] == "user"
    assert len(claims["sub"]) == 32
    assert claims["ids"] == [{"id": "alice", "idp": "toy"}]
    assert claims["type"] == "access"
    assert "write:queue:edit" in claims["scp"]
    assert {"exp", "iss", "aud", "jti", "sid"} <= set(claims)
    refresh = jwt.decode(tokens["refresh_token"], options={"verify_signature": False})
    assert refresh["type"] == "refresh"
    assert refresh["sid"] == claims["sid"]


async def test_a_login_sets_no_cookie(client):
    answer = await client.post("/api/auth/provider/toy/token", data={"username": "bob", "password": "bob_password"})
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("form", [{"username": "bob", "password": "wrong"}, {"username": "nobody", "password": "x"}])
async def test_a_wrong_password_and_an_unknown_name_get_the_same_words(client, form):
    answer = await client.post("/api/auth/provider/toy/token", data=form)
    assert detail(answer, 401) == "Incorrect username or password"
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_user_whom_the_policy_does_not_know_is_not_let_in(client):
    answer = await client.post("/api/auth/provider/toy/token", data={"username": "tom", "password": "tom_password"})
    assert detail(answer, 401) == "User is not authorized to access the server"


async def test_a_role_given_in_the_account_database_lets_a_user_in(client, store):
    def give(connection):
        person = find_by_name(connection, "toy", "tom") or note_login(connection, "toy", "tom", 1.0)
        set_roles(connection, person.uuid, roles)

    roles = frozenset({"observer"})
    store.run(give)
    tokens = await log_in(client, "tom")
    shown = (await client.get("/api/auth/scopes", headers=bearer(tokens))).json()
    assert shown["roles"] == ["observer"]
    assert "read:queue" in shown["scopes"]
    # The scopes are asked for at every request, not taken from the token.
    roles = frozenset()
    store.run(give)
    answer = await client.get("/api/auth/scopes", headers=bearer(tokens))
    assert detail(answer, 401) == "User is not authorized to access the server"


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"username": "bob", "password": "bob_password"}},
        {"data": {"username": "bob"}},
        {"data": {"password": "bob_password"}},
        {},
        {"data": {"username": "bob", "password": "p" * 2000}},
    ],
)
async def test_a_login_is_a_form_with_name_and_password(client, request_):
    answer = await client.post("/api/auth/provider/toy/token", **request_)
    problems = detail(answer, 422)
    assert set(problems[0]) == {"type", "loc", "msg", "input"}
    assert "bob_password" not in answer.text


@pytest.mark.parametrize(
    ("verb", "path"),
    [("POST", "other/token"), ("GET", "toy/code"), ("POST", "toy/code"), ("GET", "toy/login"), ("GET", "other/login")],
)
async def test_a_provider_that_does_not_work_so_is_not_found(client, verb, path):
    answer = await client.request(verb, f"/api/auth/provider/{path}", data={"username": "a", "password": "b"})
    assert detail(answer, 404) == "Not Found"


async def test_login_and_refresh_ignore_the_authorization_header(client):
    headers = {"Authorization": "Bearer nonsense"}
    form = {"username": "bob", "password": "bob_password"}
    tokens = (await client.post("/api/auth/provider/toy/token", data=form, headers=headers)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await client.post("/api/auth/session/refresh", json=body, headers=headers)).status_code == 200
    basic = {"Authorization": "Basic eA=="}
    assert (await client.post("/api/auth/provider/toy/token", data=form, headers=basic)).status_code == 200


async def test_too_many_failed_logins_are_throttled(client):
    form = {"username": "guessed", "password": "wrong"}
    answers = [await client.post("/api/auth/provider/toy/token", data=form) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["detail"]
    await log_in(client, "bob")


# --- tokens and sessions --------------------------------------------------------------------------------------------


async def test_a_token_opens_what_its_owner_may_do(client, manager):
    tokens = await log_in(client, "cara")
    assert (await client.get("/api/queue/get", headers=bearer(tokens))).status_code == 200
    answer = await client.post("/api/queue/clear", headers=bearer(tokens))
    assert detail(answer, 401).startswith("Not enough permissions. Requires scopes ['write:queue:edit']. Request had")


async def test_the_manager_is_told_name_and_group(client, manager):
    tokens = await log_in(client, "bob")
    item = {"name": "count", "item_type": "plan"}
    await client.post("/api/queue/item/add", json={"item": item}, headers=bearer(tokens))
    params = manager.requests[-1]["params"]
    assert (params["user"], params["user_group"]) == ('bob "Doe, Bob <bob@home>"', "experts")


async def test_a_refresh_gives_new_tokens_and_the_old_one_stays_for_a_minute(client):
    tokens = await log_in(client, "bob")
    first = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens["refresh_token"]})
    again = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens["refresh_token"]})
    for answer in (first, again):
        assert answer.status_code == 200
        assert set(answer.json()) == TOKEN_FIELDS
        assert (await client.get("/api/auth/whoami", headers=bearer(answer.json()))).status_code == 200


async def test_a_refresh_token_that_was_used_up_ends_the_session(client):
    tokens = [await log_in(client, "bob")]
    for _ in range(2):
        body = {"refresh_token": tokens[-1]["refresh_token"]}
        tokens.append((await client.post("/api/auth/session/refresh", json=body)).json())
    stolen = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens[0]["refresh_token"]})
    assert detail(stolen, 401) == "Session has expired. Please re-authenticate."
    newest = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens[-1]["refresh_token"]})
    assert detail(newest, 401) == "Session has expired. Please re-authenticate."


async def test_a_token_of_the_wrong_kind_is_refused(client):
    tokens = await log_in(client, "bob")
    answer = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens["access_token"]})
    assert detail(answer, 401) == "Could not validate credentials"
    headers = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    assert detail(await client.get("/api/status", headers=headers), 401) == "Could not validate credentials"


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"refresh_token": 5}, 400), ({"refresh_token": "x", "more": 1}, 400), (None, 422)]
)
async def test_a_refresh_needs_its_token(client, body, status):
    answer = await client.post("/api/auth/session/refresh", json=body)
    assert detail(answer, status)


async def test_a_revoked_session_ends_its_tokens_at_once(client):
    tokens = await log_in(client, "alice")
    account = (await client.get("/api/auth/whoami", headers=bearer(tokens))).json()
    sid = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"]
    [session] = [entry for entry in account["sessions"] if entry["uuid"].replace("-", "") == sid]
    answer = await client.delete(f"/api/auth/session/revoke/{session['uuid']}", headers=bearer(tokens))
    assert answer.json() == DONE
    status = await client.get("/api/status", headers=bearer(tokens))
    assert detail(status, 401) == "Could not validate credentials"
    body = {"refresh_token": tokens["refresh_token"]}
    refresh = await client.post("/api/auth/session/refresh", json=body)
    assert detail(refresh, 401) == "Session has expired. Please re-authenticate."


@pytest.mark.parametrize("session", ["nonsense", "0" * 32, "00000000-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_session_that_is_not_ones_own_cannot_be_revoked(client, session, known):
    headers = bearer(await log_in(client, "alice")) if known else {}
    answer = await client.delete(f"/api/auth/session/revoke/{session}", headers=headers)
    assert detail(answer, 404) == "Sessions does not exist or requester has insufficient permissions"


async def test_the_session_of_somebody_else_cannot_be_revoked(client):
    theirs, mine = await log_in(client, "bob"), await log_in(client, "alice")
    sid = jwt.decode(theirs["access_token"], options={"verify_signature": False})["sid"]
    assert (await client.delete(f"/api/auth/session/revoke/{sid}", headers=bearer(mine))).status_code == 404
    assert (await client.get("/api/auth/whoami", headers=bearer(theirs))).status_code == 200


async def test_a_logout_ends_the_session(client):
    tokens = await log_in(client, "alice")
    answer = await client.post("/api/auth/logout", headers=bearer(tokens))
    assert (answer.status_code, answer.json()) == (200, {})
    assert detail(await client.get("/api/status", headers=bearer(tokens)), 401) == "Could not validate credentials"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}])
async def test_a_logout_works_without_a_credential(client, headers):
    answer = await client.post("/api/auth/logout", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert "bluesky_httpserver_api_key" in answer.headers["set-cookie"]


# --- accounts -------------------------------------------------------------------------------------------------------


async def test_a_principal_is_the_same_object_by_both_routes(client):
    tokens = await log_in(client, "bob")
    await make_key(client, bearer(tokens), note="for the test")
    shown = (await client.get("/api/auth/whoami", headers=bearer(tokens))).json()
    assert set(shown) == {
        "uuid", "type", "identities", "api_keys", "sessions", "latest_activity", "roles", "scopes", "api_key_scopes"
    }  # fmt: skip
    assert shown["type"] == "user"
    assert shown["roles"] == []
    assert shown["scopes"] == []
    assert set(shown["identities"][0]) == {"id", "provider", "latest_login"}
    assert shown["identities"][0]["id"] == "bob"
    assert set(shown["sessions"][0]) == {"uuid", "expiration_time", "revoked"}
    assert set(shown["api_keys"][0]) == {"first_eight", "expiration_time", "note", "scopes", "latest_activity"}
    everybody = (await client.get("/api/auth/principal", headers=bearer(tokens))).json()
    [same] = [entry for entry in everybody if entry["uuid"] == shown["uuid"]]
    one = (await client.get(f"/api/auth/principal/{shown['uuid']}", headers=bearer(tokens))).json()
    assert shown == same == one


async def test_roles_and_scopes_are_told_sorted(client):
    shown = (await client.get("/api/auth/scopes", headers=bearer(await log_in(client, "bob")))).json()
    assert shown["roles"] == ["admin", "expert"]
    assert shown["scopes"] == sorted(shown["scopes"])
    assert "admin:apikeys" in shown["scopes"]
    assert "estop" not in shown["scopes"]
    assert "read:devices" not in shown["scopes"]


@pytest.mark.parametrize("path", ["whoami", "scopes"])
async def test_nobody_is_told_nothing(client, path):
    assert detail(await client.get(f"/api/auth/{path}"), 401).startswith("Not enough permissions. Requires scopes []")


async def test_only_an_administrator_reads_accounts(client):
    tokens = await log_in(client, "alice")
    for path in ("principal", "principal/00000000-0000-4000-8000-000000000000"):
        assert (await client.get(f"/api/auth/{path}", headers=bearer(tokens))).status_code == 401


@pytest.mark.parametrize("uuid", ["00000000-0000-4000-8000-000000000000", "nonsense"])
async def test_an_unknown_principal_is_not_found(client, uuid):
    headers = bearer(await log_in(client, "bob"))
    assert detail(await client.get(f"/api/auth/principal/{uuid}", headers=headers), 404)
    answer = await client.post(f"/api/auth/principal/{uuid}/apikey", json={"expires_in": 9}, headers=headers)
    assert detail(answer, 404)


async def test_msgpack_and_tags_work(client):
    headers = bearer(await log_in(client, "bob"))
    packed = await client.get("/api/auth/scopes", headers={**headers, "Accept": "application/x-msgpack"})
    assert packed.headers["content-type"] == "application/x-msgpack"
    assert packed.content[0] == 0x82
    first = await client.get("/api/auth/scopes", headers=headers)
    again = await client.get("/api/auth/scopes", headers={**headers, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


# --- API keys -------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_works(client, manager):
    tokens = await log_in(client, "alice")
    key = await make_key(client, bearer(tokens), note="mine")
    assert len(key["secret"]) == 72
    assert key["secret"].startswith(key["first_eight"])
    assert (key["scopes"], key["note"], key["latest_activity"]) == (["inherit"], "mine", None)
    info = (await client.get("/api/auth/apikey", headers=key_header(key))).json()
    assert {**info, "latest_activity": None} == {name: value for name, value in key.items() if name != "secret"}
    assert (await client.post("/api/queue/clear", headers=key_header(key))).status_code == 200


async def test_a_key_with_scopes_can_do_only_that(client):
    tokens = await log_in(client, "alice")
    key = await make_key(client, bearer(tokens), scopes=["read:status", "user:apikeys"])
    assert (await client.get("/api/status", headers=key_header(key))).status_code == 200
    assert (await client.get("/api/queue/get", headers=key_header(key))).status_code == 401
    shown = (await client.get("/api/auth/scopes", headers=key_header(key))).json()
    assert shown["scopes"] == ["read:status", "user:apikeys"]
    child = await make_key(client, key_header(key))
    assert child["scopes"] == ["read:status", "user:apikeys"]
    wider = await client.post(
        "/api/auth/apikey", json={"expires_in": 9, "scopes": ["read:queue"]}, headers=key_header(key)
    )
    assert detail(wider, 400) == (
        "Requested scopes ['read:queue'] must be a subset of the allowed principal's scopes "
        "['read:status', 'user:apikeys']."
    )


async def test_a_key_cannot_make_one_that_lives_longer(client):
    key = await make_key(client, bearer(await log_in(client, "alice")), expires_in=100)
    child = await make_key(client, key_header(key), expires_in=None)
    assert child["expiration_time"] is not None
    assert child["expiration_time"] <= key["expiration_time"]


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": "900"},
        {"expires_in": True},
        {"expires_in": 900, "scopes": "read:status"},
        {"expires_in": 900, "scopes": [1]},
        {"expires_in": 900, "scopes": ["write:manager:stop"]},
        {"expires_in": 900, "note": 5},
        {"expires_in": 900, "user": "bob"},
        {"expires_in": 1e300},
    ],
)
async def test_a_wish_for_a_key_is_checked(client, wish):
    headers = bearer(await log_in(client, "alice"))

    async def keys():
        # When they were used last is written in the background.
        known = (await client.get("/api/auth/whoami", headers=headers)).json()["api_keys"]
        return [{**key, "latest_activity": None} for key in known]

    before = await keys()
    assert isinstance(detail(await client.post("/api/auth/apikey", json=wish, headers=headers), 400), str)
    assert await keys() == before


async def test_an_administrator_makes_a_key_for_somebody_else(client):
    admin, other = await log_in(client, "bob"), await log_in(client, "cara")
    uuid = (await client.get("/api/auth/whoami", headers=bearer(other))).json()["uuid"]
    answer = await client.post(f"/api/auth/principal/{uuid}/apikey", json={"expires_in": 900}, headers=bearer(admin))
    shown = (await client.get("/api/auth/whoami", headers=key_header(answer.json()))).json()
    assert shown["identities"][0]["id"] == "cara"
    assert (await client.post("/api/queue/clear", headers=key_header(answer.json()))).status_code == 401


async def test_a_deleted_key_is_worth_nothing(client):
    headers = bearer(await log_in(client, "alice"))
    key = await make_key(client, headers)
    parameters = {"first_eight": key["first_eight"]}
    assert (await client.delete("/api/auth/apikey", params=parameters, headers=headers)).json() == DONE
    assert detail(await client.get("/api/status", headers=key_header(key)), 401) == "Invalid API key"
    again = await client.delete("/api/auth/apikey", params=parameters, headers=headers)
    assert detail(again, 404) == "The currently-authenticated user has no such API key."
    assert detail(await client.delete("/api/auth/apikey", headers=headers), 400)


async def test_the_route_about_the_key_needs_one(client):
    for headers in ({}, bearer(await log_in(client, "alice"))):
        answer = await client.get("/api/auth/apikey", headers=headers)
        assert detail(answer, 401) == "No API key was provided with this request."


async def test_an_expired_key_is_refused(client, store):
    tokens = await log_in(client, "alice")
    key = await make_key(client, bearer(tokens))
    store.run(
        lambda c: c.execute(API_KEYS.update().where(API_KEYS.c.first_eight == key["first_eight"]).values(expires=1.0))
    )
    assert detail(await client.get("/api/status", headers=key_header(key)), 401) == "Invalid API key"


async def test_the_hash_alone_is_in_the_database(client, place):
    key = await make_key(client, bearer(await log_in(client, "alice")))
    files = b"".join(path.read_bytes() for path in place[2].glob("accounts.sqlite*"))
    assert key["first_eight"].encode() in files
    assert key["secret"].encode() not in files
    assert bytes.fromhex(key["secret"]) not in files


async def test_a_bad_key_that_is_repeated_is_throttled(client):
    headers = {"Authorization": "ApiKey " + "ab" * 36}
    statuses = []
    # Patience grows with time, so it depends on the machine how many it takes.
    while 429 not in statuses and len(statuses) < 3000:
        statuses.append((await client.get("/api/status", headers=headers)).status_code)
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert (await client.get("/api/status", headers=bearer(await log_in(client, "bob")))).status_code == 200


async def test_too_many_wrong_lock_keys_are_throttled(client, manager):
    headers = bearer(await log_in(client, "bob"))
    manager.answers["unlock"] = {"success": False, "msg": "Invalid lock key: locked by somebody"}
    answers = [await client.post("/api/unlock", json={"lock_key": f"k{n}"}, headers=headers) for n in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert manager.asked.count("unlock") == 10
    # Without a key the same person goes on.
    assert (await client.post("/api/queue/clear", headers=headers)).status_code == 200


# --- cookies --------------------------------------------------------------------------------------------------------


async def test_a_login_sets_cookies_where_they_are_asked_for(client, manager):
    await log_in(client, "alice", cookie="true")
    key, csrf = client.cookies["bluesky_httpserver_api_key"], client.cookies["bluesky_httpserver_csrf"]
    assert (await client.get("/api/status")).status_code == 200
    assert detail(await client.post("/api/queue/clear"), 403)
    assert (await client.post("/api/queue/clear", headers={"x-csrf": csrf})).status_code == 200
    assert detail(await client.post("/api/auth/logout"), 403)
    assert (await client.post("/api/auth/logout", headers={"x-csrf": csrf})).json() == {}
    assert "bluesky_httpserver_api_key" not in client.cookies
    headers = {"Authorization": f"ApiKey {key}"}
    assert detail(await client.get("/api/status", headers=headers), 401) == "Invalid API key"


async def test_scripts_read_the_one_cookie_and_not_the_other(client):
    form = {"username": "alice", "password": "alice_password"}
    answer = await client.post("/api/auth/provider/toy/token?cookie=true", data=form)
    key, csrf = answer.headers.get_list("set-cookie")
    assert "HttpOnly" in key
    assert "SameSite=lax" in key
    assert csrf.startswith("bluesky_httpserver_csrf=")
    assert "HttpOnly" not in csrf
    assert "Secure" not in key + csrf


async def test_unknown_columns_cannot_be_written(store):
    """A principal must exist before it owns a key: the database repeats the rule."""
    from queue_server.protocol.errors import StorageError

    row = {"hash": "x", "first_eight": "x", "principal": "nobody", "created": 1.0, "scopes": []}
    with pytest.raises(StorageError):
        store.run(lambda connection: connection.execute(insert(API_KEYS).values(**row)))
