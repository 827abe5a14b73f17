"""What the routes of the ICA dialect refuse, and the manager's refusals as errors of this gateway. Renders nothing.

::

    GatewayError
    ├── ContentError      content      the request has wrong values; it says where
    │   └── AcceptError   accept       the client accepts no version that is served here
    ├── MediaTypeError    media_type   the body is of another type than the one that is read here
    ├── InFlightError     in_flight    the first request with this key is still being worked on
    ├── ReusedKeyError    reused_key   the key was used with another body
    └── NotNowError       not_now      the manager cannot do it now
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, cast

from http_gateway.errors import GatewayError
from queue_server.protocol.errors import (
    BusyError,
    CuelightError,
    EnvelopeError,
    ForbiddenError,
    InProgressError,
    MismatchError,
    NotFoundError,
    ParameterError,
    ShuttingDownError,
    StorageBusyError,
    StorageError,
    StorageFullError,
)

MOST_PLACES: Final = 100
"""How many wrong places one answer lists."""
_AGAIN = {"Retry-After": "1"}


class ContentError(GatewayError):
    """The request has wrong values; ``places`` says for each place what is wrong there."""

    code = "content"
    http_status = 400
    title: ClassVar[str] = ""

    def __init__(self, message: str = "", places: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.places = dict(places or {})


class AcceptError(ContentError):
    """The client accepts no version that is served here."""

    code = "accept"
    title = "ICA_API_004"

    def __init__(self) -> None:
        # Both texts are those of ICA; clients match them.
        super().__init__("Invalid Accept Header", {"Accept": "names no version that is served here"})


class MediaTypeError(GatewayError):
    """The body is of another type than the one that is read here."""

    code = "media_type"
    http_status = 415


class InFlightError(GatewayError):
    """The first request with this key is still being worked on; repeat this one with the same key."""

    code = "in_flight"
    http_status = 409

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers=_AGAIN)


class ReusedKeyError(GatewayError):
    """The key was used with another body."""

    code = "reused_key"
    http_status = 422


class NotNowError(GatewayError):
    """The manager cannot do it now; repeat the request later."""

    code = "not_now"
    http_status = 503

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers=_AGAIN)


def refuse_places(problems: Iterable[tuple[str, str]]) -> ContentError:
    """Return the refusal of a request whose problems are these, each a place and what is wrong there."""
    places: dict[str, str] = {}
    count = 0
    for place, text in problems:
        count += place not in places
        if len(places) < MOST_PLACES:
            places.setdefault(place, text)
    first, text = next(iter(places.items()), ("body", "is wrong"))
    others = f" And {count - 1} more." if count > 1 else ""
    return ContentError(f"{first}: {text}.{others}", places)


_KINDS: dict[str, type[CuelightError]] = {
    InProgressError.code: InFlightError,
    MismatchError.code: ReusedKeyError,
    **{
        kind.code: kind
        for kind in (
            NotFoundError,
            ForbiddenError,
            BusyError,
            ShuttingDownError,
            StorageError,
            StorageFullError,
            CuelightError,
        )
    },
    StorageBusyError.code: NotNowError,
}


def error_in(reply: Mapping[str, Any]) -> CuelightError:
    """Return the error that the manager's refusal is.

    Only the two cases of keys have the statuses 409 and 422; whatever else cannot be done now is to be repeated.
    """
    error = _map_in(reply, "error")
    code, text = str(error.get("code", "")), str(reply.get("msg", ""))
    if code in (ParameterError.code, EnvelopeError.code):
        return ContentError(text, dict(_problems_in(_map_in(error, "details"))))
    return _KINDS.get(code, NotNowError)(text)


def _problems_in(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the manager says about wrong values, each as a place and a text."""
    listed: list[Any] = details.get("errors") or details.get("fields") or []
    for each in listed[:MOST_PLACES]:
        known = cast("Mapping[str, Any]", each)
        text, given = str(known.get("accepted", "is wrong")), known.get("given")
        yield str(known.get("field", "body")), f"given {given}, accepted {text}" if given else text
    if not listed and details.get("field"):
        yield str(details["field"]), "is wrong"


def _map_in(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
