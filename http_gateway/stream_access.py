"""For whom a stream is open, as long as that may be; and what both of its forms share: patience and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from functools import partial
from typing import Any

from starlette.requests import HTTPConnection

from http_gateway.authorize import address_of
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential, Identity
from http_gateway.link import Caller
from http_gateway.routes import Services
from http_gateway.stream_session import ReaderCutError, StreamSession
from http_gateway.tickets import tickets_of
from http_gateway.vigil import Watch

# Less than what the connection itself has, so that the reason is counted.
SEND_PATIENCE_S = 8.0
ACK_PATIENCE_S = 30.0
TICKET_STREAM_S = 3600.0


class Access:
    """For whom a stream is open, watched, so that a revoked credential reads no further."""

    def __init__(self, connection: HTTPConnection, services: Services) -> None:
        self._connection = connection
        self._services = services
        self._watch: Watch | None = None
        self._ends_s: float | None = None

    async def enter(self, caller: Caller) -> Identity:
        """Return who reads according to the address and headers: a ticket counts most.

        Raises:
            CredentialError: the ticket is worthless.
            ThrottledError: too many wrong credentials came from there.
        """
        ticket = self._connection.query_params.get("ticket")
        if ticket is None:
            return caller.identity
        take = partial(tickets_of(self._connection).take, ticket)
        identity = await self._services.guard.try_secret(ticket, address_of(self._connection), take)
        self._ends_s = self._services.clock.monotonic() + TICKET_STREAM_S
        return identity

    async def take_message(self, message: Mapping[str, Any]) -> Identity:
        """Return who reads according to a message with a credential, from now on.

        Raises:
            CredentialError: it has none, or one that is unknown, expired or revoked.
        """
        if message.get("type") != "auth":
            raise CredentialError("The first message must be {'type': 'auth', 'access_token' or 'api_key': ...}.")
        identity = await self._services.guard.identify(_credential_in(message), address_of(self._connection))
        self._ends_s = None
        if self._watch is not None:
            self._watch.change(identity)
        return identity

    async def keep(self, session: StreamSession) -> None:
        """Let the session go on only for who may read now.

        Raises:
            CredentialError: nobody may any more.
        """
        with self._services.vigil.watch(session.identity) as self._watch:
            while True:
                try:
                    async with asyncio.timeout(self._left_s()):
                        identity = await self._watch.news()
                except TimeoutError:
                    if self._left_s() == 0:
                        raise CredentialError("The time of the ticket is over; ask for another one.") from None
                else:
                    session.change_identity(identity)

    def _left_s(self) -> float | None:
        return None if self._ends_s is None else max(0.0, self._ends_s - self._services.clock.monotonic())


def _credential_in(message: Mapping[str, Any]) -> Credential:
    key, token = message.get("api_key"), message.get("access_token")
    if isinstance(key, str) and token is None:
        return Credential("api_key", key, "message")
    if isinstance(token, str) and key is None:
        return Credential("token", token, "message")
    raise CredentialError("Give either 'access_token' or 'api_key', as text.")


async def within_patience(sending: Awaitable[None]) -> None:
    """Wait for a send, but not for ever.

    Raises:
        ReaderCutError: the connection takes nothing.
    """
    try:
        async with asyncio.timeout(SEND_PATIENCE_S):
            await sending
    except TimeoutError as error:
        raise ReaderCutError("stalled") from error


async def race(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until the first one ends; raise what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
