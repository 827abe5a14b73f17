"""Where an executed graph works: which steps run at the moment, and files that are complete but not yet in place.

It is a hidden directory beside the results, on which all processes meet, on other hosts too. Renaming one directory
in it forbids every further step at once.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from device_worker.compute.errors import StepForbidden
from device_worker.compute.output_files import FileEntry
from queue_server.disk import sync_directory

_NAME = ".work"
_RUNNING = "running"
_ENDED = "ended"
_STOPPED = "stopped"
_PARTS = "parts"
_ENTRIES = "entries"


@dataclass(frozen=True, slots=True)
class Mark:
    """A step that had begun and not ended."""

    step: int
    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A step that has ended with a value: in which process, and how long it took."""

    step: int
    pid: int
    host: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Workplace:
    """The directory of one execution, seen by the executor and by the processes of its steps."""

    directory: Path

    @classmethod
    def create(cls, directory: Path) -> Workplace:
        """Prepare an execution whose files are to lie in ``directory``, which is made if it does not exist.

        Raises:
            OSError: the directory cannot be made, or it is not empty.
        """
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise FileExistsError(f"{str(directory)!r} is not empty")
        place = cls(directory)
        for name in (_RUNNING, _ENDED, _PARTS, _ENTRIES):
            (place._root / name).mkdir(parents=True)
        return place

    @classmethod
    def sweep(cls, directory: Path) -> None:
        """Remove what executions in directories right below ``directory`` have left when their worker was killed.

        Only while none of them goes on: a step that still runs elsewhere cannot leave a file any more.
        """
        for root in directory.glob(f"*/{_NAME}"):
            cls(root.parent).remove()

    @property
    def _root(self) -> Path:
        return self.directory / _NAME

    @contextmanager
    def running(self, step: int) -> Iterator[None]:
        """Mark a step as running, inside the process that runs it; what ends without an error leaves a trace.

        Raises:
            StepForbidden: the execution has ended; the step must not begin.
        """
        # The name says it all, so that a mark is never half written.
        mark = self._root / _RUNNING / f"{step}.{os.getpid()}.{socket.gethostname()}"
        try:
            mark.touch()
        except FileNotFoundError as error:
            raise StepForbidden(f"step {step} must not begin: the execution of its graph has ended") from error
        began = time.monotonic()
        try:
            yield
            spent_us = round((time.monotonic() - began) * 1e6)
            # It tells what was done; a step that has done it does not fail for want of it.
            with suppress(OSError):
                mark.rename(self._root / _ENDED / f"{step}.{os.getpid()}.{spent_us}.{socket.gethostname()}")
        finally:
            mark.unlink(missing_ok=True)

    def forbid(self) -> list[Mark]:
        """Let no further step begin; return the steps that were running at this moment, in their order."""
        with suppress(FileNotFoundError):
            (self._root / _RUNNING).rename(self._root / _STOPPED)
        return sorted(map(_read_mark, (self._root / _STOPPED).iterdir()), key=lambda mark: mark.step)

    def traces(self) -> list[Trace]:
        """Return the steps that have ended with a value, in their order; one that was repeated may be there twice."""
        return sorted(map(_read_trace, (self._root / _ENDED).iterdir()), key=lambda trace: trace.step)

    def part(self, step: int) -> Path:
        """Return where a step writes its file, with a new name each time it is repeated."""
        return self._root / _PARTS / f"{step}.{os.getpid()}.{os.urandom(4).hex()}"

    def note_file(self, step: int, part: Path, entry: FileEntry) -> None:
        """Say that the file of a step is complete."""
        note = self._root / _ENTRIES / f"{step}"
        written = part.with_suffix(".note")
        written.write_text(json.dumps({"part": part.name, "entry": entry.to_map()}), encoding="utf-8")
        written.replace(note)

    def publish(self) -> tuple[FileEntry, ...]:
        """Move all complete files to their places and return what they are, in the order of their steps.

        Raises:
            OSError: a file cannot be moved.
        """
        notes = sorted((self._root / _ENTRIES).iterdir(), key=lambda note: int(note.name))
        return tuple(self._move(json.loads(note.read_text(encoding="utf-8"))) for note in notes)

    def _move(self, note: dict[str, object]) -> FileEntry:
        content = note["entry"]
        entry = FileEntry(**content) if isinstance(content, dict) else None
        if entry is None:
            raise OSError(f"a note about a file in {str(self._root)!r} is damaged")
        target = self.directory / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / _PARTS / str(note["part"])).rename(target)
        parents = [parent for parent in target.parents if parent.is_relative_to(self.directory)]
        for parent in parents:
            sync_directory(parent)
        return entry

    def remove(self) -> None:
        """Remove all that is not in its place; a step that still runs elsewhere cannot leave a file any more."""
        shutil.rmtree(self._root, ignore_errors=True)


def _read_mark(path: Path) -> Mark:
    step, pid, host = path.name.split(".", 2)
    return Mark(int(step), int(pid), host)


def _read_trace(path: Path) -> Trace:
    step, pid, spent_us, host = path.name.split(".", 3)
    return Trace(int(step), int(pid), host, int(spent_us) / 1e6)
