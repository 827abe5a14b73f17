"""Which artifacts the references of a processing graph stand for, once the items that they name have been completed.

It reads what the store knows of their results. What it cannot find, it says; it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, cast

from msgspec import Struct
from msgspec.structs import replace

from queue_server.protocol.exam_records import ResultRecord
from queue_server.protocol.inputs import Reference, replace_references
from queue_server.protocol.items import ACQUISITION, Item
from queue_server.storage.base import HistoryEntry, Transaction

BESIDE_RESULTS: Final = frozenset({"device_parameter.json", "manifest.json", "metrics.json"})
"""Files that are stored beside the results; who wants one of them names it."""

_MOST_SHOWN = 8
_MOST_RESULTS = 256


class Filled(Struct, frozen=True):
    """The item as it is sent to its worker; with an obstacle, as it was, and why it cannot be sent."""

    item: Item
    obstacle: str = ""


class _MissingError(Exception):
    """There is no file that a reference could stand for."""


def fill_inputs(tx: Transaction, item: Item) -> Filled:
    """Return a graph with the ids of artifacts in the place of its references; any other item as it is."""
    if not item.content.get("after"):
        return Filled(item)
    known: dict[str, dict[str, str]] = {}

    def put(reference: Reference) -> list[str]:
        if reference.item_uid not in known:
            known[reference.item_uid] = _find_files(tx, reference.item_uid)
        return _choose(reference, known[reference.item_uid])

    try:
        return Filled(replace(item, content=replace_references(item.content, put)))
    except _MissingError as error:
        return Filled(item, str(error))


def _choose(reference: Reference, files: Mapping[str, str]) -> list[str]:
    """Return the ids of the files that a reference means, in the order of their names."""
    results = sorted(name for name in files if name not in BESIDE_RESULTS)
    if reference.file is None:
        found, wanted = (results if len(results) == 1 else []), "the only file"
    elif reference.file in files:
        found, wanted = [reference.file], ""
    else:
        pattern = reference.file
        found, wanted = [name for name in results if fnmatchcase(name, pattern)], f"a file {pattern!r}"
    if found and (len(found) == 1 or reference.is_listed):
        return [files[name] for name in found]
    several = f"several files fit that: {_list(found)}" if found else f"its files are {_list(results)}"
    raise _MissingError(
        f"Its input '{reference.field}' is to be {wanted} of the item {reference.item_uid}, but {several}. "
        "Update the item so that it names another file (queue_item_update), or remove it."
    )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(map(repr, names[:_MOST_SHOWN])) + more if names else "none"


def _find_files(tx: Transaction, uid: str) -> dict[str, str]:
    """Return the ids of the files that the newest completed attempt of a submission has produced, by their names."""
    named = tx.item(uid)
    completed = tx.completed(uid if named is None else named.submission)
    entry = None if completed is None else tx.history_entry(completed)
    if entry is None:
        return {}
    pairs = _uploads_of(tx, entry) if entry.item.kind == ACQUISITION else _outputs_of(entry)
    return dict(pairs)


def _outputs_of(entry: HistoryEntry) -> Iterator[tuple[str, str]]:
    for each in entry.result.get("artifacts", ()):
        yield each["name"], each["artifact"]["id"]


def _uploads_of(tx: Transaction, entry: HistoryEntry) -> Iterator[tuple[str, str]]:
    """Yield the files of an acquisition: the results of its exam task that this item has brought, oldest first."""
    task = tx.exam_task_of(entry.item.uid)
    identity = task.id if task is not None else entry.item.content.get("kwargs", {}).get("task_id")
    part = tx.exam_records(ResultRecord, of=identity or entry.item.submission, limit=_MOST_RESULTS)
    for _, record in part.entries:
        meta = cast("Mapping[str, Any]", record.fields.meta or {})
        if meta.get("item_uid") == entry.item.uid:
            for name, artifact in meta.get("artifacts", {}).items():
                yield name, artifact["artifact_id"]
