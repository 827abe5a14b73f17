"""Tells when a file, or a file of a directory, has been changed, by the kernel's inotify: nobody has to look again."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

_CLOSE_WRITE = 0x008
_ATTRIB = 0x004
_MOVED_FROM, _MOVED_TO = 0x040, 0x080
_DELETE = 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLY_DIRECTORIES = 0x01000000

# A file that is only opened for writing is empty for a moment; what counts is that it was closed or put in place.
_MASK = _CLOSE_WRITE | _ATTRIB | _MOVED_FROM | _MOVED_TO | _DELETE | _DELETE_SELF | _MOVE_SELF | _ONLY_DIRECTORIES
_ABOUT_THE_WATCH = _DELETE_SELF | _MOVE_SELF | _OVERFLOW | _IGNORED

_EVENT = struct.Struct("iIII")
_MOST_BYTES = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class FileWatch:
    """Calls ``changed`` after each change, on the running event loop, until it is closed.

    Changes made by another host to a network file system are not seen.
    """

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        """Begin to watch.

        Raises:
            OSError: the kernel grants no further watch.
        """
        self._path = path
        self._changed = changed
        self._contents: set[int] = set()
        self._names: set[bytes] = set()
        self._loop = asyncio.get_running_loop()
        self._handle = _call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._arm()
        except OSError:
            os.close(self._handle)
            raise
        self._loop.add_reader(self._handle, self._read)

    def close(self) -> None:
        """Watch no more."""
        if self._handle >= 0:
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _arm(self) -> None:
        """Watch where the path leads now; what is watched already stays so."""
        real = self._path.resolve()
        self._names = {os.fsencode(self._path.name), os.fsencode(real.name)}
        self._contents = set()
        for place in {self._path, real}:
            self._watch(place.parent)
            if place.is_dir():
                self._contents.add(self._watch(place))

    def _watch(self, directory: Path) -> int:
        return _call("inotify_add_watch", self._handle, os.fsencode(directory), _MASK)

    def _read(self) -> None:
        try:
            data = os.read(self._handle, _MOST_BYTES)
        except BlockingIOError:
            return
        at, matters = 0, False
        while at < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
            at += _EVENT.size + length
            matters = matters or bool(mask & _ABOUT_THE_WATCH) or watch in self._contents or name in self._names
        if matters:
            self._arm_again()
            self._changed()

    def _arm_again(self) -> None:
        try:
            self._arm()
        except FileNotFoundError:
            # Somebody is putting something else in its place, which the directory above tells.
            self._watch_nearest()

    def _watch_nearest(self) -> None:
        nearest = next(parent for parent in self._path.parents if parent.is_dir())
        self._names.update(os.fsencode(part) for part in self._path.parts)
        self._watch(nearest)


def _call(function: str, *arguments: int | bytes) -> int:
    result = getattr(_libc, function)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return result
