"""``RunControl`` for asyncio: every call is awaited. Many tasks of one event loop may share one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq
import zmq.asyncio

from queue_server.client.documents import (
    MOST_WAITING,
    Document,
    Gap,
    Sequencer,
    check_lanes,
    documents_address_in,
)
from queue_server.client.exchange import Deadline, Question, check_timeout, result_of, values_of
from queue_server.client.gateway import Gateway, RequestOptions, Target
from queue_server.client.http_errors import HTTPOnlyError
from queue_server.client.http_exchange import own_request
from queue_server.client.http_steps import Steps
from queue_server.client.lines import Line
from queue_server.client.notices import (
    STATUS_TOPIC,
    TOPICS,
    Notice,
    check_topics,
    info_address_in,
    read_notice,
)
from queue_server.client.shell import Shell
from queue_server.client.sockets import connect_subscriber
from queue_server.protocol.errors import CommunicationError

if TYPE_CHECKING:
    from queue_server.client.http import AsynchronousLink
    from queue_server.protocol.method import Method, Params


class RunControl(Shell[zmq.asyncio.Socket, "AsynchronousLink", Coroutine[Any, Any, dict[str, Any]]]):
    """A connection to the manager that carries requests and gives the stream of notices.

    Each request has a socket for itself while it lasts. A socket whose reply stayed out, or whose task was
    cancelled, is closed, and what it had not sent is dropped with it.
    """

    async def send_request(  # noqa: PLR0913 - as clients of bluesky-queueserver-api know it
        self,
        *,
        method: Target,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        timeout_s: float | None = None,
        auto_refresh_session: bool = True,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the reply.

        What changes something goes with an idempotency key. If no reply came, the details of the error have that key:
        the same request with it is not done twice, and has the reply of the first.

        Over HTTP ``method`` may also be a verb and a path, such as ``("GET", "/api/status")``: ``params`` is then the
        query of GET and DELETE and the JSON body of the others, and the answer is returned as it is.

        Args:
            method: name of the method.
            params: its parameters.
            headers: further headers, over HTTP only.
            data: a form instead of a JSON body, over HTTP only.
            timeout: how long to wait, in seconds, above 0; the same as ``timeout_s``.
            timeout_s: the same; by default that of this RunControl.
            auto_refresh_session: over HTTP, renew an expired access token and repeat the request, once.
            idempotency_key: that of the request that is repeated; by default a new one.

        Raises:
            RequestTimeoutError: no reply in time; as UnreachableError, if the request was not even sent.
            RequestFailedError: the manager refused (unless ``request_fail_exceptions`` is False).
            ParameterError: a parameter cannot be sent; as HTTPOnlyError, a ValueError, if it is for HTTP only.
            HTTPRequestError: the connection to the gateway broke.
            HTTPClientError: the gateway does not accept the request.
            HTTPServerError: the gateway cannot answer it.
        """
        wait_s = timeout if timeout_s is None else timeout_s
        options = RequestOptions(headers, data, wait_s, auto_refresh_session, idempotency_key)
        question = self._ask(method, params, options)
        return self._exchange.judge(question, await self._carry(question))

    async def call(self, method: Method, params: Params | None = None, *, timeout_s: float | None = None) -> Any:
        """Send a declared request with checked parameters and return its declared result.

        Raises:
            RequestTimeoutError: no reply in time.
            RequestFailedError: the manager refused, whatever ``request_fail_exceptions`` says.
        """
        question = self._ask(method.name, values_of(params), RequestOptions(timeout_s=timeout_s))
        return result_of(method, self._exchange.judge(question, await self._carry(question), strict=True))

    async def download(self, path: str, write: Callable[[bytes], object], timeout_s: float = 60.0) -> None:
        """Get a file from a gateway and give its bytes to ``write``, piece by piece.

        Args:
            path: of the file at the gateway, such as ``/v1/runs/UID/documents``.
            write: takes each piece; it is not awaited.
            timeout_s: how long to wait for the next piece, in seconds, above 0.

        Raises:
            HTTPOnlyError: this RunControl uses 0MQ, which carries no files.
            RequestFailedError: the request is refused; nothing was written.
            HTTPRequestError: the connection broke, maybe after some pieces.
            HTTPClientError, HTTPServerError: the gateway does not accept or cannot answer the request.
        """
        if self._link is None:
            raise HTTPOnlyError("Files come from a gateway (http://…), and this connection uses 0MQ.", field="path")
        await self._link.download(own_request("GET", path, None, None, check_timeout(timeout_s)), write)

    async def notices(self, topics: Iterable[str] = TOPICS) -> Notices:
        """Subscribe to the information stream, from now on; every topic is a prefix.

        Raises:
            ParameterError: ``topics`` is empty or a single string.
            CommunicationError: the address is neither known nor told by the manager.
        """
        prefixes = check_topics(topics)
        if self._link is not None:
            return await self._open_stream(self._link, prefixes)
        if self._info is None:
            reply = await self.send_request(method="config_get")
            self._info = info_address_in(reply, self.control_address)
        socket = self._make_socket(zmq.SUB)
        connect_subscriber(socket, self._info, prefixes, self._keys)
        return Notices(socket)

    async def documents(self, lanes: Iterable[str] | None = None) -> Documents:
        """Subscribe to the documents of runs in these lanes, or in all, from now on.

        Raises:
            ParameterError: ``lanes`` is empty or a single string.
            CommunicationError: the manager does not tell where it publishes them, or is reached over HTTP.
        """
        prefixes = check_lanes(lanes)
        if self._link is not None:
            raise CommunicationError("Documents come over 0MQ only: connect to the control socket of the manager.")
        address = documents_address_in(await self.send_request(method="config_get"), self.control_address)
        socket = self._make_socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, MOST_WAITING)
        connect_subscriber(socket, address, prefixes, self._keys)
        return Documents(socket)

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
        self._lines.close()
        if self._link is not None:
            await self._link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _request(self, name: str, params: Mapping[str, Any]) -> Coroutine[Any, Any, dict[str, Any]]:
        return self.send_request(method=name, params=params)

    def _run(self, steps: Steps[dict[str, Any]]) -> Coroutine[Any, Any, dict[str, Any]]:
        assert self._link is not None
        return self._link.run(steps)

    async def _carry(self, question: Question) -> dict[str, Any]:
        if self._link is not None:
            return await self._link.run(self._link.gateway.carry(question))
        line = self._lines.take()
        try:
            reply = await self._converse(line, question)
        except BaseException:
            line.close()
            raise
        self._lines.give_back(line)
        return reply

    async def _converse(self, line: Line[zmq.asyncio.Socket], question: Question) -> dict[str, Any]:
        sent = False
        try:
            async with asyncio.timeout(question.timeout_s):
                while not line.stands or await line.monitor.poll(0):
                    line.note(await line.monitor.recv_multipart())
                await line.dealer.send(question.data)
                sent = True
                while True:
                    frames = await line.dealer.recv_multipart()
                    reply = self._exchange.read(question, frames[-1])
                    if reply is not None:
                        return reply
        except TimeoutError as error:
            raise self._exchange.unanswered(question, sent=sent) from error

    @staticmethod
    def _make_link(gateway: Gateway) -> AsynchronousLink:
        # httpx is loaded for those only who need it.
        from queue_server.client.http import AsynchronousLink

        return AsynchronousLink(gateway)

    @staticmethod
    async def _open_stream(link: AsynchronousLink, prefixes: tuple[bytes, ...]) -> Notices:
        from queue_server.client.http_streams import open_asynchronous

        return await open_asynchronous(link, prefixes)

    @staticmethod
    def _make_socket(kind: int) -> zmq.asyncio.Socket:
        return zmq.asyncio.Context.instance().socket(kind)

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

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._socket.closed

    async def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)

    async def __aiter__(self) -> AsyncIterator[Notice]:
        while not self.closed:
            notice = await self.receive()
            if notice is not None:
                yield notice

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Documents:
    """An open subscription to documents; iterate over it, or ask for one at a time. For one task only."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self._socket = socket
        self._sequencer = Sequencer()
        self._waiting: deque[Document | Gap] = deque()

    async def receive(self, timeout_s: float | None = None) -> Document | Gap | None:
        """Return the next document, or that some are missing; None if nothing comes within ``timeout_s`` seconds.

        A ``timeout_s`` of None waits for ever.
        """
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while not self._waiting:
            if not await self._socket.poll(-1 if deadline is None else deadline.left_ms()):
                return None
            self._waiting.extend(self._sequencer.take(await self._socket.recv_multipart()))
        return self._waiting.popleft()

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._socket.closed

    async def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)

    async def __aiter__(self) -> AsyncIterator[Document | Gap]:
        while not self.closed:
            found = await self.receive()
            if found is not None:
                yield found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
