"""Notices over HTTP: the stream of a gateway, opened again when it breaks. Only here websockets is loaded."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from contextlib import ExitStack
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection as BlockingConnection
from websockets.sync.client import connect as connect_blocking

from queue_server.client import asynchronous, blocking
from queue_server.client.exchange import Deadline
from queue_server.client.gateway import Gateway
from queue_server.client.http import AsynchronousLink, BlockingLink
from queue_server.client.http_errors import HTTPAccessError, HTTPConnectError, HTTPRequestError
from queue_server.client.http_steps import Renewal
from queue_server.client.notices import Notice
from queue_server.client.stream import Stream, refusal_of
from queue_server.protocol.errors import CommunicationError

_OPEN_S = 5.0
_CLOSE_S = 1.0
_MOST_BYTES = 64 * 1024**2
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_UNKNOWN = 4401
"""With this number the gateway closes a stream whose credential is no longer good."""


class _Pauses:
    """How long to wait before the next attempt to connect: ever longer, and never in step with others."""

    def __init__(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def take_s(self) -> float:
        """Return the next pause."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, _LONGEST_PAUSE_S)
        return pause_s * random.uniform(0.5, 1.0)


def _options(gateway: Gateway) -> dict[str, Any]:
    options: dict[str, Any] = {
        "additional_headers": gateway.wallet.headers(),
        "open_timeout": _OPEN_S,
        "close_timeout": _CLOSE_S,
        "max_size": _MOST_BYTES,
        "compression": None,
    }
    if gateway.is_local:
        options["proxy"] = None
    trusted: ssl.SSLContext | None = gateway.trust()
    return options if trusted is None else {**options, "ssl": trusted}


def _failure(gateway: Gateway, error: Exception) -> CommunicationError:
    if isinstance(error, InvalidStatus):
        response = error.response
        return refusal_of(response.status_code, response.reason_phrase, response.headers.get("x-request-id", ""))
    return HTTPConnectError(
        f"No stream opens at {gateway.stream_address} ({error or type(error).__name__}).",
        details={"address": gateway.address},
    )


class BlockingNotices(blocking.Notices):
    """A subscription to the stream of a gateway. For one thread only."""

    def __init__(self, link: BlockingLink, prefixes: tuple[bytes, ...]) -> None:
        self._link = link
        self._stream = Stream(prefixes)
        self._stack = ExitStack()
        self._connection: BlockingConnection | None = self._open()
        self._is_closed = False

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._is_closed

    def receive(self, timeout_s: float | None = None) -> Notice | None:
        """Return the next notice, or None if none comes within ``timeout_s`` seconds; None waits for ever.

        Raises:
            HTTPAccessError: the credential is no longer good.
        """
        deadline = None if timeout_s is None else Deadline(timeout_s)
        pauses = _Pauses()
        while not self._is_closed:
            notice = self._stream.next()
            if notice is not None:
                return notice
            try:
                self._go_on(None if deadline is None else deadline.left_s(), pauses)
            except TimeoutError:
                return self._stream.next()
        return None

    def close(self) -> None:
        """End the subscription."""
        self._is_closed = True
        self._stack.close()

    def _go_on(self, left_s: float | None, pauses: _Pauses) -> None:
        try:
            if self._connection is None:
                self._connection = self._open()
            else:
                self._take(self._connection, left_s)
        except ConnectionClosed:
            self._connection = None
            self._stack.close()
        except HTTPAccessError:
            raise
        except CommunicationError as error:
            if left_s == 0:
                raise TimeoutError from error
            pause_s = pauses.take_s()
            time.sleep(pause_s if left_s is None else min(pause_s, left_s))

    def _open(self) -> BlockingConnection:
        try:
            return self._connect()
        except HTTPAccessError:
            wallet = self._link.gateway.wallet
            if wallet.refresh_token is None:
                raise
            self._link.renew(Renewal(wallet.access_token))
            return self._connect()

    def _connect(self) -> BlockingConnection:
        gateway = self._link.gateway
        try:
            opening = cast("BlockingConnection", connect_blocking(gateway.stream_address, **_options(gateway)))
            connection = self._stack.enter_context(opening)
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            raise _failure(gateway, error) from error
        try:
            for message in self._stream.begin():
                connection.send(message)
            deadline = Deadline(_OPEN_S)
            while not self._stream.has_begun:
                self._take(connection, deadline.left_s())
        except (TimeoutError, ConnectionClosed) as error:
            self._stack.close()
            raise _broken(gateway, error) from error
        except CommunicationError:
            self._stack.close()
            raise
        return connection

    def _take(self, connection: BlockingConnection, timeout_s: float | None) -> None:
        for message in self._stream.take(connection.recv(timeout_s)):
            connection.send(message)


