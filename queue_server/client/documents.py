"""The documents of runs as a subscriber sees them: numbered, and what is missing told. Without any input or output."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from queue_server.client.notices import reached_from
from queue_server.protocol.documents import MARK, DocumentHeader, document_topic, read_content, read_header
from queue_server.protocol.errors import CommunicationError, EnvelopeError, ParameterError

__all__ = ["LOST", "Document", "Gap", "Sequencer", "check_lanes", "documents_address_in"]

LOST = "lost"
"""The reason of a gap where documents were dropped on their way: this subscriber, or its network, was slow."""

MOST_WAITING = 10_000
"""Documents that wait for a subscriber in its own process."""

# Workers whose last number is remembered.
_MOST_SOURCES = 1000


class Document(NamedTuple):
    """One document of a run, as the RunEngine emitted it.

    ``number`` counts the documents of one worker process, which ``incarnation`` names; ``time`` is when it was
    published, in seconds since 1970-01-01 UTC. ``name`` and ``content`` are what event-model's tools take.
    """

    lane: str
    incarnation: str
    number: int
    time: float
    name: str
    content: dict[str, Any]


class Gap(NamedTuple):
    """Documents that did not come: those from ``first`` to ``last``. The record of the run has them."""

    lane: str
    incarnation: str
    first: int
    last: int
    reason: str = LOST

    @property
    def missing(self) -> int:
        """How many documents are missing."""
        return self.last - self.first + 1


class Sequencer:
    """Turns messages into documents, and tells by their numbers what is missing before each."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lanes: set[str] = set()

    def take(self, frames: Sequence[bytes]) -> tuple[Document | Gap, ...]:
        """Return what a message tells; nothing if it is none of a worker."""
        try:
            header = read_header(frames)
        except EnvelopeError:
            return ()
        last = self._find_last(header)
        is_mark = header.name == MARK
        # A mark is that of a document which has come before.
        first_known = header.number + 1 if is_mark else header.number
        self._remember(header, max(last, header.number))
        if header.number <= last:
            return ()
        missing = (Gap(header.lane, header.incarnation, last + 1, first_known - 1),) if first_known > last + 1 else ()
        return missing if is_mark else (*missing, _read(header, frames))

    def _find_last(self, header: DocumentHeader) -> int:
        last = self._last.get((header.lane, header.incarnation))
        if last is not None:
            return last
        if header.lane in self._lanes:
            # The worker is new, and this subscription was there before it.
            return 0
        return header.number if header.name == MARK else header.number - 1

    def _remember(self, header: DocumentHeader, last: int) -> None:
        source = (header.lane, header.incarnation)
        self._last[source] = last
        self._last.move_to_end(source)
        self._lanes.add(header.lane)
        if len(self._last) > _MOST_SOURCES:
            (lane, _), _ = self._last.popitem(last=False)
            if all(lane != other for other, _ in self._last):
                self._lanes.discard(lane)


def check_lanes(lanes: Iterable[str] | None) -> tuple[bytes, ...]:
    """Return the prefixes to subscribe to; None means every lane.

    Raises:
        ParameterError: ``lanes`` is a single string, or empty.
    """
    if lanes is None:
        return (b"",)
    if isinstance(lanes, str):
        raise ParameterError(f"'lanes' must be a list of lanes, such as [{lanes!r}].", field="lanes")
    prefixes = tuple(document_topic(lane) for lane in lanes)
    if not prefixes:
        raise ParameterError("'lanes' is empty; leave it out for all lanes.", field="lanes")
    return prefixes


def documents_address_in(reply: Mapping[str, Any], control: str) -> str:
    """Return the address of the documents from a reply to ``config_get``, as it is reached from here.

    Raises:
        CommunicationError: the manager does not tell.
    """
    config: object = reply.get("config")
    address = cast("dict[str, Any]", config).get("documents") if isinstance(config, dict) else None
    if isinstance(address, str) and address:
        return reached_from(address, control)
    raise CommunicationError(f"The manager at {control} does not say where it publishes documents: it is an older one.")


def _read(header: DocumentHeader, frames: Sequence[bytes]) -> Document | Gap:
    reason = header.omitted
    if not reason:
        try:
            content = read_content(frames)
        except EnvelopeError as error:
            reason = error.message
        else:
            return Document(header.lane, header.incarnation, header.number, header.time, header.name, content)
    return Gap(header.lane, header.incarnation, header.number, header.number, reason)
