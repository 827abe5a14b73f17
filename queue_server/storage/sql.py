"""The statements by name, and rows as frozen values. It runs nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import AttemptKey, Item, ItemState, Origin, Run
from queue_server.storage import content
from queue_server.storage.base import HistoryEntry, Phase, RunningItem

Row = tuple[Any, ...]

_DIRECTORY = Path(__file__).parent / "statements"
# A statement begins with "-- name: purpose"; further comment lines belong to the purpose.
_HEADER = re.compile(r"^-- ([a-z][a-z_]*): \S", re.MULTILINE)


def read_statements(directory: Path) -> dict[str, str]:
    """Return the statements of all files of a directory by their names, without comments.

    Raises:
        ValueError: two statements have the same name, or a file has none.
    """
    statements: dict[str, str] = {}
    for file in sorted(directory.glob("*.sql")):
        _, *parts = _HEADER.split(file.read_text(encoding="utf-8"))
        if not parts:
            raise ValueError(f"{file.name} has no statement with a header of the form -- name: purpose")
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"{file.name}: there is another statement named {name}")
            # What follows the name on its line is the rest of the purpose.
            lines = [line for line in text.splitlines()[1:] if line and not line.startswith("--")]
            statements[name] = "\n".join(lines).removesuffix(";")
    return statements


_STATEMENTS = read_statements(_DIRECTORY)


def statement(name: str) -> str:
    """Return the text of a statement.

    Raises:
        KeyError: there is none of that name.
    """
    return _STATEMENTS[name]


def names() -> frozenset[str]:
    """Return the names of all statements."""
    return frozenset(_STATEMENTS)


def as_item_rows(rows: list[Row]) -> list[Row]:
    """Return whole rows of the table of items as ``read_items`` and ``read_history`` take them."""
    return [(*row[:3], row[7], row[3], row[5], row[6], row[8], row[9]) for row in rows]


def read_items(rows: list[Row]) -> list[Item]:
    """Return the items of rows that begin with uid, lane, submission, content, state, attempt, reason."""
    contents = content.decode_all([row[3] for row in rows])
    return [
        Item(row[0], row[1], row[2], shown, cast("ItemState", row[4]), row[5], row[6])
        for row, shown in zip(rows, contents, strict=True)
    ]


def read_item(row: Row) -> Item:
    """Return the item of one such row."""
    return read_items([row])[0]


def read_history(rows: list[Row]) -> list[HistoryEntry]:
    """Return the entries of rows that are those of items with number and result behind."""
    results = content.decode_all([row[8] for row in rows])
    return [
        HistoryEntry(row[7], item, result) for row, item, result in zip(rows, read_items(rows), results, strict=True)
    ]


def read_running(row: Row, runs: tuple[Run, ...]) -> RunningItem:
    """Return the running item of a row that is that of an item with epoch, phase and time of start behind."""
    item = read_item(row)
    key = AttemptKey(item.uid, item.submission, item.lane, item.attempt, row[7])
    return RunningItem(item, key, cast("Phase", row[8]), row[9], runs)


def read_run(row: Row) -> Run:
    """Return the run of a row of uid, scan id, whether it is open, and exit status."""
    return Run(row[0], row[1], bool(row[2]), row[3])


def write_event(event: EventRecord) -> Row:
    """Return the values of an event in the order of the columns, without the sequence number."""
    origin = "" if event.origin == Origin() else content.encode(_shown(event.origin))
    return (
        event.kind,
        float(event.time),
        event.epoch,
        event.lane,
        event.item_uid,
        event.submission,
        event.attempt,
        origin,
        content.encode(event.data),
    )


def read_event(row: Row) -> EventRecord:
    """Return the event of a row with the sequence number in front."""
    seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data = row
    known = Origin(**content.decode(origin)) if origin else Origin()
    return EventRecord(kind, time, epoch, lane, item_uid, submission, attempt, known, content.decode(data), seq)


def _shown(origin: Origin) -> dict[str, Any]:
    return {
        "user": origin.user,
        "group": origin.group,
        "client": origin.client,
        "request_id": origin.request_id,
        "extra": origin.extra,
    }
