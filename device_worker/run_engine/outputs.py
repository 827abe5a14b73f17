"""The files that plans write: a fresh directory for each attempt, whose files become artifacts when it has ended."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from device_worker.attempt_directory import name_directory
from device_worker.kept_file import find_content_type, keep_file
from queue_server.artifacts.store import ArtifactStore, open_artifacts
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.records import ManifestEntry
from queue_server.protocol.result_schema import check_relative_path

_log = logging.getLogger(__name__)

OUTPUTS: Final = "outputs"
"""The directory, in that of the workers, in which each lane has its own."""
METRICS_FILE: Final = "metrics.json"

MOST_FILES: Final = 200
"""Files of an attempt; its report, which lists them, has to fit into one message."""
MOST_BYTES: Final = 64 * 1024**3
"""Bytes of all files of an attempt."""
_MOST_ENTRIES: Final = 10_000
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """The files that are artifacts now, and why others are none."""

    entries: tuple[ManifestEntry, ...] = ()
    remark: str = ""


class OutputDirectory:
    """The directory of one attempt. It is made when it is first asked for, since most plans write no files."""

    def __init__(self, parent: Path | None, name: str) -> None:
        self._parent = parent
        self._name = name
        self._path: Path | None = None

    @property
    def path(self) -> Path | None:
        """The directory; None if nobody has asked for it."""
        return self._path

    def open(self) -> Path:
        """Return the directory, and make it where there is none.

        Raises:
            OSError: it cannot be made, or there is no place for it.
        """
        if self._path is None:
            if self._parent is None:
                raise FileNotFoundError("This worker has no place for files of plans")
            self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = self._make(self._parent)
        return self._path

    def write_metrics(self, metrics: Mapping[str, float | str]) -> None:
        """Write the metrics beside the files; a file of that name that the plan has written stays.

        Raises:
            OSError: it cannot be written.
        """
        try:
            with (self.open() / METRICS_FILE).open("x", encoding="utf-8") as file:
                file.write(f"{json.dumps(metrics, indent=2, ensure_ascii=False)}\n")
        except FileExistsError:
            _log.info("The plan has written a file %s of its own, which stays", METRICS_FILE)

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)

    def _make(self, parent: Path) -> Path:
        """Make a directory that nobody has written to; a copy of the data may know an attempt of the same number."""
        for number in count():
            path = parent / (self._name if not number else f"{self._name}.{number}")
            try:
                path.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return path
        raise AssertionError("counting has no end")


class Outputs:
    """The directories of the attempts of one lane below ``directory``, and the store in the data directory ``data``.

    Without ``directory`` plans have no place for files. ``data`` is None on another host than the manager's; files then
    stay where they are.
    """

    def __init__(
        self,
        directory: Path | None = None,
        data: Path | None = None,
        *,
        most_files: int = MOST_FILES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._directory = None if directory is None else directory.absolute()
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._data = data
        self._store: ArtifactStore | None = None

    def can_keep(self) -> bool:
        """Return whether files become artifacts at all: the store is on this host, and this user may write to it."""
        try:
            self._open_store()
        except (CuelightError, ValueError) as error:
            _log.info("Files of plans become no artifacts: %s", error)
            return False
        return True

    def begin(self, attempt: AttemptKey) -> OutputDirectory:
        """Return the directory of a new attempt."""
        return OutputDirectory(self._directory, name_directory(attempt))

    def keep(self, directory: OutputDirectory, declared: Collection[str]) -> Kept:
        """Make files artifacts, durably: those that are declared, or all if none is; then remove the directory.

        Where that cannot be done, it stays as it is, and the remark says why.
        """
        if directory.path is None:
            return Kept()
        try:
            names = self._choose(dict(_find_files(directory.path)), declared)
            entries = self._keep(directory.path, names) if names else ()
        except (CuelightError, OSError, ValueError) as error:
            return Kept(remark=f"Its files stay in {directory.path} and are no artifacts: {error}")
        directory.remove()
        return Kept(entries)

    def _choose(self, found: Mapping[str, int], declared: Collection[str]) -> list[str]:
        """Return the names of the files to keep, in their order.

        Raises:
            ValueError: there are too many, they are too large, or one has a name that no artifact can have.
        """
        names = sorted(found.keys() & set(declared)) if declared else sorted(found)
        if missing := sorted(set(declared) - found.keys()):
            _log.warning("The attempt has not written all that is declared: %s", ", ".join(missing[:_MOST_SHOWN]))
        if len(names) > self._most_files:
            raise ValueError(f"there are {len(names)} files, and an attempt keeps {self._most_files}: join them")
        if (total := sum(found[name] for name in names)) > self._most_bytes:
            raise ValueError(f"they have {total} bytes in all, and an attempt keeps {self._most_bytes}")
        return [check_relative_path(name) for name in names]

    def _keep(self, directory: Path, names: list[str]) -> tuple[ManifestEntry, ...]:
        store = self._open_store()
        kept = ((name, keep_file(store, directory / name, find_content_type(name))) for name in names)
        return tuple(ManifestEntry(name=name, artifact=artifact) for name, artifact in kept)

    def _open_store(self) -> ArtifactStore:
        if self._data is None:
            raise ValueError("the worker is on another host than the manager")
        if self._store is None:
            self._store = open_artifacts(self._data)
        return self._store


def _find_files(directory: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of each regular file; links, also to directories, are passed over."""
    seen = 0
    for parent, _, names in os.walk(directory, onerror=_complain):
        for name in names:
            seen += 1
            if seen > _MOST_ENTRIES:
                raise ValueError(f"there are more than {_MOST_ENTRIES} files: join them")
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(directory).as_posix(), path.stat().st_size


def _complain(error: OSError) -> None:
    raise error
