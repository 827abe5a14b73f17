"""One-time tickets for the stream, for clients that can send their credential nowhere but in an address.

A ticket is a file in a directory that all gateway processes of a data directory share; whoever removes it, has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import HTTPConnection

from http_gateway.errors import CredentialError, ThrottledError
from http_gateway.identity import Identity
from queue_server.clock import Clock

LIFE_S = 30.0
MOST_TICKETS = 1000
_TICKET_BYTES = 32


class Tickets:
    """Gives tickets to identities, and identities for tickets, each once."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    async def give(self, identity: Identity) -> str:
        """Return a ticket that is valid for 30 seconds and once.

        Raises:
            ThrottledError: too many tickets wait for their use.
        """
        return await asyncio.to_thread(self._write, identity)

    async def take(self, ticket: str) -> Identity:
        """Return for whom a ticket was made, and make it worthless.

        Raises:
            CredentialError: it is unknown, used or too old.
        """
        found = await asyncio.to_thread(self._remove, ticket)
        if found is None or not 0 <= self._clock.wall() - found["time"] <= LIFE_S:
            raise CredentialError("The ticket is unknown, was used already, or is too old; ask for another one.")
        return _read_identity(found["identity"])

    def _write(self, identity: Identity) -> str:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        now = self._clock.wall()
        if self._count_after_sweep(now) >= MOST_TICKETS:
            raise ThrottledError("Too many tickets wait for their use; repeat it later.", retry_after_s=LIFE_S)
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        # The ticket has an end of its own, and lives no longer than the key or session for which it was given.
        content = orjson.dumps({"time": now, "identity": identity.as_mapping()})
        path = self._path_of(ticket)
        temporary = path.with_name(f".{path.name}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
        os.utime(temporary, (now, now))
        temporary.rename(path)
        return ticket

    def _remove(self, ticket: str) -> dict[str, Any] | None:
        path = self._path_of(ticket)
        taken = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            # Of several that come with the same ticket, one can rename the file.
            path.rename(taken)
        except FileNotFoundError:
            return None
        try:
            return orjson.loads(taken.read_bytes())
        finally:
            taken.unlink()

    def _count_after_sweep(self, now: float) -> int:
        left = 0
        for entry in os.scandir(self._directory):
            with suppress(FileNotFoundError):
                if now - entry.stat().st_mtime > 2 * LIFE_S:
                    os.unlink(entry.path)
                else:
                    left += 1
        return left

    def _path_of(self, ticket: str) -> Path:
        # What is on the disk opens nothing.
        return self._directory / hashlib.sha256(ticket.encode(errors="replace")).hexdigest()


def tickets_of(connection: HTTPConnection) -> Tickets:
    """Return the tickets of the application."""
    tickets: Tickets = connection.app.state.tickets
    return tickets


def _read_identity(shown: dict[str, Any]) -> Identity:
    sets = {name: frozenset(shown[name]) for name in ("scopes", "roles")}
    kept: dict[str, Any] = {**shown, **sets}
    return Identity(**kept)