class AsynchronousNotices(asynchronous.Notices):
    """A subscription to the stream of a gateway. For one task only."""

    def __init__(self, link: AsynchronousLink, prefixes: tuple[bytes, ...]) -> None:
        self._link = link
        self._stream = Stream(prefixes)
        self._connection: ClientConnection | None = None
        self._is_closed = False

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._is_closed

    async def open(self) -> None:
        """Open the stream.

        Raises:
            HTTPAccessError: the credential is missing, unknown or expired, or not enough for a topic.
            HTTPConnectError: nothing answers.
        """
        try:
            self._connection = await self._connect()
        except HTTPAccessError:
            wallet = self._link.gateway.wallet
            if wallet.refresh_token is None:
                raise
            await self._link.renew(Renewal(wallet.access_token))
            self._connection = await self._connect()

    async def receive(self, timeout_s: float | None = None) -> Notice | None:
        """Return the next notice, or None if none comes within ``timeout_s`` seconds; None waits for ever.

        Raises:
            HTTPAccessError: the credential is no longer good.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._receive()
        except TimeoutError:
            return self._stream.next()

    async def _receive(self) -> Notice | None:
        pauses = _Pauses()
        while not self._is_closed:
            notice = self._stream.next()
            if notice is not None:
                return notice
            try:
                if self._connection is None:
                    await self.open()
                else:
                    await self._take(self._connection)
            except ConnectionClosed:
                self._connection = None
            except HTTPAccessError:
                raise
            except CommunicationError:
                await asyncio.sleep(pauses.take_s())
        return None

    async def close(self) -> None:
        """End the subscription."""
        self._is_closed = True
        if self._connection is not None:
            await self._connection.close()

    async def _connect(self) -> ClientConnection:
        gateway = self._link.gateway
        try:
            connection = await connect(gateway.stream_address, **_options(gateway))
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            raise _failure(gateway, error) from error
        try:
            async with asyncio.timeout(_OPEN_S):
                for message in self._stream.begin():
                    await connection.send(message)
                while not self._stream.has_begun:
                    await self._take(connection)
        except (TimeoutError, ConnectionClosed) as error:
            await connection.close()
            raise _broken(gateway, error) from error
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _take(self, connection: ClientConnection) -> None:
        for message in self._stream.take(await connection.recv()):
            await connection.send(message)


def _broken(gateway: Gateway, error: Exception) -> CommunicationError:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == _UNKNOWN:
        return refusal_of(401, error.rcvd.reason)
    return HTTPRequestError(
        f"The stream at {gateway.stream_address} does not begin ({error or type(error).__name__}).",
        details={"address": gateway.address},
    )


def open_blocking(link: BlockingLink, prefixes: tuple[bytes, ...]) -> BlockingNotices:
    """Open a stream; every topic is a prefix."""
    return BlockingNotices(link, prefixes)


async def open_asynchronous(link: AsynchronousLink, prefixes: tuple[bytes, ...]) -> AsynchronousNotices:
    """Open a stream; every topic is a prefix."""
    notices = AsynchronousNotices(link, prefixes)
    await notices.open()
    return notices
