"""The limits of one manager: how large, how deep and how many. Each is a setting; who keeps it is told beside it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from queue_server.protocol.codec import Bounds
from queue_server.protocol.errors import BusyError

KIB = 1024
MIB = 1024 * KIB

RETRY_AFTER_S = 0.1
"""When a client may repeat what was refused because too much was in flight."""

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Limits(BaseModel):
    """What exceeds a limit is refused with the reason; what is merely too much at once, as busy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_message_bytes: int = Field(
        default=8 * MIB,
        ge=64 * KIB,
        le=64 * MIB,
        description="Largest message of a client, in bytes; a larger one costs its sender the connection.",
    )
    max_worker_message_bytes: int = Field(
        default=MIB,
        ge=MIB,
        le=64 * MIB,
        description="Largest message of a worker, in bytes; workers send large lists in pages, far below this.",
    )
    max_message_depth: int = Field(
        default=32, ge=8, le=128, description="How deep a message of a client may be nested."
    )
    max_message_elements: int = Field(
        default=500_000, ge=1_000, le=10_000_000, description="How many values a message of a client may have in all."
    )
    max_requests: Count = Field(
        default=1_000,
        description="Requests that may wait for their replies at the same time; more are refused as busy. Status, and "
        "orders that stop motion, are answered all the same.",
    )
    max_requests_per_client: Count = Field(default=64, description="The same for each connection.")
    max_request_bytes: int = Field(
        default=64 * MIB,
        ge=MIB,
        description="Bytes of all requests that wait for their replies; more are refused as busy, but a single request "
        "is not.",
    )
    max_request_bytes_per_client: int = Field(default=16 * MIB, ge=MIB, description="The same for each connection.")
    max_messages_waiting: Count = Field(
        default=1_000,
        description="Messages that wait for a peer that does not read (high-water mark); then notices to it are "
        "dropped, and it can tell by their numbers.",
    )
    max_queue_items: Count = Field(default=100_000, description="Items in one queue.")
    max_batch_items: Count = Field(default=10_000, description="Items in one batch.")
    max_history_items: int = Field(
        default=50_000,
        ge=1,
        le=50_000,
        description="Entries of the history, the newest ones, for a client that asks for all of it; with a limit it "
        "reads on from there.",
    )
    max_script_bytes: int = Field(
        default=256 * KIB, ge=1, le=256 * KIB, description="Length of an uploaded script, in bytes of UTF-8."
    )

    @property
    def client_bounds(self) -> Bounds:
        """How large a message of a client may be."""
        return Bounds(self.max_message_bytes, self.max_message_depth, self.max_message_elements)

    def for_one_client(self) -> Limits:
        """Return the same limits for a socket with a single client, which may use all there is."""
        own = {"max_requests_per_client": self.max_requests, "max_request_bytes_per_client": self.max_request_bytes}
        values = {name: getattr(self, name) for name in Limits.model_fields}
        return Limits.model_validate(values | own)

    @property
    def worker_bounds(self) -> Bounds:
        """How large a message of a worker may be."""
        return Bounds(size_bytes=self.max_worker_message_bytes)


DEFAULT_LIMITS = Limits()


def too_much_at_once() -> BusyError:
    """Return the refusal of a request for which there is no room now."""
    details = {"retry_after_s": RETRY_AFTER_S}
    return BusyError("Too many requests are in flight; repeat it later.", details=details)
