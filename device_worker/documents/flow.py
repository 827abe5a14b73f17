"""The way of a document out of the RunEngine: recorded first, then published, then shown to everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from device_worker.documents.publish import Publisher
from device_worker.documents.record import Recorder
from device_worker.documents.run_record import RecordError

if TYPE_CHECKING:
    from bluesky import RunEngine


class DocumentFlow:
    """Takes every document that a RunEngine emits; without a recorder or a publisher that step is left out."""

    def __init__(self, recorder: Recorder | None = None, publisher: Publisher | None = None, host: str = "") -> None:
        self._recorder = recorder
        self._publisher = publisher
        self.host = host
        """The host whose disk has the records; empty for that of the manager."""

    def attach(self, engine: RunEngine) -> None:
        """Take the documents of a RunEngine, ahead of whatever subscribes to them and whatever that raises.

        A subscription would come after those of the profile, and one of these that raises ends the round.
        """
        show = engine.dispatcher.process

        def process(name: Any, doc: Mapping[str, Any]) -> None:
            try:
                self.take(name.name, doc)
            except RecordError:
                if name.name == "stop":
                    # Whoever follows the run is to know that it is over.
                    show(name, doc)
                raise
            show(name, doc)

        engine.dispatcher.process = process

    def take(self, name: str, document: Mapping[str, Any]) -> None:
        """Record a document, then publish it.

        Raises:
            RecordError: it is not recorded, and not published.
        """
        if self._recorder is not None:
            self._recorder.take(name, document)
        if self._publisher is not None:
            self._publisher.publish(name, document)

    def name_of(self, run_uid: str) -> str:
        """Return where a run is recorded, relative to the data directory; empty if it is not."""
        return "" if self._recorder is None else self._recorder.name_of(run_uid)

    def settle(self) -> str:
        """End what an attempt has left open; return why some of its documents are not recorded, or nothing."""
        return "" if self._recorder is None else self._recorder.settle()

    def close(self) -> None:
        """Close the records, and let go of the connection."""
        self.settle()
        if self._recorder is not None:
            self._recorder.close()
        if self._publisher is not None:
            self._publisher.close()
