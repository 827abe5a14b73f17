"""What both forms of ``RunControl`` are made of: the arguments, and the lines to the manager. Sends nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import zmq

from queue_server.client.addresses import find_addresses
from queue_server.client.exchange import Exchange
from queue_server.client.keys import CurveKeys, find_keys
from queue_server.client.lines import Lines
from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import RequestFailedError, RequestTimeoutError

S = TypeVar("S", bound="zmq.Socket[Any]")


class Shell(ABC, Generic[S]):
    """The part of a ``RunControl`` that neither blocks nor awaits."""

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
        self._info: str | None = addresses.info
        self._keys = find_keys(server_key)
        self._lines = Lines(self._make_socket, addresses.control, self._keys)

    @property
    def control_address(self) -> str:
        """Where requests go."""
        return self._exchange.address

    @staticmethod
    @abstractmethod
    def _make_socket(kind: int) -> S:
        """Return a new socket."""
