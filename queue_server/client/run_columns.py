"""What the tables of a recorded run look like: streams, columns and types, found in one pass over its documents.

It holds one document at a time and makes no table. A column's type comes from what was declared and from all values
that were recorded, so that a table can be written without surprises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import Struct, field

from queue_server.client.run_file import read_documents
from queue_server.protocol.errors import NotFoundError

SEQ_NUM, TIME = "seq_num", "time"
"""The first columns of every table: the number of the event, and its time in seconds since 1970-01-01 UTC.

A data key with one of these names is the column ``data_seq_num`` or ``data_time``.
"""

Kind = Literal["integer", "number", "boolean", "text", "array", "json"]

_LARGEST, _LARGEST_UNSIGNED = 2**63 - 1, 2**64 - 1
_DECLARED = {"number": "number", "integer": "integer", "boolean": "boolean", "string": "text", "array": "array"}
_ELEMENT = re.compile(r"[<>|=]?([biuf])([1248])")
_MOST_STREAMS = 10_000


class Column(Struct, frozen=True):
    """One column: for an array ``element`` is the type of its elements (as in NumPy: ``u2``, ``f8``).

    ``shape`` is that of every array of the column, None where they differ or lack. Columns of the kind ``json`` have
    values that no type fits, as JSON text. ``key`` is the data key; without one it is a column of every table.
    """

    name: str
    kind: Kind
    element: str = ""
    shape: tuple[int, ...] | None = None
    depth: int = 0
    has_gaps: bool = False
    key: str | None = None

    def value_in(self, event: Event) -> Any:
        """Return what an event has in this column, or None."""
        if self.key is not None:
            return event.data.get(self.key)
        return event.seq_num if self.name == SEQ_NUM else event.time

    @property
    def type_text(self) -> str:
        """The type in a word."""
        if self.kind != "array":
            return self.kind
        sizes = ["?"] * self.depth if self.shape is None else map(str, self.shape)
        return f"{self.element}[{' x '.join(sizes)}]"


class Table(Struct, frozen=True):
    """The table of one stream: a row for each event that was recorded when the documents were gone through."""

    stream: str
    rows: int
    columns: tuple[Column, ...]

    @property
    def arrays(self) -> tuple[Column, ...]:
        """The columns that hold arrays."""
        return tuple(column for column in self.columns if column.kind == "array")


def find_tables(path: Path) -> dict[str, Table]:
    """Return the tables of a run by the names of their streams, in the order in which these were declared.

    Raises:
        RunFileError: the file is damaged.
        OSError: it cannot be read.
    """
    drafts: dict[str, _Draft] = {}
    for event in read_events(path, drafts):
        drafts[event.stream].add(event)
    return {name: draft.table(name) for name, draft in drafts.items()}


def table_of(path: Path, stream: str) -> Table:
    """Return the table of a stream.

    Raises:
        NotFoundError: the run has no such stream.
        RunFileError, OSError: as for all tables.
    """
    tables = find_tables(path)
    if stream not in tables:
        known = ", ".join(map(repr, islice(tables, 20))) or "none"
        raise NotFoundError(f"The run has no stream {stream!r:.200}; it has {known}.")
    return tables[stream]


class Event(Struct, frozen=True):
    """One event of a stream, also where it was recorded in a page."""

    stream: str
    seq_num: int | None
    time: float | None
    data: Mapping[str, Any]


def read_events(path: Path, drafts: dict[str, _Draft] | None = None) -> Iterator[Event]:
    """Yield the events of a run in the order of its file; those that belong to no known stream are passed over.

    Raises:
        RunFileError, OSError: as for all tables.
    """
    streams: dict[str, str] = {}
    for name, document in read_documents(path):
        if name == "descriptor":
            stream = str(document.get("name") or "primary")
            streams[str(document.get("uid"))] = stream
            if drafts is not None and len(drafts) < _MOST_STREAMS:
                drafts.setdefault(stream, _Draft()).declare(_map(document.get("data_keys")))
            continue
        stream = streams.get(str(document.get("descriptor")), "")
        if not stream or (drafts is not None and stream not in drafts):
            continue
        if name == "event":
            yield _event(stream, document.get("seq_num"), document.get("time"), _map(document.get("data")))
        elif name == "event_page":
            yield from _events_in(stream, document)


def _events_in(stream: str, page: Mapping[str, Any]) -> Iterator[Event]:
    data = {key: _list(values) for key, values in _map(page.get("data")).items()}
    times = _list(page.get("time"))
    for at, seq_num in enumerate(_list(page.get("seq_num"))):
        values = {key: found[at] for key, found in data.items() if at < len(found)}
        yield _event(stream, seq_num, times[at] if at < len(times) else None, values)


def _event(stream: str, seq_num: object, time: object, data: Mapping[str, Any]) -> Event:
    number = seq_num if isinstance(seq_num, int) and abs(seq_num) <= _LARGEST else None
    return Event(stream, number, float(time) if isinstance(time, (int, float)) else None, data)


class _Seen(Struct):
    """What was seen of a column so far."""

    declared: str = ""
    element: str = ""
    kinds: set[str] = field(default_factory=set[str])
    numbers: int = 0
    others: int = 0
    low: int = 0
    high: int = 0
    shapes: set[tuple[int, ...]] = field(default_factory=set[tuple[int, ...]])
    depth: int = 0

    def add(self, value: Any) -> None:
        """Take a value that is no number with a fraction."""
        if value is None:
            return
        self.others += 1
        if isinstance(value, bool):
            self.kinds.add("boolean")
        elif isinstance(value, int):
            self.kinds.add("integer")
            self.low, self.high = min(self.low, value), max(self.high, value)
        elif isinstance(value, str):
            self.kinds.add("text")
        elif isinstance(value, list):
            self._add_array(cast("list[Any]", value))
        else:
            self.kinds.add("json")

    def _add_array(self, value: list[Any]) -> None:
        import numpy as np

        try:
            array: Any = np.asarray(value)
        except (ValueError, OverflowError):
            # Its rows differ in length.
            self.kinds.add("json")
            return
        kind = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}.get(array.dtype.kind)
        if kind is None:
            self.kinds.add("json")
            return
        self.kinds.add("array" if not array.size else f"array of {kind}")
        if array.size and kind == "integer":
            self.low, self.high = min(self.low, int(array.min())), max(self.high, int(array.max()))
        # A column has few shapes or one that nobody can use.
        if len(self.shapes) < 2:
            self.shapes.add(array.shape)
        self.depth = max(self.depth, array.ndim)
        if any(len(shape) != array.ndim for shape in self.shapes):
            self.kinds.add("json")

    def column(self, name: str, rows: int) -> Column:
        """Return the column of a data key."""
        if self.numbers:
            self.kinds.add("number")
        has_gaps = self.numbers + self.others < rows
        kind = self._kind()
        shown = f"data_{name}" if name in (SEQ_NUM, TIME) else name
        if kind != "array":
            return Column(shown, kind, has_gaps=has_gaps, key=name)
        [shape] = self.shapes if len(self.shapes) == 1 else [None]
        return Column(shown, "array", self._element(), shape, self.depth, has_gaps, name)

    def _kind(self) -> Kind:
        kinds = self.kinds
        if not kinds:
            # Nothing but gaps: it is what was declared, if that needs no more.
            return cast("Kind", self.declared) if self.declared in ("number", "integer", "boolean") else "text"
        if kinds <= {"integer", "number"}:
            is_whole = kinds == {"integer"} and self.declared != "number" and -_LARGEST <= self.low <= self.high
            return "integer" if is_whole and self.high <= _LARGEST else "number"
        if len(kinds) == 1 and (only := next(iter(kinds))) in ("boolean", "text"):
            return cast("Kind", only)
        return "array" if all(kind.startswith("array") for kind in kinds) else "json"

    def _element(self) -> str:
        """Return the declared type of the elements if all of them fit into it, else the smallest of 8 bytes."""
        match = _ELEMENT.fullmatch(self.element)
        declared = (match[1], int(match[2])) if match else ("", 0)
        if self.kinds == {"array of boolean"}:
            return "b1"
        if "array of number" in self.kinds or declared[0] == "f":
            return f"f{max(declared[1], 4)}" if declared[0] == "f" else "f8"
        if declared[0] in ("i", "u"):
            bits = 8 * declared[1] - (declared[0] == "i")
            if (-(2**bits) if declared[0] == "i" else 0) <= self.low and self.high < 2**bits:
                return f"{declared[0]}{declared[1]}"
        if "array of integer" not in self.kinds:
            return "f8"
        if self.low >= -_LARGEST and self.high <= _LARGEST:
            return "i8"
        return "u8" if self.low >= 0 and self.high <= _LARGEST_UNSIGNED else "f8"


class _Draft:
    """The table of a stream while its documents are gone through."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns: dict[str, _Seen] = {}

    def declare(self, keys: Mapping[str, Any]) -> None:
        """Take the data keys of a descriptor."""
        for name, key in keys.items():
            seen = self._columns.setdefault(name, _Seen())
            declared = _map(key)
            seen.declared = seen.declared or _DECLARED.get(str(declared.get("dtype")), "")
            seen.element = seen.element or str(declared.get("dtype_numpy") or declared.get("dtype_str") or "")

    def add(self, event: Event) -> None:
        """Take an event."""
        self._rows += 1
        for name, value in event.data.items():
            seen = self._columns.get(name)
            if seen is None:
                seen = self._columns[name] = _Seen()
            # Most values are numbers, and they need no more than to be counted.
            if type(value) is float:
                seen.numbers += 1
            else:
                seen.add(value)

    def table(self, stream: str) -> Table:
        own = (Column(SEQ_NUM, "integer"), Column(TIME, "number"))
        columns = tuple(seen.column(name, self._rows) for name, seen in self._columns.items())
        return Table(stream, self._rows, (*own, *columns))


def _map(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
