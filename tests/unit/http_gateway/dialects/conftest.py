"""Routes of a dialect's face in front of real accounts, so that its rules can be seen at work."""

from __future__ import annotations

import base64
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse

from http_gateway.auth import api_keys, people, sessions
from http_gateway.auth.accounts import MultiUser
from http_gateway.auth.policies import DefaultResourceAccessControl, DictionaryAPIAccessControl
from http_gateway.auth.settings import ApiAccessSettings, DatabaseSettings
from http_gateway.auth.single_user import SingleUser
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import open_store
from http_gateway.auth.tokens import Lifetimes, TokenMint
from http_gateway.auth.upkeep import Upkeep
from http_gateway.authorize import PUBLIC, Guard
from http_gateway.middleware import RequestFrame
from http_gateway.routes import Route, add_routes
from queue_server.clock import ManualClock

LONE_KEY = "abc123"
USERS = {"bob": {"roles": "user"}, "eve": {"roles": "user"}}


async def _tell(request, caller):
    return JSONResponse({"user": caller.identity.user, "scopes": sorted(caller.identity.scopes)})


async def _never(scope, receive, send, most_bytes):
    raise AssertionError


class Desk:
    """Makes the credentials of bob and eve, and asks routes that need ``read:queue``, ``read:config`` or nothing."""

    def __init__(self, store, clock, face):
        self._store, self._clock = store, clock
        self._mint = TokenMint(["a secret"], Lifetimes(100, 500, 1000), clock)
        foreign = ApiAccessSettings().foreign_roles
        standings = Standings(DictionaryAPIAccessControl(users=USERS), DefaultResourceAccessControl(), foreign)
        self._accounts = MultiUser(store, self._mint, standings, Upkeep(store, clock), clock)
        self._face = face

    def person(self, name):
        """The account of somebody who has logged in."""
        return self._store.run(lambda c: people.note_login(c, "toy", name, self._clock.wall()))

    def key(self, name, scopes=("inherit",)):
        """A new API key."""
        person = self.person(name)
        now = self._clock.wall()
        add = partial(api_keys.add_key, principal=person.uuid, scopes=scopes, now=now, life_s=None, note=None)
        return self._store.run(add)[1]

    def token(self, name):
        """A new access token."""
        person = self.person(name)
        session = self._store.run(lambda c: sessions.open_session(c, person.uuid, self._clock.wall(), 1000))
        return self._mint.make_pair(person, session, frozenset())["access_token"]

    def expired(self, name):
        """An access token whose time is over."""
        token = self.token(name)
        self._clock.advance(200)
        return token

    async def ask(self, headers=None, path="/queue", *, lone=False):
        """Ask one of the routes in multi-user mode, or in single-user mode."""
        app = FastAPI()
        accounts = SingleUser(LONE_KEY) if lone else self._accounts
        app.state.services = SimpleNamespace(guard=Guard(accounts))
        scopes = {"/queue": "read:queue", "/manager": "write:manager:stop", "/open": PUBLIC, "/estop": "estop"}
        part = self._face.parts[0]
        add_routes(
            app,
            self._face,
            [
                Route(verb="GET", path=f"{part}{path}", scope=scope, handler=_tell, summary="Who asks.")
                for path, scope in scopes.items()
            ],
        )
        frame = RequestFrame(app, most_body_bytes=1000, refuse=_never)
        transport = httpx.ASGITransport(frame)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get(f"{self._face.prefix}{part}{path}", headers=headers)


@pytest.fixture
def desk_of(tmp_path):
    """Open the accounts in front of a face."""
    store = open_store(DatabaseSettings(), tmp_path)
    yield lambda face: Desk(store, ManualClock(), face)
    store.close()


@pytest.fixture
def basic():
    """The header with a user name and a password."""
    return lambda user, password: f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
