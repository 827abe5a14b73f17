"""What the settings make of the accounts: one user or many, what stops the start, and that no secret is shown."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AsyncExitStack

import pytest

from http_gateway.app import create_app
from http_gateway.auth.accounts import MultiUser
from http_gateway.auth.membership import Founder
from http_gateway.auth.single_user import SingleUser
from http_gateway.config import GatewaySettings
from http_gateway.identity import Credential
from queue_server.protocol.errors import ParameterError, StorageError
from tests.doubles.gateway import running_gateway

DICTIONARY = "bluesky_httpserver.authenticators:DictionaryAuthenticator"
DUMMY = "bluesky_httpserver.authenticators:DummyAuthenticator"


def provider(authenticator, name="toy", **args):
    return {"provider": name, "authenticator": authenticator, "args": args}


def found(clock, directory, **values):
    settings = GatewaySettings(data=directory, **values)
    return Founder(settings, settings, clock)


async def test_without_a_provider_there_is_one_user(clock, tmp_path):
    async with AsyncExitStack() as stack:
        founder = found(clock, tmp_path, authentication={"single_user_api_key": "abc123"})
        membership = await founder.open(stack)
        assert isinstance(membership.accounts, SingleUser)
        identity = await membership.accounts.identify(Credential("api_key", "abc123", "header"))
        assert identity.user == "UNAUTHENTICATED_SINGLE_USER"
    assert list(tmp_path.iterdir()) == []


async def test_with_a_provider_the_key_of_the_single_user_is_worth_nothing(clock, tmp_path):
    values = {"providers": [provider(DICTIONARY, users_to_passwords={})], "single_user_api_key": "abc123"}
    async with AsyncExitStack() as stack:
        membership = await found(clock, tmp_path, authentication=values).open(stack)
        assert isinstance(membership.accounts, MultiUser)
        await membership.accounts.check()
        with pytest.raises(Exception, match=r"^Invalid API key$"):
            await membership.accounts.identify(Credential("api_key", "abc123", "header"))
        assert (await membership.accounts.identify(Credential())).scopes == frozenset()


async def test_anonymous_callers_are_admitted_only_where_it_is_set(clock, tmp_path):
    values = {"providers": [provider(DICTIONARY, users_to_passwords={})], "allow_anonymous_access": True}
    async with AsyncExitStack() as stack:
        membership = await found(clock, tmp_path, authentication=values).open(stack)
        assert (await membership.accounts.identify(Credential())).scopes == {"read:status"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"providers": [provider(DUMMY)]}, "allow_dummy"),
        ({"providers": [provider("no_module:Class")]}, "cannot be imported"),
        ({"providers": [provider("json:JSONDecoder")]}, "must have a 'mode'"),
        ({"providers": [provider(DICTIONARY, users={"bob": "marked"})]}, "does not accept"),
        ({"single_user_api_key": "mark ed"}, "letters and digits"),
    ],
)
def test_a_mistake_stops_the_start_and_no_secret_is_shown(clock, tmp_path, values, words):
    with pytest.raises(ParameterError, match=words) as refused:
        found(clock, tmp_path, authentication=values)
    assert "marked" not in str(refused.value)


def test_a_policy_that_does_not_exist_stops_the_start(clock, tmp_path):
    with pytest.raises(ParameterError, match="api_access"):
        try:
            found(clock, tmp_path, api_access={"policy": "bluesky_httpserver.authorization:Missing"})
        except ParameterError as error:
            raise ParameterError(f"{error.details or error} api_access") from error


async def test_everybody_is_let_in_where_a_test_wants_it(clock, tmp_path):
    assert found(clock, tmp_path, authentication={"providers": [provider(DUMMY)], "allow_dummy": True}).providers


async def test_a_database_that_cannot_be_used_stops_the_start_with_its_reason(manager, tmp_path):
    (tmp_path / "accounts.sqlite").write_text("nothing of the kind, but long enough to be looked at " * 9)
    (tmp_path / "accounts.sqlite").chmod(0o600)
    settings = {"authentication": {"providers": [provider(DICTIONARY, users_to_passwords={})]}}
    with pytest.raises(StorageError, match="The account database cannot be used"):
        async with running_gateway(manager, tmp_path, **settings):
            pass


SITE = """
import asyncio
from fastapi import APIRouter

router = APIRouter()
started = []

@router.get("/extra")
async def extra():
    return {"extra": True}

class Login:
    mode = "external"
    include_routers = [router]

    def __init__(self):
        self.background_tasks = [self.work]

    async def work(self):
        started.append(self)
        await asyncio.Event().wait()

    async def authenticate(self, request):
        return request.query_params.get("code")
