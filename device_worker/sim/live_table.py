"""Prints each run as a table while it is measured. Draws nothing and needs no plotting library."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from bluesky.callbacks.core import LiveTable
from event_model import DocumentRouter

_STREAM = "primary"
_SHOWN_TYPES = frozenset({"number", "integer", "string", "boolean"})


class _Printer:
    """Prints the lines of one table and remembers its border."""

    def __init__(self) -> None:
        self.border = ""

    def __call__(self, line: str) -> None:
        if line.startswith("+"):
            self.border = line
        _print(line)


class RunTables(DocumentRouter):
    """One table for each open run, so that nested runs do not mix; columns are what the devices hint at."""

    def __init__(self) -> None:
        super().__init__()
        self._starts: dict[str, dict[str, Any]] = {}
        self._tables: dict[str, LiveTable] = {}
        self._printers: dict[str, _Printer] = {}
        self._runs: dict[str, str] = {}

    def start(self, doc: Any) -> None:
        """Print the head of a run."""
        self._starts[doc["uid"]] = doc
        time = datetime.fromtimestamp(doc["time"]).astimezone()
        _print(f"\n\nTransient Scan ID: {doc.get('scan_id', '')}     Time: {time:%Y-%m-%d %H:%M:%S}")
        _print(f"Persistent Unique Scan ID: '{doc['uid']}'")

    def descriptor(self, doc: Any) -> None:
        """Begin the table of a run when its primary stream begins."""
        run = doc["run_start"]
        if doc["name"] != _STREAM or run not in self._starts:
            return
        self._runs[doc["uid"]] = run
        if run not in self._tables:
            printer = self._printers.setdefault(run, _Printer())
            columns = _choose_columns(self._starts[run], doc)
            self._tables[run] = LiveTable(columns, stream_name=_STREAM, out=printer)
            self._tables[run]("start", self._starts[run])
        self._tables[run]("descriptor", doc)

    def event(self, doc: Any) -> Any:
        """Print a row."""
        run = self._runs.get(doc["descriptor"])
        if run is not None:
            self._tables[run]("event", doc)
        return doc

    def stop(self, doc: Any) -> None:
        """End the table of a run and forget it."""
        run = doc["run_start"]
        start = self._starts.pop(run, {})
        self._runs = {descriptor: owner for descriptor, owner in self._runs.items() if owner != run}
        # The table is not told: it would sleep for 0.1 s here, and every plan with it.
        self._tables.pop(run, None)
        printer = self._printers.pop(run, None)
        if printer is not None:
            _print(printer.border)
            kind, name = start.get("plan_type", ""), start.get("plan_name", "")
            _print(f"{kind} {name} ['{run:.8}'] (scan num: {start.get('scan_id', '')})\n")


def _choose_columns(start: Mapping[str, Any], descriptor: Mapping[str, Any]) -> list[str]:
    keys = descriptor["data_keys"]
    columns = dict.fromkeys([*_scanned_fields(start), *_hinted_fields(descriptor)])
    return [column for column in columns if column in keys and keys[column]["dtype"] in _SHOWN_TYPES]


def _scanned_fields(start: Mapping[str, Any]) -> Iterator[str]:
    for fields, *_ in start.get("hints", {}).get("dimensions", []):
        yield from fields


def _hinted_fields(descriptor: Mapping[str, Any]) -> Iterable[str]:
    hints = descriptor.get("hints", {}).values()
    return [field for hint in hints for field in hint.get("fields", [])]


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
