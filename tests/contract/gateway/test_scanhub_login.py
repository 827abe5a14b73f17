"""Logins of the scanhub dialect in front of real accounts: tokens, their ends, roles, and what each role opens."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.doubles.exam_gateway import Records, exam_gateway, exam_of
from tests.doubles.exam_records import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = identity("gone")
ROLES = {"ann": "scanhub:admin", "mia": "scanhub:medical", "sam": "scanhub:scientist", "eno": "scanhub:engineer"}
SETTINGS = {
    "timeout_s": 20,
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {name: f"{name}_password" for name in (*ROLES, "obs", "bad")}},
            }
        ]
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {
            "users": {
                **{name: {"roles": role} for name, role in ROLES.items()},
                "obs": {"roles": "observer"},
                "bad": {"roles": "observer"},
            }
        },
    },
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory):
    """A client without credential of a gateway with accounts."""
    async with exam_gateway(tmp_path_factory.mktemp("gateway"), **SETTINGS) as (_, client):
        yield client


async def log_in(client, name, password=None, status=200):
    """Log in; return what is answered."""
    form = {"username": name, "password": password or f"{name}_password", "grant_type": "password"}
    answer = await client.post("/api/v1/userlogin/login", data=form)
    assert answer.status_code == status, answer.text
    return answer.json()


def bearing(answer):
    """Return the header with the token of a login."""
    return {"headers": {"Authorization": f"Bearer {answer['access_token']}"}}


async def ask_self(client, answer):
    """Ask who the owner of a token is; return the status and the answer."""
    told = await client.get("/api/v1/userlogin/getcurrentuser", **bearing(answer))
    return told.status_code, told.json()


async def test_a_login_tells_who_it_is_and_gives_a_token(client):
    answer = await log_in(client, "mia")
    told = {"username": "mia", "first_name": "", "last_name": "", "email": None, "role": "medical"}
    assert {name: value for name, value in answer.items() if name != "access_token"} == {**told, "token_type": "bearer"}
    assert await ask_self(client, answer) == (200, told)


@pytest.mark.parametrize("name", ROLES)
async def test_everybody_has_the_role_that_was_given(client, name):
    assert (await log_in(client, name))["role"] == ROLES[name].partition(":")[2]


async def test_a_logout_ends_this_login_and_no_other(client):
    one, other = await log_in(client, "mia"), await log_in(client, "mia")
    assert one["access_token"] != other["access_token"]
    assert (await client.post("/api/v1/userlogin/logout", **bearing(one))).status_code == 200
    assert (await ask_self(client, one))[0] == 401
    assert (await ask_self(client, other))[0] == 200
    assert (await client.post("/api/v1/userlogin/logout", **bearing(one))).status_code == 401


async def test_a_logout_leaves_a_key_that_was_made_for_good(client):
    headers = bearing(await log_in(client, "sam"))
    made = await client.post("/api/auth/apikey", json={"expires_in": 900}, headers={
        "Authorization": headers["headers"]["Authorization"].replace("Bearer", "ApiKey")
    })  # fmt: skip
    key = {"access_token": made.json()["secret"]}
    assert (await client.post("/api/v1/userlogin/logout", **bearing(key))).status_code == 200
    assert (await ask_self(client, key))[0] == 200


async def test_a_logout_ends_the_session_of_an_access_token(client):
    form = {"username": "sam", "password": "sam_password"}
    token = (await client.post("/api/auth/provider/toy/token", data=form)).json()
    assert (await client.post("/api/v1/userlogin/logout", **bearing(token))).status_code == 200
    assert (await ask_self(client, token))[0] == 401


async def test_a_login_leaves_no_session_behind(client):
    answer = await log_in(client, "eno")
    headers = {"Authorization": f"ApiKey {answer['access_token']}"}
    account = (await client.get("/api/auth/whoami", headers=headers)).json()
    assert account["identities"][0]["id"] == "eno"
    assert [session["revoked"] for session in account["sessions"]] == [True] * len(account["sessions"])


async def test_a_wrong_password_is_a_401_and_too_many_of_them_a_429(client):
    assert list(await log_in(client, "nobody", status=401)) == ["detail"]
    statuses = []
    for _ in range(30):
        form = {"username": "bad", "password": "wrong"}
        statuses.append((await client.post("/api/v1/userlogin/login", data=form)).status_code)
    assert (statuses[0], statuses[-1]) == (401, 429)


@pytest.mark.parametrize("form", [{}, {"username": "mia"}, {"password": "x"}, {"username": "", "password": "x"}])
async def test_a_login_that_lacks_something_is_refused(client, form):
    answer = await client.post("/api/v1/userlogin/login", data=form)
    assert (answer.status_code, list(answer.json())) == (401 if len(form) > 1 else 422, ["detail"])
    assert (await client.post("/api/v1/userlogin/login", json={"username": "mia"})).status_code == 422


async def test_without_a_token_everything_is_a_401_and_without_the_permission_a_403(client):
    for path in ("/templates/all", f"/{GONE}", f"/task/{GONE}", "/sequences/all", "/task/x"):
        for credential in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "ApiKey wrong"}):
            answer = await client.get(f"/api/v1/exam{path}", headers=credential)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    observer = bearing(await log_in(client, "obs"))
    records = Records(client)
    await records.ask("GET", f"/{GONE}", 404, **observer)
    for verb, path in (("POST", "/new"), ("PUT", f"/{GONE}"), ("DELETE", f"/task/{GONE}"), ("POST", "/sequence")):
        await records.ask(verb, path, 403, **observer)
    medical = bearing(await log_in(client, "mia"))
    made = await records.ask("POST", "/new", 201, json=exam_of(), **medical)
    assert made["creator"] == "mia"


async def test_the_one_user_logs_in_with_the_key(tmp_path):
    async with exam_gateway(tmp_path, timeout_s=20) as (_, client):
        key = client.headers.pop("Authorization").removeprefix("Bearer ")
        answer = await log_in(client, "anybody", key)
        assert (answer["access_token"], answer["role"]) == (key, "admin")
        left = await client.post("/api/v1/userlogin/logout", headers=bearing(answer)["headers"])
        assert left.status_code == 200
        assert (await ask_self(client, answer))[0] == 200
        await log_in(client, "anybody", "wrong", status=401)
