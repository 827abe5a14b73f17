"""The work of a transaction on names of artifacts in memory, the same as that of the statements on rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec.structs import replace

from queue_server.protocol.artifacts import ArtifactFilter, NamedArtifact, NamedBy
from queue_server.protocol.cursors import BEHIND_ALL, read_place
from queue_server.protocol.exam_records import ResultRecord
from queue_server.protocol.submissions import ResultFile
from queue_server.storage.artifact_base import ArtifactPart, count_examined, not_registered, take_part
from queue_server.storage.exam_content import SHAPES, read_record
from queue_server.storage.memory_rows import MemoryRows
from queue_server.storage.submission_content import not_followed, read_results
from queue_server.storage.tables import StoredRecord
from queue_server.storage.workflow_content import taken, write_file


class ArtifactTables(MemoryRows):
    """The part of a transaction that works on names of artifacts; the promises are those of the port.

    Names are gathered from the records whenever somebody asks; from then on each keeps its place.
    """

    def register_file(self, file: ResultFile, submission: str | None = None) -> None:
        """Register a file."""
        if submission is not None and submission not in self._tables.submissions:
            raise not_followed(submission)
        if file.id in self._tables.files:
            raise taken("a file", file.id)
        stored = StoredRecord(0, self._tables.count("files"), write_file(file, submission=submission))
        self._tables.put(self._tables.files, file.id, stored)

    def unregister_file(self, identity: str) -> None:
        """Take a registration back."""
        stored = self._tables.files.get(identity)
        if stored is None or stored.row[1] is not None:
            raise not_registered(identity)
        self._tables.drop(self._tables.files, identity)

    def count_registered(self, submission: str | None, most: int) -> int:
        """Return how many files are registered."""
        return min(most, sum(each.row[1:3] == (None, submission) for each in self._tables.files.values()))

    def find_artifacts(self, wanted: ArtifactFilter, *, limit: int, cursor: str | None = None) -> ArtifactPart:
        """Return a part of the names that fit."""
        before = read_place(cursor, BEHIND_ALL)
        looked_up = ArtifactFilter(wanted.artifact_id, None if wanted.artifact_id else wanted.submission)
        placed = sorted(self._place(), key=lambda named: -named.place)
        behind = [named for named in placed if named.place < before and looked_up.fits(named)]
        return take_part(behind[: count_examined(wanted, limit) + 1], wanted, limit)

    def _place(self) -> Iterator[NamedArtifact]:
        for named in sorted(self._gather(), key=lambda named: named.file.created):
            key = (named.kind, named.owner, named.attempt, named.file)
            if key not in self._tables.artifact_places:
                self._tables.put(self._tables.artifact_places, key, self._tables.count("artifact_places"))
            yield replace(named, place=self._tables.artifact_places[key])

    def _gather(self) -> Iterator[NamedArtifact]:
        for stored in sorted(self._tables.files.values(), key=lambda each: each.place):
            identity, group, submission, *rest = stored.row
            kind: NamedBy = "registered" if group is None else "group"
            yield NamedArtifact(kind, group or submission or "", ResultFile(identity, *rest), submission or "")
        for result in read_results(list(self._tables.results.values())):
            for file in result.files:
                named = NamedArtifact("result", result.submission, file, result.submission, result.attempt)
                yield replace(named, item_uid=result.item_uid)
        yield from self._of_items()
        yield from self._of_exams()

    def _of_items(self) -> Iterator[NamedArtifact]:
        for stored in self._tables.items.values():
            item = stored.item
            if item.state != "finished" or (item.submission, item.attempt) in self._tables.results:
                continue
            for each in stored.read_entry().result.get("artifacts", ()):
                artifact: Mapping[str, Any] = each["artifact"]
                file = _file(each["name"], artifact["id"], artifact, artifact["created"])
                yield NamedArtifact("item", item.uid, file, item.submission, item.attempt, item.uid)

    def _of_exams(self) -> Iterator[NamedArtifact]:
        table = SHAPES[ResultRecord].table
        for (kind, identity), stored in self._tables.exam_records.items():
            if kind != table:
                continue
            record = read_record(ResultRecord, stored.row)
            artifacts: object = (record.fields.meta or {}).get("artifacts")
            for name, each in (cast("dict[str, Any]", artifacts) if isinstance(artifacts, dict) else {}).items():
                values = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
                if isinstance(values.get("artifact_id"), str) and isinstance(values.get("size_bytes"), int):
                    yield NamedArtifact("exam", identity, _file(name, values["artifact_id"], values, record.created))


def _file(name: str, artifact_id: str, values: Mapping[str, Any], created: float) -> ResultFile:
    return ResultFile("", name, artifact_id, values["size_bytes"], values.get("content_type", ""), created)