"""


async def test_the_class_of_a_site_has_its_routers_and_tasks(manager, tmp_path, monkeypatch):
    (tmp_path / "site_membership.py").write_text(SITE)
    (tmp_path / "api-key").write_text("unused")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = {
        "authentication": {"providers": [provider("site_membership:Login", "site")]},
        "api_access": {
            "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
            "args": {"users": {"bob": {"roles": "user"}}},
        },
    }
    async with running_gateway(manager, tmp_path, **settings) as client:
        client.headers.pop("Authorization")
        assert (await client.get("/api/auth/provider/site/extra")).json() == {"extra": True}
        assert len(sys.modules["site_membership"].started) == 1
        token = (await client.get("/api/auth/provider/site/code", params={"code": "bob"})).json()
        assert isinstance(token, str)
        tokens = (await client.post("/api/auth/session/refresh", json={"refresh_token": token})).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.get("/api/queue/get", headers=headers)).status_code == 200
        refused = await client.get("/api/auth/provider/site/code")
        assert (refused.status_code, refused.json()) == (401, {"detail": "Authentication failure"})
        assert (await client.get("/api/auth/provider/site/login")).status_code == 404
    sys.modules.pop("site_membership")


SECRETS = ("marked-password", "marked-signing-secret-0123456789ab", "marked-wrong", "marked-lock")


async def test_marked_secrets_appear_in_no_log_no_answer_and_no_schema(manager, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "api-key").write_text("unused")
    settings = {
        "authentication": {
            "providers": [provider(DICTIONARY, users_to_passwords={"bob": SECRETS[0]})],
            "secret_keys": [SECRETS[1]],
        },
        "api_access": {
            "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
            "args": {"users": {"bob": {"roles": "expert"}}},
        },
    }
    read = GatewaySettings.model_validate({"data": tmp_path, **settings})
    answers = []
    async with running_gateway(manager, tmp_path, **settings) as client:
        client.headers.pop("Authorization")
        login = "/api/auth/provider/toy/token"
        tokens = (await client.post(login, data={"username": "bob", "password": SECRETS[0]})).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        key = (await client.post("/api/auth/apikey", json={"expires_in": 60}, headers=headers)).json()["secret"]
        for request in [
            client.post(login, data={"username": "bob", "password": SECRETS[2]}),
            client.post(login, json={"username": "bob", "password": SECRETS[2]}),
            client.post(login, data={"username": SECRETS[2], "password": "x"}),
            client.get("/api/status", headers={"Authorization": f"ApiKey {SECRETS[2]}"}),
            client.get("/api/status", headers={"Authorization": f"Bearer {SECRETS[2]}"}),
            client.get("/api/status", headers={"Authorization": SECRETS[2]}),
            client.get("/api/queue/get", headers={"Authorization": f"ApiKey {key}"}),
            client.post("/api/auth/session/refresh", json={"refresh_token": SECRETS[2]}),
            client.post("/api/unlock", json={"lock_key": SECRETS[3]}, headers=headers),
            client.get("/api/auth/whoami", headers=headers),
        ]:
            answers.append(await request)
        app = create_app(read)
    shown = caplog.text + repr(read) + "".join(answer.text for answer in answers) + str(app.openapi())
    for secret in (*SECRETS, key, tokens["access_token"], tokens["refresh_token"]):
        assert secret not in shown


async def test_in_single_user_mode_every_route_has_a_sensible_answer(client):
    one = (await client.get("/api/auth/whoami")).json()
    assert one == (await client.get("/api/auth/whoami")).json()
    assert one["type"] == "user"
    assert one["uuid"]
    shown = (await client.get("/api/auth/scopes")).json()
    assert shown["roles"] == ["unauthenticated_single_user"]
    assert len(shown["scopes"]) == 22
    refused = await client.post("/api/auth/apikey", json={"expires_in": 900})
    assert refused.status_code == 400
    assert "one user" in refused.json()["detail"]
    statuses = [
        (await client.request(verb, f"/api/auth/{path}", **options)).status_code
        for verb, path, options in [
            ("GET", "apikey", {}),
            ("DELETE", "apikey?first_eight=abcdefgh", {}),
            ("GET", "principal", {}),
            ("DELETE", "session/revoke/x", {}),
            ("POST", "session/refresh", {"json": {"refresh_token": "x"}}),
            ("POST", "provider/toy/token", {"data": {"username": "a", "password": "b"}}),
            ("GET", "provider/toy/code", {}),
            ("GET", "provider/toy/login", {}),
            ("POST", "logout", {}),
        ]
    ]
    assert statuses == [400, 404, 401, 404, 401, 404, 404, 404, 200]
    client.headers.pop("Authorization")
    assert (await client.get("/api/auth/apikey")).json()["detail"] == "No API key was provided with this request."
    assert (await client.get("/api/auth/whoami")).status_code == 401


async def test_a_background_task_that_fails_is_logged(clock, tmp_path, monkeypatch, caplog):
    text = SITE.replace("await asyncio.Event().wait()", "raise ValueError('broken')").replace("extra", "more")
    (tmp_path / "site_failing.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    async with AsyncExitStack() as stack:
        await found(clock, tmp_path, authentication={"providers": [provider("site_failing:Login", "site")]}).open(stack)
        await asyncio.wait({asyncio.create_task(asyncio.to_thread(int))})
    assert "background task" in caplog.text
    sys.modules.pop("site_failing")
