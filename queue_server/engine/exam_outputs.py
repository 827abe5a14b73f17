"""The files of a graph as results of the exam task that it does, added in the transaction in which it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from queue_server.engine.exam_progress import find_task
from queue_server.protocol.exam_files import directory_of, list_artifacts, result_type_of
from queue_server.protocol.exam_records import LONGEST_RECORD_BYTES, ExamTask, ResultFields, ResultRecord
from queue_server.protocol.items import DAG, Item, Result
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

MANIFEST: Final = "manifest.json"
"""The list of all files, which the worker adds; it is no output of the graph."""

Files = dict[str, Artifact]


def add_outputs(tx: Transaction, item: Item, result: Result, now: float, identify: Callable[[], str]) -> None:
    """Add the files of a graph to its exam task: those of one type in one directory are one result.

    ``identify`` makes ids. What cannot be a file of a result is passed over: the history has it all the same.
    """
    if item.kind != DAG or not result.artifacts:
        return
    task = find_task(tx, item)
    if task is None:
        return
    manifest = next((entry.artifact.id for entry in result.artifacts if entry.name == MANIFEST), None)
    for files in _groups(result.artifacts):
        record = _make_result(task, item, files, manifest, (identify(), now))
        if record is not None:
            tx.add_exam_record(record)


def _make_result(
    task: ExamTask, item: Item, files: Files, manifest: str | None, signed: tuple[str, float]
) -> ResultRecord | None:
    identity, now = signed
    meta = {"item_uid": item.uid, "artifacts": list_artifacts(files)}
    try:
        fields = ResultFields(
            task_id=task.id,
            type=result_type_of(next(iter(files))),
            directory=directory_of(task.fields.workflow_id, task.id, identity),
            files=list(files),
            meta=meta if manifest is None else {**meta, "manifest": manifest},
        )
    except ValueError:
        _log.error("Files of the item %s have names that no result can have: %s", item.uid, list(files)[:10])
        return None
    creator = str(item.content.get("user", ""))
    return ResultRecord(id=identity, creator=creator, created=float(now), fields=fields)


def _groups(entries: Iterable[ManifestEntry]) -> Iterator[Files]:
    """Return the files by type and directory, in parts that a record can hold."""
    groups: dict[tuple[str, str], Files] = {}
    for entry in entries:
        if entry.name != MANIFEST:
            key = (result_type_of(entry.name), str(PurePosixPath(entry.name).parent))
            groups.setdefault(key, {})[entry.name] = entry.artifact
    for files in groups.values():
        yield from _split(files)


def _split(files: Files) -> Iterator[Files]:
    part: Files = {}
    size_bytes = 0
    for name, artifact in files.items():
        # The name stands there twice, and a character may take two in JSON.
        needed_bytes = 4 * len(name.encode()) + 2 * len(artifact.content_type) + 200
        if part and size_bytes + needed_bytes > LONGEST_RECORD_BYTES // 2:
            yield part
            part, size_bytes = {}, 0
        part[name] = artifact
        size_bytes += needed_bytes
    if part:
        yield part
