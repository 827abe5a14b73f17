"""``RunControl`` for asyncio: every call is awaited. Many tasks of one event loop may share one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq
import zmq.asyncio

from queue_server.client.addresses import find_addresses
from queue_server.client.exchange import Deadline, Exchange, Question, result_of, values_of
from queue_server.client.keys import CurveKeys, find_keys
from queue_server.client.notices import (
    STATUS_TOPIC,
    TOPICS,
    Notice,
    check_topics,
    info_address_in,
    read_notice,
)
from queue_server.client.sockets import connect_dealer, connect_subscriber
from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import CommunicationError, RequestFailedError, RequestTimeoutError

if TYPE_CHECKING:
    from queue_server.protocol.method import Method, Params

_IDLE_SOCKETS = 4


class RunControl:
    """A connection to the manager that carries requests and gives the stream of notices.

    Each request has a socket for itself while it lasts. A socket whose reply stayed out, or whose task was
    cancelled, is closed, and what it had not sent is dropped with it.
    """

    # Scripts write `except RM.RequestTimeoutError`, as they do with bluesky-queueserver-api.
    RequestTimeoutError = RequestTimeoutError
    RequestFailedError = RequestFailedError

    def __init__(
        self,
        control: str | None = None,
        info: str | None = None,
        *,
        timeout_s: float = 2.0,
        request_fail_exceptions: bool = True,
        encoding: Encoding = "json",
        server_key: str | CurveKeys | None = None,
    ) -> None:
        """Prepare the connection; nothing is sent yet, and no event loop is needed yet.

        Args:
            control: address of the control socket; by default from ``CUELIGHT_CONTROL``,
                ``QSERVER_ZMQ_CONTROL_ADDRESS``, the ready file ``CUELIGHT_READY_FILE``, else tcp://127.0.0.1:60615.
            info: address of the notices; found in the same way, or else told by the manager.
            timeout_s: how long a request waits for its reply, in seconds, above 0.
            request_fail_exceptions: raise when the manager refuses; otherwise return the reply as it is.
            encoding: how requests are sent; replies come in the same form.
            server_key: public key of the manager, for an encrypted connection; by default from ``CUELIGHT_SERVER_KEY``
                or ``QSERVER_ZMQ_PUBLIC_KEY``, with the key of the file ``CUELIGHT_CLIENT_KEY_FILE`` for this client.

        Raises:
            ParameterError: an argument or a variable has a wrong value.
        """
        addresses = find_addresses(control, info)
        self._exchange = Exchange(addresses.control, timeout_s, request_fail_exceptions, encoding)
        self._info = addresses.info
        self._keys = find_keys(server_key)
        self._idle: list[zmq.asyncio.Socket] = []
        self._closed = False

    @property
    def control_address(self) -> str:
        """Where requests go."""
        return self._exchange.address

    async def send_request(
        self, *, method: str, params: Mapping[str, Any] | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Send a request and return the reply.

        Raises:
            RequestTimeoutError: no reply in time; as UnreachableError, if the request was not even sent.
            RequestFailedError: the manager refused (unless ``request_fail_exceptions`` is False).
            ParameterError: a parameter cannot be sent.
        """
        question = self._exchange.ask(method, params, timeout_s)
        return self._exchange.judge(question, await self._carry(question))

    async def call(self, method: Method, params: Params | None = None, *, timeout_s: float | None = None) -> Any:
        """Send a declared request with checked parameters and return its declared result.

        Raises:
            RequestTimeoutError: no reply in time.
            RequestFailedError: the manager refused, whatever ``request_fail_exceptions`` says.
        """
        question = self._exchange.ask(method.name, values_of(params), timeout_s)
        return result_of(method, self._exchange.judge(question, await self._carry(question), strict=True))

    async def notices(self, topics: Iterable[str] = TOPICS) -> Notices:
        """Subscribe to the information stream, from now on; every topic is a prefix.

        Raises:
            ParameterError: ``topics`` is empty or a single string.
            CommunicationError: the address is neither known nor told by the manager.
        """
        prefixes = check_topics(topics)
        if self._info is None:
            reply = await self.send_request(method="config_get")
            self._info = info_address_in(reply, self.control_address)
        socket = _context().socket(zmq.SUB)
        connect_subscriber(socket, self._info, prefixes, self._keys)
        return Notices(socket)

    async def wait_for_status(
        self, predicate: Callable[[Mapping[str, Any]], bool], timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Return the first status for which ``predicate`` holds: the present one, or one published later.

        Raises:
            RequestTimeoutError: none came within ``timeout_s`` seconds.
        """
        deadline = Deadline(timeout_s)
        async with await self.notices([STATUS_TOPIC]) as notices:
            status = await self.send_request(method="status")
            while not predicate(status):
                notice = await notices.receive(deadline.left_s())
                if notice is None:
                    return await self._look_once_more(predicate, timeout_s)
                status = notice.status or status
        return status

    async def close(self) -> None:
        """Close the connection; requests of other tasks that still wait end by their own timeout."""
        self._closed = True
        while self._idle:
            self._idle.pop().close(linger=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _carry(self, question: Question) -> dict[str, Any]:
        socket = self._take()
        kept = False
        try:
            reply = await self._converse(socket, question)
            kept = not self._closed and len(self._idle) < _IDLE_SOCKETS
        finally:
            if kept:
                self._idle.append(socket)
            else:
                socket.close(linger=0)
        return reply

    async def _converse(self, socket: zmq.asyncio.Socket, question: Question) -> dict[str, Any]:
        sent = False
        try:
            async with asyncio.timeout(question.timeout_s):
                await socket.send(question.data)
                sent = True
                while True:
                    frames = await socket.recv_multipart()
                    reply = self._exchange.read(question, frames[-1])
                    if reply is not None:
                        return reply
        except TimeoutError as error:
            raise self._exchange.unanswered(question, sent=sent) from error

    def _take(self) -> zmq.asyncio.Socket:
        if self._closed:
            raise CommunicationError("This RunControl is closed; make a new one.")
        if self._idle:
            return self._idle.pop()
        socket = _context().socket(zmq.DEALER)
        connect_dealer(socket, self._exchange.address, self._keys)
        return socket

    async def _look_once_more(self, predicate: Callable[[Mapping[str, Any]], bool], timeout_s: float) -> dict[str, Any]:
        # Notices may be lost, or not be published at all; the status itself cannot.
        status = await self.send_request(method="status")
        if predicate(status):
            return status
        raise self._exchange.not_reached(status, timeout_s)


class Notices:
    """An open subscription; iterate over it, or ask for one notice at a time. For one task only."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self._socket = socket

    async def receive(self, timeout_s: float | None = None) -> Notice | None:
        """Return the next notice, or None if none comes within ``timeout_s`` seconds; None waits for ever."""
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while await self._socket.poll(-1 if deadline is None else deadline.left_ms()):
            notice = read_notice(await self._socket.recv_multipart())
            if notice is not None:
                return notice
        return None

    async def statuses(self) -> AsyncIterator[dict[str, Any]]:
        """Yield every status that is published."""
        async for notice in self:
            if notice.status is not None:
                yield notice.status

    async def console(self) -> AsyncIterator[str]:
        """Yield every chunk of console output that is published."""
        async for notice in self:
            if notice.text is not None:
                yield notice.text

    async def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)

    async def __aiter__(self) -> AsyncIterator[Notice]:
        while not self._socket.closed:
            notice = await self.receive()
            if notice is not None:
                yield notice

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _context() -> zmq.asyncio.Context:
    return zmq.asyncio.Context.instance()
