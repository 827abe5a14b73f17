"""The gateway as a client over HTTP sees it: address, credential, and what requests become. Sends nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from msgspec import Struct

from queue_server.client.addresses import is_local
from queue_server.client.exchange import REPLY_BOUNDS, Exchange, Question, check_timeout
from queue_server.client.http_errors import HTTPOnlyError
from queue_server.client.http_exchange import (
    KEY_HEADER,
    HttpQuestion,
    check_target,
    own_request,
    request_of,
    route_named,
)
from queue_server.client.http_steps import Steps, converse
from queue_server.client.http_tokens import Wallet
from queue_server.protocol.codec import Encoding, decode
from queue_server.protocol.errors import ParameterError

if TYPE_CHECKING:
    import ssl

TIMEOUT_S = 5.0
"""The gateway itself waits 2 s for the manager, and then says so."""

CA_FILE_NAME = "CUELIGHT_CA_FILE"

_LONGEST_KEY = 128

Target = str | tuple[str, str] | list[str]
"""A method by its name, or a verb and a path."""


class RequestOptions(Struct, frozen=True):
    """What ``send_request`` takes beside method and parameters."""

    headers: Mapping[str, str] | None = None
    data: Mapping[str, Any] | None = None
    timeout_s: float | None = None
    refreshes: bool = True
    idempotency_key: str | None = None

    def key_for(self, method: Target) -> str | None:
        """Return the idempotency key of a request: the given one, or a new one for a method that changes something.

        Raises:
            ParameterError: the given one is no key.
        """
        given = cast("object", self.idempotency_key)
        if given is not None:
            if not isinstance(given, str) or not 1 <= len(given) <= _LONGEST_KEY:
                message = f"'idempotency_key' must be a string of 1 to {_LONGEST_KEY} characters, not {given!r}."
                raise ParameterError(message, field="idempotency_key")
            return given
        route = route_named(method) if isinstance(method, str) else None
        return uuid4().hex if route is not None and route.changes else None

    def refuse_over_zmq(self, method: Target) -> str:
        """Return the name of the method for a request over 0MQ.

        Raises:
            HTTPOnlyError: something that means nothing there was given; the message names it.
        """
        given = {"headers": self.headers is not None, "data": self.data is not None}
        for name, is_given in {**given, "auto_refresh_session": not self.refreshes}.items():
            if is_given:
                raise _http_only(name)
        if not isinstance(method, str):
            raise HTTPOnlyError(
                f"'method' must be the name of a method over 0MQ, not {method!r}; verbs and paths are for a "
                f"RunControl over HTTP.",
                field="method",
            )
        return method


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway, and who asks it."""

    address: str
    wallet: Wallet = field(repr=False)
    encoding: Encoding = "json"

    @property
    def is_local(self) -> bool:
        """Whether it is on this host; no proxy is asked for such a one."""
        host = urlsplit(self.address).hostname or ""
        return is_local(f"tcp://[{host}]:0" if ":" in host else f"tcp://{host}:0")

    @property
    def stream_address(self) -> str:
        """The WebSocket of the notices."""
        return f"ws{self.address.removeprefix('http')}/v1/stream"

    def trust(self, environ: Mapping[str, str] = os.environ) -> ssl.SSLContext | None:
        """Return whom an encrypted connection trusts: the system, or the file that ``CUELIGHT_CA_FILE`` names.

        Raises:
            ParameterError: the file cannot be used.
        """
        if not self.address.startswith("https:"):
            return None
        # Loading it takes longer than a request.
        import ssl

        path = environ.get(CA_FILE_NAME) or None
        try:
            return ssl.create_default_context(cafile=None if path is None else str(Path(path).expanduser()))
        except OSError as error:
            raise ParameterError(
                f"'{CA_FILE_NAME}': the certificates in {path} cannot be used: {error}.", field=CA_FILE_NAME
            ) from error

    def ask(
        self, exchange: Exchange, method: Target, params: Mapping[str, Any] | None, options: RequestOptions
    ) -> HttpQuestion:
        """Return the request to send.

        Raises:
            ParameterError: a value cannot be sent, or the timeout is out of range.
        """
        if not isinstance(method, str):
            return self._ask_path(exchange, method, params, options)
        key = options.key_for(method)
        plain = exchange.ask(method, params, options.timeout_s, key)
        if options.data is not None:
            raise ParameterError("'data' is for a verb and a path; a method has 'params'.", field="data")
        route = route_named(method)
        # As they would cross the wire: tuples and sets are lists there.
        sent: dict[str, Any] = decode(plain.data, REPLY_BOUNDS)[0]["params"]
        request = None if route is None else request_of(route, sent, self.encoding, plain)
        if request is not None:
            request = request.with_headers(_key_header(key)).preferring(options.headers)
        return HttpQuestion(plain.id, method, plain.data, plain.timeout_s, key, request, route, sent, options.refreshes)

    def carry(self, question: Question) -> Steps[dict[str, Any]]:
        """Return the steps that bring the reply to a request."""
        assert isinstance(question, HttpQuestion)
        return converse(question, self.wallet, self.encoding)

    def _ask_path(
        self,
        exchange: Exchange,
        target: tuple[str, str] | list[str],
        params: Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> HttpQuestion:
        verb, path = check_target(target)
        timeout_s = exchange.timeout_s if options.timeout_s is None else check_timeout(options.timeout_s)
        try:
            request = own_request(verb, path, params, options.data, timeout_s)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ParameterError(f"The parameters of {verb} {path} cannot be sent: {error}", field="params") from error
        key = options.key_for(target)
        request = request.with_headers(_key_header(key)).preferring(options.headers)
        return HttpQuestion(0, request.label, b"", timeout_s, key, request, refreshes=options.refreshes)


def _key_header(key: str | None) -> dict[str, str]:
    return {} if key is None else {KEY_HEADER: key}


def _http_only(name: str) -> HTTPOnlyError:
    return HTTPOnlyError(
        f"'{name}' is for a RunControl over HTTP, such as RunControl('http://localhost:60610'); this one uses 0MQ.",
        field=name,
    )


def require_gateway(gateway: Gateway | None, name: str) -> Gateway:
    """Return the gateway.

    Raises:
        HTTPOnlyError: there is none, because the connection uses 0MQ.
    """
    if gateway is None:
        raise _http_only(name)
    return gateway
