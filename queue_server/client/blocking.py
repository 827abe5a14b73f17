"""``RunControl`` for ordinary Python: every call waits for its reply. Several threads may share one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq

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
    from queue_server.client.http import BlockingLink
    from queue_server.protocol.method import Method, Params


class RunControl(Shell[zmq.SyncSocket, "BlockingLink", dict[str, Any]]):
    """A connection to the manager that carries requests and gives the stream of notices.

    Each request has a socket for itself while it lasts. A socket whose reply stayed out is closed, and what
    it had not sent is dropped with it, so that nothing which was given up reaches the manager later.
    """

    def send_request(  # noqa: PLR0913 - as clients of bluesky-queueserver-api know it
        self,
        *,
        method: Target,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        timeout: float | None = None,
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
        return self._exchange.judge(question, self._carry(question))

    def call(self, method: Method, params: Params | None = None, *, timeout_s: float | None = None) -> Any:
        """Send a declared request with checked parameters and return its declared result.

        Raises:
            RequestTimeoutError: no reply in time.
            RequestFailedError: the manager refused, whatever ``request_fail_exceptions`` says.
        """
        question = self._ask(method.name, values_of(params), RequestOptions(timeout_s=timeout_s))
        return result_of(method, self._exchange.judge(question, self._carry(question), strict=True))

    def download(self, path: str, write: Callable[[bytes], object], timeout_s: float = 60.0) -> None:
        """Get a file from a gateway and give its bytes to ``write``, piece by piece.

        Args:
            path: of the file at the gateway, such as ``/v1/runs/UID/documents``.
            write: takes each piece.
            timeout_s: how long to wait for the next piece, in seconds, above 0.

        Raises:
            HTTPOnlyError: this RunControl uses 0MQ, which carries no files.
            RequestFailedError: the request is refused; nothing was written.
            HTTPRequestError: the connection broke, maybe after some pieces.
            HTTPClientError, HTTPServerError: the gateway does not accept or cannot answer the request.
        """
        if self._link is None:
            raise HTTPOnlyError("Files come from a gateway (http://…), and this connection uses 0MQ.", field="path")
        self._link.download(own_request("GET", path, None, None, check_timeout(timeout_s)), write)

    def notices(self, topics: Iterable[str] = TOPICS) -> Notices:
        """Subscribe to the information stream, from now on; every topic is a prefix.

        Raises:
            ParameterError: ``topics`` is empty or a single string.
            CommunicationError: the address is neither known nor told by the manager.
        """
        prefixes = check_topics(topics)
        if self._link is not None:
            return self._open_stream(self._link, prefixes)
        if self._info is None:
            reply = self.send_request(method="config_get")
            self._info = info_address_in(reply, self.control_address)
        socket = self._make_socket(zmq.SUB)
        connect_subscriber(socket, self._info, prefixes, self._keys)
        return Notices(socket)

    def documents(self, lanes: Iterable[str] | None = None) -> Documents:
        """Subscribe to the documents of runs in these lanes, or in all, from now on.

        Raises:
            ParameterError: ``lanes`` is empty or a single string.
            CommunicationError: the manager does not tell where it publishes them, or is reached over HTTP.
        """
        prefixes = check_lanes(lanes)
        if self._link is not None:
            raise CommunicationError("Documents come over 0MQ only: connect to the control socket of the manager.")
        address = documents_address_in(self.send_request(method="config_get"), self.control_address)
        socket = self._make_socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, MOST_WAITING)
        connect_subscriber(socket, address, prefixes, self._keys)
        return Documents(socket)

    def wait_for_status(
        self, predicate: Callable[[Mapping[str, Any]], bool], timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Return the first status for which ``predicate`` holds: the present one, or one published later.

        Raises:
            RequestTimeoutError: none came within ``timeout_s`` seconds.
        """
        deadline = Deadline(timeout_s)
        with self.notices([STATUS_TOPIC]) as notices:
            status = self.send_request(method="status")
            while not predicate(status):
                notice = notices.receive(deadline.left_s())
                if notice is None:
                    return self._look_once_more(predicate, timeout_s)
                status = notice.status or status
        return status

    def close(self) -> None:
        """Close the connection; requests of other threads that still wait end by their own timeout."""
        self._lines.close()
        if self._link is not None:
            self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return self.send_request(method=name, params=params)

    def _run(self, steps: Steps[dict[str, Any]]) -> dict[str, Any]:
        assert self._link is not None
        return self._link.run(steps)

    def _carry(self, question: Question) -> dict[str, Any]:
        if self._link is not None:
            return self._link.run(self._link.gateway.carry(question))
        line = self._lines.take()
        try:
            reply = self._converse(line, question)
        except BaseException:
            line.close()
            raise
        self._lines.give_back(line)
        return reply

    def _converse(self, line: Line[zmq.SyncSocket], question: Question) -> dict[str, Any]:
        deadline = Deadline(question.timeout_s)
        while line.monitor.poll(0 if line.stands else deadline.left_ms()):
            line.note(line.monitor.recv_multipart())
        if not line.stands:
            raise self._exchange.unanswered(question, sent=False)
        line.dealer.send(question.data)
        while line.dealer.poll(deadline.left_ms()):
            reply = self._exchange.read(question, line.dealer.recv_multipart()[-1])
            if reply is not None:
                return reply
        raise self._exchange.unanswered(question, sent=True)

    @staticmethod
    def _make_link(gateway: Gateway) -> BlockingLink:
        # httpx is loaded for those only who need it.
        from queue_server.client.http import BlockingLink

        return BlockingLink(gateway)

    @staticmethod
    def _open_stream(link: BlockingLink, prefixes: tuple[bytes, ...]) -> Notices:
        from queue_server.client.http_streams import open_blocking

        return open_blocking(link, prefixes)

    @staticmethod
    def _make_socket(kind: int) -> zmq.SyncSocket:
        return zmq.SyncContext.instance().socket(kind)

    def _look_once_more(self, predicate: Callable[[Mapping[str, Any]], bool], timeout_s: float) -> dict[str, Any]:
        # Notices may be lost, or not be published at all; the status itself cannot.
        status = self.send_request(method="status")
        if predicate(status):
            return status
        raise self._exchange.not_reached(status, timeout_s)


