"""What the engine needs from outside, so that tests can put other implementations in its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from queue_server.engine.readings import Readings
from queue_server.engine.turn import Turn
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.status import Status
from queue_server.protocol.worker_link import CatalogPage, ToWorker


class WorkerHost(Protocol):
    """Starts and kills worker processes; their exits come back as events."""

    def start(self, lane: str, incarnation: str) -> None:
        """Start the worker of a lane; a failure to start comes back as its exit."""
        ...

    def kill(self, lane: str, incarnation: str) -> None:
        """Kill the worker of a lane; does nothing if it is gone."""
        ...


class WorkerLink(Protocol):
    """Carries messages to workers."""

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send a message; it is dropped if the worker is not connected, for the next hello asks for it again."""
        ...


class Publisher(Protocol):
    """Publishes notices."""

    def publish_status(self, status: Status) -> None:
        """Publish the status."""
        ...

    def publish_event(self, event: EventRecord) -> None:
        """Publish a committed event with its sequence number."""
        ...


class CatalogKeeper(Protocol):
    """Keeps the descriptions of plans and devices that workers report."""

    @property
    def graph_lanes(self) -> Collection[str]:
        """The lanes whose workers execute graphs."""
        ...

    @property
    def readings(self) -> Readings:
        """The questions to workers about the devices that they have described."""
        ...

    def receive(self, incarnation: str, page: CatalogPage) -> None:
        """Collect one page."""
        ...

    def adopt(self, turn: Turn, lane: str, incarnation: str) -> None:
        """Make the collected pages of a worker the catalog of its lane, save it, and apply what has changed."""
        ...

    def keep_metadata(self, lane: str, values: Mapping[str, Any]) -> None:
        """Keep what the RunEngine of a lane puts into every run."""
        ...

    def forget(self, incarnation: str) -> None:
        """Drop the pages of a worker that is gone."""
        ...


class NoticeBoard(Protocol):
    """Publishes what workers tell in passing."""

    def publish_console(self, time: float, text: str) -> None:
        """Publish a chunk of console output; ``time`` in seconds since 1970-01-01 UTC."""
        ...

    def publish_progress(self, payload: Mapping[str, Any]) -> None:
        """Publish how far a running item is."""
        ...


class ReportLink(Protocol):
    """Where reports come from."""

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send a message to a worker that has just said hello."""
        ...

    def acknowledge(self, incarnation: str, number: int) -> None:
        """Tell a worker that its reports up to ``number`` are committed."""
        ...

    def forget(self, incarnation: str) -> None:
        """Drop what is known of a worker that is gone."""
        ...


class Liveness(Protocol):
    """Watches the heartbeats of workers."""

    def expect(self, lane: str, incarnation: str) -> None:
        """Begin to watch a worker."""
        ...

    def beat(self, lane: str, incarnation: str, main_thread_age_s: float) -> None:
        """Note a heartbeat."""
        ...

    def forget(self, incarnation: str) -> None:
        """Stop watching a worker."""
        ...
