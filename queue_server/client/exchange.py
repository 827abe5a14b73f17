"""One request and its reply, without any input or output: what both forms of ``RunControl`` share."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from queue_server.protocol.codec import Bounds, Encoding, decode, encode
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import (
    CommunicationError,
    EnvelopeError,
    ParameterError,
    RequestFailedError,
    RequestTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queue_server.protocol.method import Method, Params

# A reply may hold the whole history, so these bounds only catch what cannot be a reply.
REPLY_BOUNDS = Bounds(size_bytes=1024**3, depth=256, elements=50_000_000)
LONGEST_TIMEOUT_S = 7 * 24 * 3600.0


class UnreachableError(RequestTimeoutError):
    """Nothing accepted a connection in time; the request was not sent."""

    code = "unreachable"
    exit_code = CommunicationError.exit_code


class Question(Struct, frozen=True):
    """A request ready to be sent, and how long to wait for its reply."""

    id: int
    method: str
    data: bytes
    timeout_s: float
    key: str | None = None


class Deadline:
    """A moment in the future on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left_ms(self) -> int:
        """Return the time left in whole milliseconds, rounded up, never below 0."""
        return max(0, int((self._end - time.monotonic()) * 1000 + 0.999))

    def left_s(self) -> float:
        """Return the time left in seconds, never below 0."""
        return max(0.0, self._end - time.monotonic())


class Exchange(Struct, frozen=True):
    """How requests become bytes, and replies become values or errors."""

    address: str
    timeout_s: float = 2.0
    request_fail_exceptions: bool = True
    encoding: Encoding = "json"
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        check_timeout(self.timeout_s)
        if self.encoding not in {"json", "msgpack"}:
            raise ParameterError(f"'encoding' must be json or msgpack, not {self.encoding!r}.", field="encoding")

    def ask(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        key: str | None = None,
    ) -> Question:
        """Return the request to send; the manager does only one of all that have the same idempotency ``key``.

        Raises:
            ParameterError: a value is of a type that cannot cross the wire, or the timeout is out of range.
        """
        number = next(self._ids)
        request = Request(method=method, params=params or {}, id=number, idempotency_key=key)
        try:
            data = encode(request.as_mapping(), self.encoding)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ParameterError(f"The parameters of {method} cannot be sent: {error}", field="params") from error
        wait_s = self.timeout_s if timeout_s is None else check_timeout(timeout_s)
        return Question(number, method, data, wait_s, key)

    def read(self, question: Question, data: bytes) -> dict[str, Any] | None:
        """Return the reply in ``data``, or None if it answers another request.

        A manager that could not read a request cannot name it either; such a reply belongs to this question,
        because a socket carries one question at a time and is thrown away when its reply stays out.

        Raises:
            CommunicationError: what came is no reply.
        """
        try:
            reply, _ = decode(data, REPLY_BOUNDS)
        except EnvelopeError as error:
            raise CommunicationError(f"{self.address} sent something that is not a reply: {error.message}") from error
        identifier = reply.pop("id", question.id)
        return reply if identifier == question.id else None

    def judge(self, question: Question, reply: dict[str, Any], *, strict: bool | None = None) -> dict[str, Any]:
        """Return ``reply``; ``strict`` overrules ``request_fail_exceptions``.

        Raises:
            RequestFailedError: the manager refused, and a refusal counts as an error.
        """
        wanted = self.request_fail_exceptions if strict is None else strict
        if wanted and reply.get("success") is False:
            text = str(reply.get("msg") or "no reason was given")
            raise RequestFailedError(f"The manager refused {question.method}: {text}", reply=reply)
        return reply

    def unanswered(self, question: Question, *, sent: bool) -> RequestTimeoutError:
        """Return the error for a request that got no reply in time; ``sent`` says how far it came."""
        details = {"address": self.address}
        if not sent:
            return UnreachableError(
                f"No manager answers at {self.address} (waited {question.timeout_s:g} s for a connection; "
                f"{question.method} was not sent).",
                details=details,
            )
        advice = ""
        if question.key is not None:
            details["idempotency_key"] = question.key
            advice = f" To repeat it without a second effect, send it with idempotency_key={question.key!r}."
        return RequestTimeoutError(
            f"The manager at {self.address} did not answer {question.method} within "
            f"{question.timeout_s:g} s; it may still carry the request out.{advice}",
            details=details,
        )

    def not_reached(self, status: Mapping[str, Any], timeout_s: float) -> RequestTimeoutError:
        """Return the error for a state that was awaited in vain."""
        return RequestTimeoutError(
            f"The manager at {self.address} did not reach the awaited state within {timeout_s:g} s; "
            f"it is {status.get('manager_state')!r}.",
            details={"address": self.address, "status": dict(status)},
        )


def check_timeout(timeout_s: object) -> float:
    """Return ``timeout_s`` if it is a number above 0 and at most a week.

    Raises:
        ParameterError: it is not.
    """
    if isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool):
        seconds = float(timeout_s)
        if 0 < seconds <= LONGEST_TIMEOUT_S:
            return seconds
    raise ParameterError(
        f"'timeout_s' must be above 0 and at most {LONGEST_TIMEOUT_S:g} seconds, not {timeout_s!r}.",
        field="timeout_s",
    )


def values_of(params: Params | None) -> dict[str, Any]:
    """Return the parameters that were set, as they cross the wire."""
    return {} if params is None else params.model_dump(exclude_unset=True)


def result_of(method: Method, reply: Mapping[str, Any]) -> Any:
    """Return the declared result of a reply, or the reply itself for ``status`` and ``ping``."""
    if method.bare:
        return dict(reply)
    names = {declared.name for declared in dataclasses.fields(method.result)}
    return method.result(**{name: value for name, value in reply.items() if name in names})
