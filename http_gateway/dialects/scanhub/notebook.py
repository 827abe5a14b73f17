"""What must survive the end of a gateway about its devices: a small file for each, written anew at each change.

A file is whole or not there, and on the disk once ``save`` returns. Of several processes the one with the newest
connection of a device writes; every method waits for the disk, so that an event loop calls it through a thread.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from http_gateway.dialects.scanhub.model import Scan
from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import ItemFinished

_log = logging.getLogger(__name__)
_SUFFIX = ".json"

declare("notebook.before_sync", "notebook.before_rename", "notebook.after_sync")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Entry(_Part):
    """An item that was given to the device, with its attempt; times are seconds since 1970-01-01 UTC.

    ``place`` is its exam task, and the workflow of that, if it has one. Its token counts until ``expires``, which is
    None while it is active.
    """

    scan: Scan
    attempt: AttemptKey
    time_start: float
    place: tuple[str, str | None]
    expires: float | None = None


class Page(_Part):
    """All that is kept of a device; ``finished`` are reports that the manager has not acknowledged."""

    generation: int = Field(ge=0)
    entries: tuple[Entry, ...] = ()
    finished: tuple[ItemFinished, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for what becomes of it."""
        return bool(self.finished) or any(entry.scan.outcome is None for entry in self.entries)


class Notebook:
    """The pages of all devices, in one directory that all processes of a gateway share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mark = f"{os.getpid()}.{uuid.uuid4().hex[:8]}"
        self._claims: dict[str, int] = {}
        self._lock = threading.Lock()

    def device_ids(self) -> list[str]:
        """Return the devices that have a page."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))

    def read(self, device_id: str) -> Page | None:
        """Return the page of a device; None if there is none, or none that can be read.

        Raises:
            OSError: the disk failed.
        """
        try:
            return Page.model_validate_json(self._path(device_id).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            # The message of the library would show what is in the file.
            _log.error("%s is damaged in %d places and passed over", self._path(device_id), error.error_count())
            return None

    def save(self, device_id: str, page: Page) -> bool:
        """Replace the page of a device durably; return False if there is one of a newer connection, which stays.

        Raises:
            OSError: the disk failed; the old page stands.
        """
        path = self._path(device_id)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.claim(device_id)
        temporary = path.with_name(f".{path.name}.{self._mark}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(page.model_dump_json().encode())
            stream.flush()
            failpoint("notebook.before_sync")
            os.fsync(stream.fileno())
        with self._alone():
            known = self.read(device_id)
            if known is not None and known.generation > page.generation:
                temporary.unlink()
                return False
            failpoint("notebook.before_rename")
            temporary.rename(path)
            sync_directory(self._directory)
            failpoint("notebook.after_sync")
        return True

    def claim(self, device_id: str) -> bool:
        """Return whether this process alone cares for the device from now on; its end also ends the claim.

        Raises:
            OSError: the disk failed.
        """
        with self._lock:
            if device_id in self._claims:
                return True
            handle = os.open(self._directory / f"{device_id}.claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            self._claims[device_id] = handle
            return True

    def give_up(self, device_id: str) -> None:
        """Let another process care for the device."""
        with self._lock:
            handle = self._claims.pop(device_id, None)
            if handle is not None:
                os.close(handle)

    def close(self) -> None:
        """Give up all devices."""
        for device_id in list(self._claims):
            self.give_up(device_id)

    @contextmanager
    def _alone(self) -> Generator[None]:
        handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _path(self, device_id: str) -> Path:
        return self._directory / f"{device_id}{_SUFFIX}"
