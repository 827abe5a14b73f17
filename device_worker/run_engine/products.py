"""What an attempt at a plan leaves behind besides its runs: metrics by the schema of its order, and files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from device_worker.metrics.documents import DocumentValues
from device_worker.metrics.extraction import Measured, measure
from device_worker.outputs import outputs_in
from device_worker.run_engine.outputs import METRICS_FILE, OutputDirectory, Outputs
from queue_server.protocol.items import Outcome
from queue_server.protocol.records import ManifestEntry
from queue_server.protocol.result_schema import Extraction
from queue_server.protocol.worker_link import Execute

_log = logging.getLogger(__name__)

Watcher = Callable[[str, Mapping[str, Any]], None]

MEASURED: Final[frozenset[Outcome]] = frozenset(("completed", "stopped"))
"""How an attempt has ended that has metrics; of others nobody knows what is missing."""


@dataclass(frozen=True, slots=True)
class Products:
    """What an attempt has left behind, and what its report has to say of that."""

    metrics: dict[str, int | float | str] = field(default_factory=dict[str, "int | float | str"])
    metrics_error: str = ""
    artifacts: tuple[ManifestEntry, ...] = ()
    remark: str = ""


class Collection:
    """What one attempt leaves behind, from its first document on."""

    def __init__(self, outputs: Outputs, directory: OutputDirectory, extraction: Extraction) -> None:
        self._outputs = outputs
        self._directory = directory
        self._extraction = extraction
        schema = extraction.result_schema
        self._documents = None if schema is None else DocumentValues(schema)

    @property
    def watchers(self) -> list[Watcher]:
        """What has to listen to the documents."""
        return [] if self._documents is None else [self._documents]

    def opened(self) -> AbstractContextManager[None]:
        """Return a block inside of which the plan can ask for its directory."""
        return outputs_in(self._directory.open)

    def end(self, outcome: Outcome) -> Products:
        """Take the metrics and keep the files; nothing of that is raised, and the outcome stays what it is."""
        measured = self._measure() if outcome in MEASURED else Measured()
        if measured.error:
            _log.warning("The plan has no metrics: %s", measured.error)
        kept = self._outputs.keep(self._directory, self._extraction.outputs)
        if kept.remark:
            _log.error("%s", kept.remark)
        return Products(measured.metrics, measured.error, kept.entries, kept.remark)

    def _measure(self) -> Measured:
        if self._extraction.result_schema is None:
            return Measured()
        measured = measure(self._extraction.result_schema, self._directory.path, self._documents)
        declared = self._extraction.outputs
        if measured.metrics and (not declared or METRICS_FILE in declared) and self._outputs.can_keep():
            try:
                self._directory.write_metrics(measured.metrics)
            except OSError as error:
                _log.error("The file with the metrics cannot be written: %s", error)
        return measured


class ProductCollector:
    """Begins with the products of each attempt of one lane."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs

    def begin(self, order: Execute) -> Collection:
        """Return what will collect the products of a new attempt."""
        return Collection(self._outputs, self._outputs.begin(order.attempt), order.extraction or Extraction())
