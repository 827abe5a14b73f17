"""Files of graphs as artifacts: inputs are found by their ids, and what an attempt writes is kept under ids.

The files of an attempt are seen in a directory of its own, where each is a link to its artifact.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from device_worker.attempt_directory import name_directory
from device_worker.compute.file_names import MANIFEST
from device_worker.compute.graph import Graph, Paths
from device_worker.compute.output_files import FileEntry
from device_worker.kept_file import find_content_type, keep_file
from queue_server.artifacts.directory import DIRECTORY, ArtifactDirectory
from queue_server.artifacts.reader import DamagedArtifactError
from queue_server.artifacts.store import open_artifacts
from queue_server.disk import sync_directory
from queue_server.protocol.errors import NotFoundError, ParameterError, StorageError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.records import ManifestEntry

MOST_LISTED = 200
"""Files that the report of an attempt lists; the list of all is one of them."""


class FileKeeper:
    """The files of one lane, in the directory ``directory`` and in the store of artifacts."""

    def __init__(self, data: Path, directory: Path) -> None:
        """Open the store of artifacts in the data directory ``data``.

        Raises:
            StorageError: it cannot be used.
        """
        self._store = open_artifacts(data)
        self._places = ArtifactDirectory((data / DIRECTORY).absolute())
        self._directory = directory.absolute()

    def directory_of(self, attempt: AttemptKey) -> Path:
        """Return where the files of an attempt are seen; it need not exist."""
        return self._directory / name_directory(attempt)

    def find_inputs(self, graph: Graph[..., Any], given: Mapping[str, Any]) -> dict[str, Paths]:
        """Return the files of the inputs of a graph, by the ids of artifacts that an item gives it.

        Raises:
            ParameterError: an id is none, or there is no sound artifact of that id; names the input.
        """
        return {slot.name: self._find(slot.name, given[slot.name]) for slot in graph.inputs if slot.name in given}

    def _find(self, name: str, given: object) -> Paths:
        if isinstance(given, list):
            return [self._locate(name, each) for each in given]
        return self._locate(name, given)

    def _locate(self, name: str, artifact_id: object) -> Path:
        if not isinstance(artifact_id, str):
            raise ParameterError(f"Input {name!r}: {artifact_id!r} is not the id of an artifact", field=name)
        try:
            return self._store.locate(artifact_id)
        except (ParameterError, NotFoundError, DamagedArtifactError, StorageError) as error:
            raise ParameterError(f"Input {name!r}: {error}", field=name) from error

    def keep(self, directory: Path, files: Sequence[FileEntry]) -> tuple[ManifestEntry, ...]:
        """Make the files of an attempt artifacts, durably, and return them: results first, then the list of all.

        Raises:
            StorageError: there is no room for them, or they cannot be read or written; they stay where they are.
            ParameterError: one is larger than an artifact can be, or not what was written.
        """
        kept = [self._keep(directory, entry.name, entry.content_type, entry.sha256) for entry in files]
        roles = {entry.name: entry.role for entry in files}
        kept.sort(key=lambda entry: roles[entry.name] != "result")
        if not (directory / MANIFEST).exists():
            return tuple(kept[:MOST_LISTED])
        listing = self._keep(directory, MANIFEST, find_content_type(MANIFEST), None)
        return (*kept[: MOST_LISTED - 1], listing)

    def _keep(self, directory: Path, name: str, content_type: str, sha256: str | None) -> ManifestEntry:
        path = directory / name
        try:
            artifact = keep_file(self._store, path, content_type, sha256)
            link = path.with_name(f".{path.name}.link")
            link.symlink_to(os.path.relpath(self._places.file(artifact.id), path.parent))
            link.replace(path)
            sync_directory(path.parent)
        except OSError as error:
            raise StorageError(f"The file {name!r} cannot be kept: {error}") from error
        return ManifestEntry(name=name, artifact=artifact)
