"""What the columns of a schema take of documents: it listens to an attempt, and forgets the documents as they pass.

The last run of the attempt that has the stream counts, where runs are in the order in which that stream began; the stop
document is that of the run that ended last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from device_worker.metrics.series import Series
from device_worker.metrics.value import MissingValueError, find_value
from queue_server.protocol.result_schema import PRIMARY, Column, ResultSchema


class _Stream:
    """A stream of the last run that has it, and the columns that take a field of it."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._run = ""
        # Runs that are open and whose stream counts no more.
        self._passed: set[str] = set()
        self._descriptors: set[str] = set()
        self._series: dict[str, Series] = {}

    def describe(self, doc: Mapping[str, Any]) -> None:
        run = str(doc["run_start"])
        if run in self._passed:
            return
        if run != self._run:
            if self._run:
                self._passed.add(self._run)
            self._run = run
            self._descriptors.clear()
            self._series = {column.name: Series.of(column) for column in self._columns}
        self._descriptors.add(str(doc["uid"]))
        for series in self._series.values():
            series.describe(doc.get("data_keys") or {})

    def put(self, event: Mapping[str, Any]) -> None:
        if event["descriptor"] in self._descriptors:
            for series in self._series.values():
                series.put(event["seq_num"], event["data"])

    def put_page(self, page: Mapping[str, Any]) -> None:
        if page["descriptor"] not in self._descriptors:
            return
        for index, number in enumerate(page["seq_num"]):
            data = {name: values[index] for name, values in page["data"].items()}
            for series in self._series.values():
                series.put(number, data)

    def close(self, stop: Mapping[str, Any]) -> None:
        self._passed.discard(str(stop["run_start"]))

    def result(self, column: Column) -> Any:
        if not self._run:
            raise MissingValueError(f"no run has a stream {column.stream!r}")
        return self._series[column.name].result()


_TAKERS: Final[Mapping[str, Callable[[_Stream, Mapping[str, Any]], None]]] = {
    "event": _Stream.put,
    "event_page": _Stream.put_page,
    "stop": _Stream.close,
}


class DocumentValues:
    """Listens to the documents of one attempt for the columns of a schema that take a field or the stop document."""

    def __init__(self, schema: ResultSchema) -> None:
        columns: dict[str, list[Column]] = {}
        for column in schema.columns:
            if column.field is not None:
                columns.setdefault(column.stream or PRIMARY, []).append(column)
        self._streams = {name: _Stream(found) for name, found in columns.items()}
        self._stop: Mapping[str, Any] | None = None

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document."""
        if name == "descriptor":
            stream = self._streams.get(doc.get("name") or PRIMARY)
            if stream is not None:
                stream.describe(doc)
            return
        if name == "stop":
            self._stop = doc
        take = _TAKERS.get(name)
        if take is not None:
            for stream in self._streams.values():
                take(stream, doc)

    def find(self, column: Column) -> Any:
        """Return the value of a column that takes a field or the stop document, not yet cast.

        Raises:
            MissingValueError: there is no value; the message says why.
            UnfitValueError: its statistic cannot be taken of what is there.
        """
        if column.stop is None:
            return self._streams[column.stream or PRIMARY].result(column)
        if self._stop is None:
            raise MissingValueError("no run has ended")
        try:
            return find_value(self._stop, column.stop)
        except MissingValueError as error:
            raise MissingValueError(f"{error} in the stop document") from error
