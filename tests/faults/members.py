"""A gateway with accounts, in the event loop of a test: users with roles, their logins, keys and open sockets."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
import websockets

from http_gateway.auth.scopes import SCOPES
from tests.doubles import accounts
from tests.doubles.gateway import PATIENCE_S, running_gateway

SECRET = "marked-secret-0123456789abcdefghijklmnop"
PASSWORDS = {name: f"{name}_password" for name in ("anna", "bob", "cara")}
EVERYTHING = {"everything": {"scopes_set": sorted(SCOPES)}}
AUTHENTICATION: dict[str, Any] = {
    "providers": [
        {
            "provider": "toy",
            "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
            "args": {"users_to_passwords": PASSWORDS},
        }
    ],
    "secret_keys": [SECRET],
}
SETTINGS: dict[str, Any] = {
    "authentication": AUTHENTICATION,
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {
            "roles": EVERYTHING,
            "users": {"anna": {"roles": "everything"}, "bob": {"roles": "everything"}, "cara": {"roles": "observer"}},
        },
    },
}


@asynccontextmanager
async def gateway_with_accounts(manager, directory, **settings):
    """Serve a gateway with accounts in front of ``manager``; give a client without a credential."""
    if not (directory / "api-key").exists():
        (directory / "api-key").write_text("unused\n")
    async with running_gateway(manager, directory, **{"timeout_s": 1.0, **SETTINGS, **settings}) as client:
        client.headers.pop("Authorization")
        yield client


async def log_in(client, name, password=None):
    """Return the tokens of a user."""
    return await accounts.log_in(client, name, password or PASSWORDS[name])


def claims_of(token):
    """What a token says."""
    return jwt.decode(token, options={"verify_signature": False})


def sign(claims, secret=SECRET, algorithm="HS256", **headers):
    """A token signed as the gateway does it."""
    return jwt.encode(claims, hashlib.sha256(secret.encode()).digest(), algorithm=algorithm, headers=headers or None)


def address_of(client, path):
    """The address of a WebSocket."""
    return str(client.base_url.join(path)).replace("http", "ws", 1)


@asynccontextmanager
async def open_socket(client, path, headers):
    """Open a WebSocket and leave it open."""
    async with websockets.connect(address_of(client, path), additional_headers=headers, proxy=None) as socket:
        yield socket


async def handshake(client, path, headers, **options):
    """Return the status of a handshake: 101 where the socket is opened."""
    try:
        async with websockets.connect(
            address_of(client, path), additional_headers=headers, proxy=None, **options
        ) as socket:
            del socket
            return 101
    except websockets.InvalidStatus as refusal:
        return refusal.response.status_code


async def read_to_end(socket):
    """Read until the socket is closed; return the moment and the code of the end."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(websockets.ConnectionClosed):
            while True:
                await socket.recv()
    return asyncio.get_running_loop().time(), socket.close_code
