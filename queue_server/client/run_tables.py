"""Tables of recorded runs as CSV, Arrow or Parquet, made piece by piece. It opens no other file than that of the run.

The libraries for Arrow, Parquet and arrays are loaded when they are needed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from queue_server.client.run_columns import Column, Event, Table, read_events
from queue_server.protocol.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TableFormat = Literal["csv", "arrow", "parquet"]
FORMATS: tuple[TableFormat, ...] = ("csv", "arrow", "parquet")
MEDIA_TYPES: dict[TableFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.file",
    "parquet": "application/vnd.apache.parquet",
}

ROWS_AT_ONCE = 10_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CELLS_AT_ONCE = 1_000_000
"""What is held of a table at most, unless one event has more."""


def make_table(path: Path, table: Table, form: str, rows_at_once: int = ROWS_AT_ONCE) -> Generator[bytes]:
    """Yield the table of a stream as bytes, holding a part of it at a time; ``table`` is what was found in the file.

    CSV has no arrays: their columns are left out. In Arrow (the file format) and Parquet an array is a fixed-size list
    for each of its dimensions, in the order of the shape; where shapes differ, or arrays lack, a list.

    Raises:
        ParameterError: there is no such format, or its library is not installed.
        RunFileError: the file of the run is damaged.
        OSError: it cannot be read.
    """
    if form not in FORMATS:
        raise ParameterError(f"'format' must be one of {', '.join(FORMATS)}, not {form!r:.50}.", field="format")
    if form == "csv":
        return _make_csv(path, table, rows_at_once)
    pa, collector = _load("pyarrow"), _Collector()
    schema = pa.schema([pa.field(_write_text(column.name), _type_of(pa, column)) for column in table.columns])
    if form == "parquet":
        writer: Any = _load("pyarrow.parquet").ParquetWriter(collector, schema)
    else:
        writer = pa.ipc.new_file(collector, schema)
    batches = (
        pa.record_batch([_array_of(pa, events, column) for column in table.columns], schema=schema)
        for events in _parts(path, table, rows_at_once)
    )
    return _write_batches(batches, writer, collector)


def read_array(event: Event, column: Column) -> NDArray[Any]:
    """Return the array of an event with the type of its column, shape ``column.shape``; zeros where it has none."""
    import numpy as np

    value, shape = column.value_in(event), column.shape or ()
    return np.zeros(shape, column.element) if value is None else np.asarray(value, column.element)


def read_rows(path: Path, table: Table) -> Iterator[Event]:
    """Yield the events of a table in order; those that were recorded later than it was found are not part of it."""
    return islice((event for event in read_events(path) if event.stream == table.stream), table.rows)


def _make_csv(path: Path, table: Table, rows_at_once: int) -> Generator[bytes]:
    columns = [column for column in table.columns if column.kind != "array"]
    readers = [_reader_of(column) for column in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_neutralise(_write_text(column.name)) for column in columns])
    for number, event in enumerate(read_rows(path, table), 1):
        writer.writerow([_neutralise(read(event)) for read in readers])
        if number % rows_at_once == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _neutralise(cell: object) -> object:
    """Return a cell that no spreadsheet program takes for a formula: an apostrophe stands before such a text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _reader_of(column: Column, write_boolean: Callable[[bool], object] = json.dumps) -> Callable[[Event], Any]:
    """Return what reads the value of a column as its type wants it, None for a gap."""
    converters: dict[str, Callable[[Any], Any]] = {
        "number": float,
        "json": json.dumps,
        "text": _write_text,
        "boolean": write_boolean,
    }
    key, convert = column.key, converters.get(column.kind)
    if key is None or convert is None:
        return column.value_in

    def read(event: Event) -> Any:
        value = event.data.get(key)
        return None if value is None else convert(value)

    return read


def _write_text(text: str) -> str:
    # Half of a character that needs two cannot be written.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class _Collector(io.RawIOBase):
    """A file that is written to, and emptied now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _write_batches(batches: Iterable[Any], writer: Any, collector: _Collector) -> Generator[bytes]:
    with writer:
        for batch in batches:
            writer.write_batch(batch)
            yield collector.take()
    yield collector.take()


def _parts(path: Path, table: Table, rows_at_once: int) -> Iterator[list[Event]]:
    cells = len(table.columns) + sum(_size_of(column) for column in table.arrays)
    at_once = max(1, min(rows_at_once, _CELLS_AT_ONCE // cells))
    rows = read_rows(path, table)
    while part := list(islice(rows, at_once)):
        yield part


def _size_of(column: Column) -> int:
    size = 1
    for each in column.shape or (1000,):
        size *= each
    return size


def _load(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ParameterError(
            f"Arrow and Parquet need the library pyarrow, which cannot be loaded here ({error}). Ask for csv.",
            field="format",
        ) from error


_ELEMENTS = {"b1": "bool_", "f4": "float32", "f8": "float64"}
_PLAIN = {"integer": "int64", "number": "float64", "boolean": "bool_", "text": "string", "json": "string"}


def _type_of(pa: Any, column: Column) -> Any:
    if column.kind != "array":
        return getattr(pa, _PLAIN[column.kind])()
    letter, size = column.element[0], 8 * int(column.element[1:])
    name = _ELEMENTS.get(column.element) or f"{'u' if letter == 'u' else ''}int{size}"
    found = getattr(pa, name)()
    if not _is_regular(column):
        for _ in range(column.depth):
            found = pa.list_(found)
        return found
    for size in reversed(column.shape or ()):
        found = pa.list_(found, size)
    return found


def _is_regular(column: Column) -> bool:
    """Whether every row has an array of the same shape, and something in it."""
    return column.shape is not None and not column.has_gaps and all(column.shape)


def _array_of(pa: Any, events: Sequence[Event], column: Column) -> Any:
    if column.kind != "array":
        return pa.array(list(map(_reader_of(column, bool), events)), _type_of(pa, column))
    if not _is_regular(column):
        return pa.array([column.value_in(event) for event in events], _type_of(pa, column))
    values = _stack(events, column)
    found = pa.array(values.reshape(-1))
    for size in reversed(column.shape or ()):
        found = pa.FixedSizeListArray.from_arrays(found, size)
    return found


def _stack(events: Sequence[Event], column: Column) -> np.ndarray[Any, Any]:
    import numpy as np

    return cast("np.ndarray[Any, Any]", np.stack([read_array(event, column) for event in events]))
