"""Queue and history as JSON lines: written from one state of the data, and read whole or not at all.

The first line is the header; then follow the finished items in order of finishing, then those that wait, lane by lane
in order. The event log, idempotency keys, permissions and settings stay where they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from msgspec import Struct
from msgspec.structs import replace

from queue_server.clock import Chance
from queue_server.protocol.errors import ConflictError, ParameterError
from queue_server.protocol.inputs import Reference, replace_references
from queue_server.protocol.items import BACK, OUTCOMES, Item
from queue_server.storage.backup import sync_file
from queue_server.storage.exchange_rows import Ended, ExchangeRows
from queue_server.storage.integrity import identify, open_reader

VERSION = 1
MOST_CHARACTERS = 8 * 1024 * 1024

Line = dict[str, Any]

_ITEM_FIELDS = frozenset({"kind", "uid", "lane", "submission", "attempt", "reason", "content"})
_FIELDS = {"queued": _ITEM_FIELDS | {"state"}, "finished": _ITEM_FIELDS | {"result", "ended"}}
_HEADER_FIELDS = frozenset({"cuelight_export", "instance", "queued", "finished"})
_ENDED_FIELDS = frozenset({"epoch", "outcome", "time_start", "runs"})
_RUN_FIELDS = frozenset({"uid", "scan_id", "is_open", "exit_status"})

RUNNING_REASON = "It was running when it was exported."


class Counted(Struct, frozen=True):
    """How many items went over."""

    queued: int
    finished: int


class Arrival(Struct, frozen=True):
    """What one line brings: an item that waits, or with a result one that has finished."""

    number: int
    item: Item
    result: Line | None = None
    ended: Ended | None = None


# --- out ---------------------------------------------------------------------------------------------------------


def export_lines(database: Path, target: IO[str]) -> Counted:
    """Write queue and history of a database, beside whoever writes into it, as they are at one instant.

    Raises:
        StorageError: the database cannot be read, or is damaged.
    """
    reader = open_reader(database)
    try:
        reader.rows("BEGIN")
        identity = identify(reader, database)
        rows = ExchangeRows(reader)
        waiting = [_shown_waiting(item) for item in rows.all_queues()]
        counted = Counted(len(waiting), rows.count_history())
        header = {"cuelight_export": VERSION, "instance": identity.instance_id}
        _write(target, {**header, "queued": counted.queued, "finished": counted.finished})
        for entry, ended in rows.all_history():
            line = {**_shown("finished", entry.item), "result": dict(entry.result), "ended": ended}
            _write(target, line)
        for line in waiting:
            _write(target, line)
        return counted
    finally:
        reader.close()


def export_file(database: Path, file: Path) -> Counted:
    """Write queue and history to a file, which is there as a whole or not at all; raises as ``export_lines``."""
    draft = file.with_name(f".{file.name}.draft")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as target:
            counted = export_lines(database, target)
        sync_file(draft)
        draft.replace(file)
        return counted
    finally:
        draft.unlink(missing_ok=True)


def _write(target: IO[str], line: Line) -> None:
    target.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _shown(kind: str, item: Item) -> Line:
    return {
        "kind": kind,
        "uid": item.uid,
        "lane": item.lane,
        "submission": item.submission,
        "attempt": item.attempt,
        "reason": item.reason,
        "content": dict(item.content),
    }


def _shown_waiting(item: Item) -> Line:
    """Nobody can go on with an attempt elsewhere: what runs waits for a person there."""
    if item.state == "running":
        item = replace(item, state="held", reason=RUNNING_REASON)
    return {**_shown("queued", item), "state": item.state}


# --- in ----------------------------------------------------------------------------------------------------------


def read_lines(lines: Iterable[str]) -> list[Arrival]:
    """Return what the lines of an export bring.

    Raises:
        ParameterError: a line is not what an export writes; it names the line and the field.
    """
    numbered = enumerate(lines, 1)
    first = next(numbered, None)
    if first is None:
        raise _wrong(1, None, "the file is empty; the first line of an export is its header")
    header = _read_header(first[1])
    arrivals = [_read_arrival(number, line) for number, line in numbered if line.strip()]
    for kind, found in (
        ("queued", sum(arrival.result is None for arrival in arrivals)),
        ("finished", sum(arrival.result is not None for arrival in arrivals)),
    ):
        if header[kind] != found:
            raise _wrong(1, kind, f"the header says {header[kind]}, and there are {found}: the file is not complete")
    return arrivals


def give_new_uids(arrivals: list[Arrival], chance: Chance) -> list[Arrival]:
    """Return the same work under other uids: what belonged together, or followed on something, does so still."""
    submissions: dict[str, str] = {}
    new_uids = [chance.identifier() for _ in arrivals]
    names = {arrival.item.uid: uid for arrival, uid in zip(arrivals, new_uids, strict=True)}

    def renamed(arrival: Arrival, uid: str) -> Arrival:
        item = arrival.item
        submission = submissions.setdefault(item.submission, chance.identifier())
        shown = {**item.content, "item_uid": uid} if "item_uid" in item.content else item.content
        shown = _rename_predecessors(shown, names)
        return replace(arrival, item=replace(item, uid=uid, submission=submission, content=shown))

    return [renamed(arrival, uid) for arrival, uid in zip(arrivals, new_uids, strict=True)]


def _rename_predecessors(content: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the content of an item that comes after the same items as before, under their new uids."""
    after: object = content.get("after")
    if not isinstance(after, list):
        return content

    def put(reference: Reference) -> list[object]:
        file = {} if reference.file is None else {"file": reference.file}
        return [{"item_uid": names.get(reference.item_uid, reference.item_uid), **file}]

    renamed = [names.get(uid, uid) if isinstance(uid, str) else uid for uid in cast("list[object]", after)]
    return {**replace_references(content, put), "after": renamed}


