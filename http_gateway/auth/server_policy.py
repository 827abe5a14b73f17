"""A policy whose users are on a server of the facility; what is too old counts as no access."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import httpx

from http_gateway.auth.policies import BasicAPIAccessControl, UserEntry, Words

_log = logging.getLogger(__name__)

_RANDOMNESS = 0.2
_EXPIRATION = 1.5


class ServerBasedAPIAccessControl(BasicAPIAccessControl):
    """Reads ``GET {base}/instrument/{instrument}/qserver/access`` each ``update_period`` seconds, give or take a fifth.

    The answer is ``{role: {user: {email, first_name, last_name}}}``. Without one for ``expiration_period`` seconds
    nobody has access.
    """

    def __init__(
        self,
        *,
        instrument: str,
        roles: Mapping[str, Mapping[str, Words] | None] | None = None,
        base_url: str = "",
        server: str = "localhost",
        port: int = 8000,
        **periods: float | None,
    ) -> None:
        super().__init__(roles=roles)
        unknown = sorted(set(periods) - {"update_period", "expiration_period", "http_timeout"})
        if unknown:
            raise ValueError(f"there are no arguments {unknown}")
        given = {name: value for name, value in periods.items() if value is not None}
        if any(value <= 0 for value in given.values()):
            raise ValueError("periods are numbers of seconds greater than 0")
        base = (base_url or f"http://{server}:{port}").rstrip("/")
        self._url = f"{base}/instrument/{instrument.lower()}/qserver/access"
        self._period_s = given.get("update_period", 600.0)
        self._expiration_s = given.get("expiration_period", self._period_s * _EXPIRATION)
        self._timeout_s = given.get("http_timeout", 5.0)
        self._always = dict(self._users)
        self._valid_until_s = 0.0
        self.background_tasks: list[Callable[[], Awaitable[None]]] = [self.keep_updating]

    async def keep_updating(self) -> None:
        """Update, again and again, until cancelled."""
        while True:
            await self.update()
            await asyncio.sleep(self._period_s * random.uniform(1 - _RANDOMNESS, 1 + _RANDOMNESS))

    async def update(self) -> bool:
        """Ask the server once; return whether its answer could be used."""
        try:
            async with httpx.AsyncClient(timeout=self._timeout_s) as client:
                answer = await client.get(self._url)
            answer.raise_for_status()
            users = read_access(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            _log.error("The access server %s cannot be used: %s", self._url, type(error).__name__)
            return False
        self._users = {**users, **self._always}
        self._valid_until_s = time.monotonic() + self._expiration_s
        return True

    def _entry(self, username: str) -> UserEntry:
        if username not in self._always and not time.monotonic() < self._valid_until_s:
            return UserEntry(frozenset())
        return super()._entry(username)

    def is_user_known(self, username: str) -> bool:
        """Return whether the user may log in."""
        return bool(self._entry(username).roles)


def read_access(answer: object) -> dict[str, UserEntry]:
    """Return the users in an answer of the server.

    Raises:
        ValueError: it has another form.
    """
    if not isinstance(answer, dict):
        raise ValueError("no object")
    users: dict[str, UserEntry] = {}
    for role, members in cast("dict[str, Any]", answer).items():
        if not isinstance(members, dict):
            raise ValueError(f"role {role!r} has no users")
        for name, facts in cast("dict[str, Any]", members).items():
            users[name] = _add_role(users.get(name), role.lower(), facts)
    return users


def _add_role(entry: UserEntry | None, role: str, facts: object) -> UserEntry:
    known = cast("dict[str, Any]", facts) if isinstance(facts, dict) else {}
    names = [str(known.get(part) or "") for part in ("first_name", "last_name")]
    earlier = entry or UserEntry(frozenset())
    name, email = " ".join(filter(None, names)), str(known.get("email") or "")
    return UserEntry(earlier.roles | {role}, name or earlier.name, email or earlier.email)