class Notices:
    """An open subscription; iterate over it, or ask for one notice at a time. For one thread only."""

    def __init__(self, socket: zmq.SyncSocket) -> None:
        self._socket = socket

    def receive(self, timeout_s: float | None = None) -> Notice | None:
        """Return the next notice, or None if none comes within ``timeout_s`` seconds; None waits for ever."""
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while self._socket.poll(-1 if deadline is None else deadline.left_ms()):
            notice = read_notice(self._socket.recv_multipart())
            if notice is not None:
                return notice
        return None

    def statuses(self) -> Iterator[dict[str, Any]]:
        """Yield every status that is published."""
        for notice in self:
            if notice.status is not None:
                yield notice.status

    def console(self) -> Iterator[str]:
        """Yield every chunk of console output that is published."""
        for notice in self:
            if notice.text is not None:
                yield notice.text

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._socket.closed

    def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)

    def __iter__(self) -> Iterator[Notice]:
        while not self.closed:
            notice = self.receive()
            if notice is not None:
                yield notice

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Documents:
    """An open subscription to documents; iterate over it, or ask for one at a time. For one thread only."""

    def __init__(self, socket: zmq.SyncSocket) -> None:
        self._socket = socket
        self._sequencer = Sequencer()
        self._waiting: deque[Document | Gap] = deque()

    def receive(self, timeout_s: float | None = None) -> Document | Gap | None:
        """Return the next document, or that some are missing; None if nothing comes within ``timeout_s`` seconds.

        A ``timeout_s`` of None waits for ever.
        """
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while not self._waiting:
            if not self._socket.poll(-1 if deadline is None else deadline.left_ms()):
                return None
            self._waiting.extend(self._sequencer.take(self._socket.recv_multipart()))
        return self._waiting.popleft()

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._socket.closed

    def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)

    def __iter__(self) -> Iterator[Document | Gap]:
        while not self.closed:
            found = self.receive()
            if found is not None:
                yield found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
