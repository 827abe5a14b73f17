"""An encrypted connection for ``qserver``, with the identity that the stock clients share. Knows no secret.

Those clients all have one key pair, which everybody can read. It makes the manager prove who it is and hides what is
said, but it tells the manager nothing of the client; a manager admits it only if it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import zmq

from queue_server.client.addresses import find_addresses
from queue_server.client.exchange import Deadline, Exchange
from queue_server.client.sockets import connect_dealer
from queue_server.compat.qserver_options import Options
from queue_server.protocol.curve_keys import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY


class EncryptedConnection:
    """Carries one request at a time over a socket that is made for it.

    A manager with another key than the one expected looks like one that is not there: no connection is made, so that
    nothing is sent to it.
    """

    def __init__(self, options: Options, server_key: str) -> None:
        """Prepare the connection; nothing is sent yet.

        Raises:
            ParameterError: the address or the timeout is wrong.
        """
        address = find_addresses(options.address).control
        self._exchange = Exchange(address, options.timeout_s, request_fail_exceptions=False, encoding=options.encoding)
        self._server_key = server_key.encode()
        self._context = zmq.SyncContext()

    def send_request(self, *, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return the reply, also if it is a refusal.

        Raises:
            RequestTimeoutError: no reply in time.
            ParameterError: a parameter cannot be sent.
        """
        question = self._exchange.ask(method, params)
        deadline = Deadline(question.timeout_s)
        with self._open() as socket:
            if not socket.poll(deadline.left_ms(), zmq.POLLOUT):
                raise self._exchange.unanswered(question, sent=False)
            socket.send(question.data)
            while socket.poll(deadline.left_ms()):
                reply = self._exchange.read(question, socket.recv_multipart()[-1])
                if reply is not None:
                    return reply
        raise self._exchange.unanswered(question, sent=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.destroy(linger=0)

    def _open(self) -> zmq.SyncSocket:
        socket = self._context.socket(zmq.DEALER)
        socket.curve_serverkey = self._server_key
        socket.curve_publickey = SHARED_PUBLIC_KEY
        socket.curve_secretkey = SHARED_PRIVATE_KEY
        connect_dealer(socket, self._exchange.address)
        return socket
