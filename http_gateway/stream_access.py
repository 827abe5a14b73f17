"""For whom a stream is open, checked again and again; and what both of its forms share: patience and an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any

from starlette.requests import HTTPConnection

from http_gateway.authorize import address_of, find_credential
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential, Identity
from http_gateway.link import Caller
from http_gateway.routes import Services
from http_gateway.stream_session import ReaderCutError, StreamSession
from http_gateway.tickets import tickets_of
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

SEND_PATIENCE_S = 10.0
ACK_PATIENCE_S = 30.0
CHECK_EACH_S = 60.0
TICKET_STREAM_S = 3600.0


class Access:
    """For whom a stream is open, checked again and again, so that a revoked credential reads no further."""

    def __init__(self, connection: HTTPConnection, services: Services) -> None:
        self._connection = connection
        self._services = services
        self._credential = Credential()
        self._ends_s: float | None = None

    async def enter(self, caller: Caller) -> Identity:
        """Return who reads according to the address and headers: a ticket counts most.

        Raises:
            CredentialError: the ticket is worthless.
        """
        ticket = self._connection.query_params.get("ticket")
        if ticket is None:
            settings = self._services.settings
            self._credential = find_credential(self._connection, query_keys=settings.query_keys)
            return caller.identity
        identity = await tickets_of(self._connection).take(ticket)
        self._ends_s = self._services.clock.monotonic() + TICKET_STREAM_S
        return identity

    async def take_message(self, message: Mapping[str, Any]) -> Identity:
        """Return who reads according to a message with a credential, from now on.

        Raises:
            CredentialError: it has none, or one that is unknown, expired or revoked.
        """
        if message.get("type") != "auth":
            raise CredentialError("The first message must be {'type': 'auth', 'access_token' or 'api_key': ...}.")
        credential = _credential_in(message)
        identity = await self._identify(credential)
        self._credential, self._ends_s = credential, None
        return identity

    async def check(self) -> Identity | None:
        """Return who reads now; None if that cannot have changed.

        Raises:
            CredentialError: nobody may any more.
        """
        if self._ends_s is None:
            return await self._identify(self._credential)
        if self._services.clock.monotonic() >= self._ends_s:
            raise CredentialError("The time of the ticket is over; ask for another one.")
        return None

    async def _identify(self, credential: Credential) -> Identity:
        return await self._services.guard.identify(credential, address_of(self._connection))


def _credential_in(message: Mapping[str, Any]) -> Credential:
    key, token = message.get("api_key"), message.get("access_token")
    if isinstance(key, str) and token is None:
        return Credential("api_key", key, "message")
    if isinstance(token, str) and key is None:
        return Credential("token", token, "message")
    raise CredentialError("Give either 'access_token' or 'api_key', as text.")


async def check_again(access: Access, session: StreamSession) -> None:
    """Let the session go on only for who may read now; ends with CredentialError when nobody may."""
    while True:
        await asyncio.sleep(CHECK_EACH_S)
        try:
            identity = await access.check()
        except CredentialError:
            raise
        except CuelightError as error:
            _log.warning("Whether a stream may go on cannot be checked now: %s", error.message)
        else:
            if identity is not None:
                session.change_identity(identity)


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
