"""What a disk has after a loss of power, given the log of what was written and synced until then.

Synced bytes are kept. Of the others each write survives with a probability, and may be torn at 512 bytes. A file that
was deleted stays so with the next sync of any file (model ``ext4``), or only if its directory was synced in the same
call (model ``posix``, which does not rely on the directory being synced for some other reason later). A file that was
created stays with its own first sync, and in the model ``ext4`` with that of any other file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.vfs import Created, Deleted, Synced, Truncated, Written

MODELS = ("ext4", "posix")
SECTOR_BYTES = 512
TORN_SHARE = 0.3


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)
    is_named: bool = False


class Disk:
    """Files as written and as synced, brought forward entry by entry."""

    def __init__(self, model, *existing):
        self._model = model
        self._files = {name: _File(is_named=True) for name in existing}
        self._deleted = []

    def apply(self, entry):
        """Take the next entry of the log."""
        match entry:
            case Created():
                self._files[entry.file] = _File()
            case Written() | Truncated():
                self._files[entry.file].pending.append(entry)
            case Synced():
                self._sync(self._files[entry.file])
            case Deleted():
                self._deleted.append((entry.file, self._files.pop(entry.file)))
                if entry.is_durable:
                    self._deleted.clear()

    def _sync(self, file):
        for entry in file.pending:
            _perform(file.durable, entry)
        file.pending.clear()
        file.is_named = True
        if self._model == "ext4":
            self._deleted.clear()
            for other in self._files.values():
                other.is_named = True

    def image(self, chance, survival):
        """Return the files by name as they are found when the power is back."""
        found = {
            name: _content(file, chance, survival)
            for name, file in self._deleted
            if chance.random() < survival and file.is_named
        }
        for name, file in self._files.items():
            if file.is_named or chance.random() < survival:
                found[name] = _content(file, chance, survival)
        return found


def _content(file, chance, survival):
    content = bytearray(file.durable)
    for entry in file.pending:
        if chance.random() < survival:
            is_torn = isinstance(entry, Written) and chance.random() < TORN_SHARE
            for part in _sectors(entry, chance) if is_torn else [entry]:
                _perform(content, part)
    return bytes(content)


def _sectors(entry, chance):
    for start in range(0, len(entry.data), SECTOR_BYTES):
        if chance.random() < 0.5:
            yield Written(entry.file, entry.offset + start, entry.data[start : start + SECTOR_BYTES])


def _perform(content, entry):
    size = entry.size if isinstance(entry, Truncated) else entry.offset
    if isinstance(entry, Truncated):
        del content[size:]
    if len(content) < size:
        content.extend(bytes(size - len(content)))
    if isinstance(entry, Written):
        content[entry.offset : entry.offset + len(entry.data)] = entry.data