def take_in(rows: ExchangeRows, insert: Callable[[list[Item]], None], arrivals: list[Arrival]) -> Counted:
    """Write what has arrived behind what is there; ``insert`` puts items at the back of their queue.

    Raises:
        ParameterError: an item cannot be stored; it names the line. The transaction must be undone.
    """
    queued = 0
    for arrival in arrivals:
        try:
            if arrival.result is None:
                insert([arrival.item])
                queued += 1
            else:
                rows.insert_finished(arrival.item, arrival.result, arrival.ended)
        except (ConflictError, ParameterError) as error:
            advice = " Import under new uids (--new-uids)." if isinstance(error, ConflictError) else ""
            raise _wrong(arrival.number, "uid", f"{error.message}{advice}") from error
    return Counted(queued, len(arrivals) - queued)


def place_at_back(tx: Any) -> Callable[[list[Item]], None]:
    """Return what puts items of one lane at the back of its queue."""
    return lambda items: tx.insert(items, BACK)


class _Fields:
    """The fields of one object of one line; what does not fit is refused with the number of the line."""

    def __init__(self, number: int, found: object, wanted: frozenset[str], prefix: str = "") -> None:
        self._number = number
        self._prefix = prefix
        if not isinstance(found, dict):
            raise _wrong(number, prefix.removesuffix(".") or None, "it is not an object")
        self.found = cast("Line", found)
        for name in sorted(wanted - self.found.keys()):
            raise self.wrong(name, "it is missing")
        for name in sorted(self.found.keys() - wanted):
            raise self.wrong(name, "there is no such field")

    def check(
        self, name: str, kind: type | tuple[type, ...], what: str, fits: Callable[[Any], bool] = lambda _: True
    ) -> None:
        """Refuse a value of another kind, or one that does not fit."""
        value = self.found[name]
        # In Python a truth value is a number, in JSON it is not.
        is_kind = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not is_kind or not fits(value):
            raise self.wrong(name, f"it must be {what}, not {value!r:.60}")

    def check_number(self, name: str, least: int) -> None:
        """Refuse what is not a whole number from ``least`` on."""
        self.check(name, int, f"a number from {least} on", lambda value: least <= value < 1 << 63)

    def wrong(self, name: str, what: str) -> ParameterError:
        """Return the refusal of a field."""
        return _wrong(self._number, f"{self._prefix}{name}", what)


def _read_header(line: str) -> Line:
    header = _read_object(1, line)
    version = header.get("cuelight_export")
    if version != VERSION:
        raise _wrong(1, "cuelight_export", f"this release reads version {VERSION}, not {version!r}")
    fields = _Fields(1, header, _HEADER_FIELDS)
    fields.check_number("queued", 0)
    fields.check_number("finished", 0)
    return header


def _read_arrival(number: int, line: str) -> Arrival:
    found = _read_object(number, line)
    kind = found.get("kind")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise _wrong(number, "kind", f"it is queued or finished, not {kind!r}")
    fields = _Fields(number, found, _FIELDS[kind])
    for name in ("uid", "lane", "submission"):
        fields.check(name, str, "a text that is not empty", bool)
    fields.check("reason", str, "a text")
    fields.check("content", dict, "an object")
    fields.check_number("attempt", 1 if kind == "finished" else 0)
    names = ("uid", "lane", "submission", "content", "attempt", "reason")
    item = Item(**{name: found[name] for name in names})
    if kind == "queued":
        fields.check("state", str, "queued or held", lambda value: value in ("queued", "held"))
        return Arrival(number, replace(item, state=found["state"]))
    fields.check("result", dict, "an object")
    return Arrival(number, item, found["result"], _read_ended(number, found["ended"]))


def _read_ended(number: int, found: object) -> Ended | None:
    if found is None:
        return None
    ended = _Fields(number, found, _ENDED_FIELDS, "ended.")
    ended.check_number("epoch", 1)
    ended.check("outcome", str, f"one of {', '.join(OUTCOMES)}", lambda value: value in OUTCOMES)
    ended.check("time_start", (int, float), "a number of seconds")
    ended.check("runs", list, "a list")
    for index, run in enumerate(ended.found["runs"]):
        fields = _Fields(number, run, _RUN_FIELDS, f"ended.runs[{index}].")
        fields.check("uid", str, "a text that is not empty", bool)
        fields.check("scan_id", (int, type(None)), "a number or null")
        fields.check("is_open", bool, "true or false")
        fields.check("exit_status", (str, type(None)), "a text or null")
    return ended.found


def _read_object(number: int, line: str) -> Line:
    if len(line) > MOST_CHARACTERS:
        raise _wrong(number, None, f"it is longer than {MOST_CHARACTERS} characters")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _wrong(number, None, f"it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _wrong(number, None, "it is not an object")
    return cast("Line", found)


def _wrong(number: int, field: str | None, what: str) -> ParameterError:
    where = f"Line {number}" if field is None else f"Line {number}, field {field!r}"
    return ParameterError(
        f"{where}: {what.removesuffix('.')}. Nothing was changed.", field=field, details={"line": number}
    )


def read_file(file: Path) -> Iterator[str]:
    """Yield the lines of a file.

    Raises:
        ParameterError: it cannot be read, or is not UTF-8.
    """
    try:
        with file.open(encoding="utf-8") as source:
            yield from source
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{file} cannot be read: {error}.", field="FILE") from error
