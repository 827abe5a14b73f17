"""What the gateway itself refuses, beside what the manager refuses. Says nothing about how a face shows it.

::

    CuelightError
    └── GatewayError
        ├── CredentialError           credential          missing, unknown, expired or of a wrong form
        │   ├── SchemeError           credential_scheme   an Authorization scheme that is not offered
        │   └── ExpiredError          credential_expired  it was good once
        ├── ScopeError                scope               the identity may not do this
        ├── OriginError               cross_site          a cookie was sent by another site's page
        ├── RangeError                range               the file has no such part
        ├── BodyError                 body                the body is missing, malformed or not an object
        ├── TooLargeError             too_large           the body is larger than the limit
        ├── ThrottledError            throttled           too many failed attempts
        ├── ProviderError             provider            a provider of identities cannot be asked
        ├── ClosingError              closing             the gateway stops serving
        ├── RouteError                no_route            there is no such path
        └── VerbError                 method_not_allowed  the path has other methods
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from http_gateway.auth.scopes import EVERYBODYS_SCOPES
from queue_server.protocol.errors import BusyError, CommunicationError, CuelightError


class GatewayError(CuelightError):
    """The gateway cannot answer this request."""

    code = "gateway"

    def __init__(
        self, message: str = "", *, details: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.headers: dict[str, str] = dict(headers or {})


class CredentialError(GatewayError):
    """The credential is missing, unknown or expired."""

    code = "credential"
    http_status = 401


class SchemeError(CredentialError):
    """The scheme of the Authorization header is not offered."""

    code = "credential_scheme"
    http_status = 400


class ExpiredError(CredentialError):
    """The credential has expired."""

    code = "credential_expired"


class ScopeError(GatewayError):
    """The identity may not do this."""

    code = "scope"
    http_status = 403

    def __init__(self, required: Iterable[str], granted: Iterable[str], *, anonymous: bool = False) -> None:
        # Nobody has to ask for what everybody has.
        self.required = sorted(set(required) - EVERYBODYS_SCOPES)
        self.granted = sorted(set(granted) - EVERYBODYS_SCOPES)
        self.anonymous = anonymous
        # This sentence is matched by clients of bluesky-httpserver.
        super().__init__(
            f"Not enough permissions. Requires scopes {self.required}. Request had scopes {self.granted}",
            details={"required": self.required, "granted": self.granted},
        )


class OriginError(GatewayError):
    """A request with a cookie came from a page of another site, or without the token that proves the opposite."""

    code = "cross_site"
    http_status = 403


class RangeError(GatewayError):
    """The file has no such part."""

    code = "range"
    http_status = 416


class BodyError(GatewayError):
    """The body is missing, malformed, or not a JSON object."""

    code = "body"
    http_status = 422

    def __init__(self, message: str, *, kind: str = "missing", given: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.given = given


class TooLargeError(GatewayError):
    """The body is larger than the limit."""

    code = "too_large"
    http_status = 413


class SlowBodyError(GatewayError):
    """The body comes too slowly, or not to its end."""

    code = "slow_body"
    http_status = 408


class ThrottledError(GatewayError):
    """Too many attempts; repeat it later."""

    code = "throttled"
    http_status = 429

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        headers = {"Retry-After": str(max(1, round(retry_after_s)))}
        super().__init__(message, details={"retry_after_s": retry_after_s}, headers=headers)


class ProviderError(GatewayError):
    """A provider of identities cannot be asked; try again later."""

    code = "provider"
    http_status = 503


class ClosingError(GatewayError):
    """The gateway stops serving; connect again."""

    code = "closing"
    http_status = 503


class RouteError(GatewayError):
    """There is no such path."""

    code = "no_route"
    http_status = 404


class VerbError(GatewayError):
    """The path exists, but not for this HTTP method."""

    code = "method_not_allowed"
    http_status = 405


def lacks_identity(error: CuelightError) -> bool:
    """Return whether it is not known who asks, rather than whether they may."""
    return isinstance(error, CredentialError) or (isinstance(error, ScopeError) and error.anonymous)


def headers_of(error: CuelightError) -> dict[str, str]:
    """Return the headers that tell when to repeat a request, and what else an error brings along."""
    headers = dict(error.headers) if isinstance(error, GatewayError) else {}
    if isinstance(error, (BusyError, CommunicationError)):
        headers["Retry-After"] = "1"
    return headers
