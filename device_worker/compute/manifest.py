"""What an executed graph was and has left, ``manifest.json``. It is written last and lists complete files only."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from device_worker.compute.file_names import MANIFEST
from device_worker.compute.output_files import FileEntry
from queue_server.disk import sync_directory
from queue_server.protocol.items import Outcome


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node call that has ended with a value: its label, the id of the process that made it, host and duration."""

    node: str
    process: int
    host: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What lies in the directory of an executed graph, how the execution ended, and what was computed where."""

    graph: str
    key: str
    outcome: Outcome
    files: tuple[FileEntry, ...]
    nodes: tuple[NodeEntry, ...] = ()

    def write(self, directory: Path) -> None:
        """Put the manifest into the directory in one step.

        Raises:
            OSError: it cannot be written; then there is none.
        """
        content: dict[str, Any] = {
            "graph": self.graph,
            "key": self.key,
            "outcome": self.outcome,
            "files": [entry.to_map() for entry in self.files],
            "nodes": [asdict(entry) for entry in self.nodes],
        }
        temporary = directory / f".{MANIFEST}.part"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(f"{json.dumps(content, indent=2)}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / MANIFEST)
        sync_directory(directory)


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of a directory.

    Raises:
        OSError: there is none.
        ValueError: the file is no manifest.
    """
    content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    try:
        files = tuple(FileEntry(**entry) for entry in content["files"])
        nodes = tuple(NodeEntry(**entry) for entry in content.get("nodes", ()))
        return Manifest(content["graph"], content["key"], content["outcome"], files, nodes)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{str(directory / MANIFEST)!r} is no manifest of a graph: {error}") from error
