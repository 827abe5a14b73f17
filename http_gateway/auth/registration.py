"""Local accounts that people make for themselves. Decides neither whether they may, nor with which roles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from http_gateway.auth import local_accounts, people
from http_gateway.auth.providers import is_name
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import AccountStore
from http_gateway.auth.throttle import Failures, Limit
from http_gateway.errors import ThrottledError
from queue_server.clock import Clock
from queue_server.protocol.errors import NotFoundError, ParameterError

_OF_ADDRESS: Final = Limit(10, 60.0)
_LONGEST_PASSWORD: Final = 1024


class Registration:
    """Adds local accounts; for one event loop."""

    def __init__(self, store: AccountStore, standings: Standings, clock: Clock) -> None:
        self._store = store
        self._standings = standings
        self._clock = clock
        self._hashes = local_accounts.PasswordHashes()
        self._attempts = Failures(_OF_ADDRESS, clock)

    async def add(self, name: str, password: str, roles: Iterable[str], address: str) -> None:
        """Add an account; without roles it can do nothing until it is activated.

        Raises:
            ParameterError: the name or the password cannot be had.
            ThrottledError: too many accounts were asked for from this address.
        """
        self._check(name, password)
        wait_s = self._attempts.wait_s(address)
        if wait_s > 0:
            raise ThrottledError("Too many accounts were asked for from this address.", retry_after_s=wait_s)
        self._attempts.add(address)
        hashed, given, now = await asyncio.to_thread(self._hashes.make, password), _lower(roles), self._clock.wall()

        def write(connection: Connection) -> None:
            # Policies know people by their names, whichever provider vouches for them.
            if any(name == known.id for each in people.list_people(connection) for known in each.identities):
                raise _taken(name)
            person = people.add_person(connection, people.ProvenIdentity(name, local_accounts.PROVIDER), now)
            people.set_roles(connection, person.uuid, given)
            local_accounts.add_account(connection, name, hashed, now)

        await self._store.write(write)

    async def activate(self, name: str, roles: Iterable[str]) -> None:
        """Give an account that has no roles yet these ones.

        Raises:
            NotFoundError: there is no such account.
        """
        given = _lower(roles)

        def write(connection: Connection) -> None:
            person = people.find_by_name(connection, local_accounts.PROVIDER, name)
            if person is None:
                raise _missing(name)
            if not person.roles:
                people.set_roles(connection, person.uuid, given)

        await self._store.write(write)

    async def change_password(self, name: str, password: str) -> None:
        """Give a local account another password.

        Raises:
            ParameterError: the password cannot be had.
            NotFoundError: there is no such account.
        """
        _check_password(password)
        hashed = await asyncio.to_thread(self._hashes.make, password)
        if not await self._store.write(lambda connection: local_accounts.rewrite_hash(connection, name, hashed)):
            raise _missing(name)

    def _check(self, name: str, password: str) -> None:
        if not is_name(name):
            raise ParameterError(
                "A name has up to 128 visible characters in the composed form (NFC), none of them a quote, '<' or '>'.",
                field="username",
            )
        _check_password(password)
        if self._standings.find(name) is not None:
            raise _taken(name)


def _check_password(password: str) -> None:
    if not local_accounts.SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise ParameterError(
            f"A password has {local_accounts.SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters.", field="password"
        )


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"There is no local account {name[:128]!r}.")


def _taken(name: str) -> ParameterError:
    return ParameterError(f"There is an account {name!r} already; choose another name.", field="username")


def _lower(roles: Iterable[str]) -> frozenset[str]:
    return frozenset(role.lower() for role in roles)
