"""What both forms of ``RunControl`` are made of: the arguments, and how they are connected. Sends nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import zmq

from queue_server.client.accounts import Accounts
from queue_server.client.addresses import find_addresses, is_http
from queue_server.client.caller import R
from queue_server.client.calls import Calls
from queue_server.client.exchange import Exchange, Question
from queue_server.client.gateway import TIMEOUT_S, Gateway, RequestOptions, Target
from queue_server.client.http_errors import HTTPClientError, HTTPOnlyError, HTTPRequestError, HTTPServerError
from queue_server.client.http_tokens import Wallet, find_api_key
from queue_server.client.keys import CurveKeys, find_keys
from queue_server.client.lines import Lines
from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import ParameterError, RequestFailedError, RequestTimeoutError

S = TypeVar("S", bound="zmq.Socket[Any]")
L = TypeVar("L")

_ZMQ_TIMEOUT_S = 2.0


class Shell(Calls[R], Accounts[R], Generic[S, L, R]):
    """The part of a ``RunControl`` that neither blocks nor awaits; ``_link`` leads to a gateway, if one is used."""

    # Scripts write `except RM.RequestTimeoutError`, as they do with bluesky-queueserver-api.
    RequestTimeoutError = RequestTimeoutError
    RequestFailedError = RequestFailedError
    HTTPRequestError = HTTPRequestError
    HTTPClientError = HTTPClientError
    HTTPServerError = HTTPServerError

    def __init__(  # noqa: PLR0913 - what a connection needs
        self,
        control: str | None = None,
        info: str | None = None,
        *,
        timeout_s: float | None = None,
        request_fail_exceptions: bool = True,
        encoding: Encoding = "json",
        server_key: str | CurveKeys | None = None,
        api_key: str | Path | None = None,
    ) -> None:
        """Prepare the connection; nothing is sent yet, and no event loop is needed yet.

        Args:
            control: address of the control socket, or of a gateway (http://…, https://…); by default from
                ``CUELIGHT_CONTROL``, ``QSERVER_ZMQ_CONTROL_ADDRESS``, the ready file ``CUELIGHT_READY_FILE``, else
                tcp://127.0.0.1:60615.
            info: address of the notices; found in the same way, or else told by the manager. Not for a gateway.
            timeout_s: how long a request waits for its reply, in seconds, above 0; by default 2, for a gateway 5.
            request_fail_exceptions: raise when the manager refuses; otherwise return the reply as it is.
            encoding: how requests are sent; replies come in the same form.
            server_key: public key of the manager, for an encrypted connection; by default from ``CUELIGHT_SERVER_KEY``
                or ``QSERVER_ZMQ_PUBLIC_KEY``, with the key of the file ``CUELIGHT_CLIENT_KEY_FILE`` for this client.
            api_key: key for a gateway, or the ``Path`` of a file of mode 0600 with it; by default from
                ``CUELIGHT_API_KEY``, ``QSERVER_HTTP_SERVER_API_KEY``, or the file that ``CUELIGHT_API_KEY_FILE`` or
                ``QSERVER_HTTP_SERVER_API_KEYFILE`` names.

        Raises:
            ParameterError: an argument or a variable has a wrong value, or is for the other kind of connection.
        """
        addresses = find_addresses(control, info)
        over_http = is_http(addresses.control)
        _refuse_foreign(over_http=over_http, info=info, server_key=server_key, api_key=api_key)
        wait_s = timeout_s if timeout_s is not None else TIMEOUT_S if over_http else _ZMQ_TIMEOUT_S
        self._exchange = Exchange(addresses.control, wait_s, request_fail_exceptions, encoding)
        self._info: str | None = addresses.info
        self._keys = None if over_http else find_keys(server_key)
        self._lines = Lines(self._make_socket, addresses.control, self._keys)
        self._gateway: Gateway | None = None
        self._link: L | None = None
        if over_http:
            self._gateway = Gateway(addresses.control, Wallet(find_api_key(api_key)), encoding)
            self._link = self._make_link(self._gateway)

    @property
    def control_address(self) -> str:
        """Where requests go."""
        return self._exchange.address

    @staticmethod
    @abstractmethod
    def _make_socket(kind: int) -> S:
        """Return a new socket."""

    @staticmethod
    @abstractmethod
    def _make_link(gateway: Gateway) -> L:
        """Return a link to a gateway."""

    def _ask(self, method: Target, params: Mapping[str, Any] | None, options: RequestOptions) -> Question:
        if self._gateway is not None:
            return self._gateway.ask(self._exchange, method, params, options)
        name = options.refuse_over_zmq(method)
        return self._exchange.ask(name, params, options.timeout_s, options.key_for(name))


def _refuse_foreign(*, over_http: bool, info: object, server_key: object, api_key: object) -> None:
    foreign = {"info": info, "server_key": server_key} if over_http else {"api_key": api_key}
    for name, value in foreign.items():
        if value is None:
            continue
        if over_http:
            raise ParameterError(f"'{name}' is for a connection over 0MQ, and this one uses HTTP.", field=name)
        raise HTTPOnlyError(f"'{name}' is for a gateway (http://…), and this connection uses 0MQ.", field=name)
