"""Every route and every socket against every kind of credential: nothing opens that its scope does not open."""

from __future__ import annotations

import hashlib
import time
import uuid

import jwt
import pytest
import pytest_asyncio
import websockets

from http_gateway.app import create_app
from http_gateway.auth.scopes import ALL_SCOPES, EVERYBODYS_SCOPES
from http_gateway.authorize import ANYBODY_KNOWN, PUBLIC, UNREAD
from http_gateway.config import GatewaySettings
from http_gateway.routes import declared_in
from tests.doubles.gateway import gateway_with_logins

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.fault("H6")]

SECRET = "marked-secret-0123456789abcdefghijklmnop"
ALL_ROLES = {"everything": {"scopes_set": sorted(ALL_SCOPES)}}
SETTINGS = {
    "test_routes": True,
    "finch_paths": True,
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {"bob": "bob_password"}},
            }
        ],
        "secret_keys": [SECRET],
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"roles": ALL_ROLES, "users": {"bob": {"roles": "everything"}}},
    },
}
# What a request might say to be taken for another one.
TRICKS = {
    "plain": "",
    "overridden": "?scope=read:status&scopes=inherit&user=bob&user_group=root&role=admin",
    "doubled": "?api_key=a&api_key=b&access_token=a&access_token=b",
    "emptied": "?api_key=&access_token=&scope=&scopes=",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A multi-user gateway: its manager, and a client without credential."""
    async with gateway_with_logins(tmp_path_factory.mktemp("gateway"), **SETTINGS) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tokens(place):
    """The tokens of bob, who may do everything."""
    answer = await place[1].post("/api/auth/provider/toy/token", data={"username": "bob", "password": "bob_password"})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def keys(place, tokens):
    """A key of bob for every scope alone, and one that was deleted."""
    _, client = place
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    made = {}
    for scope in [*sorted(ALL_SCOPES), "deleted"]:
        wish = {"expires_in": 900, "scopes": ["read:status" if scope == "deleted" else scope]}
        answer = await client.post("/api/auth/apikey", json=wish, headers=headers)
        assert answer.status_code == 200, answer.text
        made[scope] = answer.json()["secret"]
    first_eight = made["deleted"][:8]
    assert (await client.delete(f"/api/auth/apikey?first_eight={first_eight}", headers=headers)).status_code == 200
    return made


@pytest.fixture
def manager(place):
    """The manager behind the gateway, which has been asked nothing yet."""
    place[0].forget()
    return place[0]


@pytest.fixture
def client(place):
    """A client without credential."""
    return place[1]


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    """The scope of everything that is served."""
    return declared_in(create_app(GatewaySettings(data=tmp_path_factory.mktemp("data"), **SETTINGS)))


def guarded(declared, verb_is_socket=False):
    """Return what is not open to all: verb, path with its parameters filled in, scope."""
    open_to_all = (PUBLIC, UNREAD)
    return [
        (verb, path.replace("{", "").replace("}", ""), scope)
        for (verb, path), scope in declared.items()
        if scope not in open_to_all and (verb == "WEBSOCKET") == verb_is_socket
    ]


def signed_anew(token, secret, **changes):
    """A token with other claims, signed with a secret as the gateway does it."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, hashlib.sha256(secret.encode()).digest(), algorithm="HS256")


def credential_of(kind, tokens, keys):
    """A credential that does not count: "expired", "forged", "deleted" or "unknown"."""
    access = tokens["access_token"]
    return {
        "expired": f"Bearer {signed_anew(access, SECRET, exp=int(time.time()) - 10)}",
        "forged": f"Bearer {signed_anew(access, 'another-secret-0123456789abcdefghijklmnop')}",
        "deleted": f"ApiKey {keys['deleted']}",
        "unknown": f"ApiKey {uuid.uuid4().hex}",
    }[kind]


async def ask(client, verb, path, credential=None, **options):
    """Send a request; return its status."""
    headers = {"Authorization": credential} if credential else {}
    if credential and path.startswith("/flowserv/"):
        # Its clients have a header of their own, whatever the credential is.
        headers = {"api_key": credential.partition(" ")[2]}
    return (await client.request(verb, path, headers=headers, **options)).status_code


async def open_socket(client, path, credential=None):
    """Open a socket; return the status of the handshake, 101 where it is accepted."""
    address = f"ws://{client.base_url.host}:{client.base_url.port}{path}"
    headers = {"Authorization": credential} if credential else {}
    try:
        async with websockets.connect(address, additional_headers=headers):
            return 101
    except websockets.InvalidStatus as error:
        return error.response.status_code


# --- declarations ---------------------------------------------------------------------------------------------------


async def test_nothing_is_served_that_declares_no_scope(tmp_path):
    app = create_app(GatewaySettings(data=tmp_path, **SETTINGS))
    paths = {path for _, path in declared_in(app)}
    assert {getattr(route, "path", None) for route in app.routes} == paths


async def test_every_scope_is_one_that_somebody_can_have(declared):
    assert set(declared.values()) - {PUBLIC, UNREAD, ANYBODY_KNOWN} <= ALL_SCOPES


async def test_what_is_open_to_all_is_short_and_known(declared):
    found = {f"{verb} {path}" for (verb, path), scope in declared.items() if scope in (PUBLIC, UNREAD)}
    assert {path.split("/")[2] for path in found if path.partition(" ")[2].startswith("/api/")} <= {"auth", "v1", ""}
    assert {path for path in found if " /api/v1/" in path} <= {
        "GET /api/v1/device/health/readiness",
        "GET /api/v1/device/openapi.json",
        "GET /api/v1/exam/health/readiness",
        "GET /api/v1/exam/openapi.json",
        "POST /api/v1/userlogin/login",
        # Devices have credentials of their own.
        "WEBSOCKET /api/v1/device/ws",
    }
    assert {path for path in found if " /v1/" in path} <= {
        "GET /v1/health/live",
        "GET /v1/health/ready",
        "GET /v1/stream",
        "WEBSOCKET /v1/stream",
    }
    assert {path.replace("/flowserv/api/v1", "") for path in found if "/flowserv/" in path} <= {
        "GET ",
        "GET /",
        "GET /workflows",
        "GET /workflows/{workflowId}",
        "GET /workflows/{workflowId}/leaderboard",
        "GET /workflows/{workflowId}/downloads/archive",
        "GET /workflows/{workflowId}/downloads/files/{fileId}",
        "GET /runs/{runId}/downloads/archive",
        "GET /runs/{runId}/downloads/files/{fileId}",
        "GET /uploads/{userGroupId}/files/{fileId}",
        "POST /users/login",
        "POST /users/register",
        "POST /users/password/reset",
    }


# --- the matrix -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", TRICKS)
async def test_without_a_credential_no_route_opens(client, manager, declared, trick):
    for verb, path, _ in guarded(declared):
        assert await ask(client, verb, f"{path}{TRICKS[trick]}", json={}) in (400, 401, 403), f"{verb} {path}"
    assert manager.asked == []


@pytest.mark.parametrize("kind", ["expired", "forged", "deleted", "unknown"])
async def test_a_credential_that_does_not_count_opens_no_route(client, manager, declared, tokens, keys, kind):
    credential = credential_of(kind, tokens, keys)
    for verb, path, _ in guarded(declared):
        # This face tells nobody apart whom it does not let in.
        refusal = 403 if path.startswith("/flowserv/") else 401
        assert await ask(client, verb, path, credential, json={}) in (refusal, 429), f"{verb} {path}"
    assert manager.asked == []


@pytest.mark.parametrize("trick", TRICKS)
async def test_the_key_for_another_scope_opens_no_route(client, manager, declared, keys, trick):
    for verb, path, scope in guarded(declared):
        other = "read:lock" if scope != "read:lock" else "read:config"
        if scope in (ANYBODY_KNOWN, *EVERYBODYS_SCOPES):
            continue
        scheme = "Bearer" if path.startswith(("/api/v1/", "/ica/")) else "ApiKey"
        status = await ask(client, verb, f"{path}{TRICKS[trick]}", f"{scheme} {keys[other]}", json={})
        assert status in (400, 401, 403), f"{verb} {path}"
    assert manager.asked == []


async def test_the_key_for_its_scope_opens_every_route(client, manager, declared, keys):
    for verb, path, scope in guarded(declared):
        if "stream" in path or scope == ANYBODY_KNOWN:
            continue
        # The clients of some faces know one scheme only.
        scheme = "Bearer" if path.startswith(("/api/v1/", "/ica/")) else "ApiKey"
        status = await ask(client, verb, path, f"{scheme} {keys[scope]}", json={})
        assert status not in (401, 403), f"{verb} {path}"


async def test_what_everybody_may_opens_with_a_key_for_anything(client, manager, declared, keys):
    opened = [(verb, path) for verb, path, scope in guarded(declared) if scope in EVERYBODYS_SCOPES]
    for verb, path in opened:
        assert await ask(client, verb, path, f"ApiKey {keys['read:lock']}", json={}) not in (401, 403), f"{verb} {path}"
    assert ("POST", "/v1/estop") in opened


@pytest.mark.parametrize("kind", ["none", "expired", "forged", "deleted", "wrong scope"])
async def test_without_the_right_credential_no_socket_opens(client, declared, tokens, keys, kind):
    for _, path, _ in guarded(declared, verb_is_socket=True):
        credential = None if kind == "none" else f"ApiKey {keys['read:lock']}"
        if kind not in ("none", "wrong scope"):
            credential = credential_of(kind, tokens, keys)
        assert await open_socket(client, path, credential) == 403, path


async def test_the_key_for_its_scope_opens_every_socket(client, declared, keys):
    for _, path, scope in guarded(declared, verb_is_socket=True):
        assert await open_socket(client, path, f"ApiKey {keys[scope]}") == 101, path
