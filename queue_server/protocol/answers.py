"""Answers that are kept, so that the same request gets the same answer again. It knows neither requests nor a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from pydantic import Field

from queue_server.protocol.method import Params

KEPT_S: Final = 7 * 86_400.0
"""How long an answer may be given again, in seconds."""
LONGEST_KEY: Final = 255
LONGEST_ENDPOINT: Final = 2_000


class Repeatable(Struct, frozen=True):
    """Whose request it is, where it was sent and under which key: who sends the same again gets the same answer."""

    user: str
    endpoint: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer to a request. ``body`` is JSON; times are seconds since 1970-01-01 UTC."""

    request: Repeatable
    fingerprint: str
    status: int
    media_type: str
    body: str = field(repr=False)
    stored: float
    expires: float

    def holds(self, now: float) -> bool:
        """Whether it may still be given."""
        return now < self.expires


class Idempotency(Params):
    """Under which key a request may be repeated, and what makes it the same request."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY, description="The key, exactly as it was sent.")
    endpoint: str = Field(
        min_length=1, max_length=LONGEST_ENDPOINT, description="Where it was sent: keys of other places are others."
    )
    fingerprint: str = Field(
        pattern="^[0-9a-f]{64}$", description="SHA-256 of the canonical request: another one under the key is refused."
    )


class AnswerForm(Params):
    """How the answer is given, and given again when the request is repeated."""

    status: int = Field(default=200, ge=200, le=399, description="Status of HTTP.")
    media_type: str = Field(default="application/json", max_length=255, description="Media type of its body.")


class RepeatableParams(Params):
    """Parameters of a request whose answer is kept, so that a repetition gets the same one."""

    idempotency: Idempotency | None = Field(
        default=None, description="Key, endpoint and fingerprint of a request that may be repeated: 7 days."
    )
    answer: AnswerForm | None = Field(default=None, description="Status and media type that are kept with the answer.")
