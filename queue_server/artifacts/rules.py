"""The rules of a directory of artifacts: how much may lie in it, and how long what nobody refers to is kept.

They lie beside the artifacts, so that every process that stores some obeys the same ones. It stores no artifact.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from queue_server.artifacts.directory import storage_error
from queue_server.disk import sync_directory
from queue_server.protocol.errors import ParameterError, StorageError

FILE = "rules.json"
SHORTEST_DAYS = 1.0
"""What a submission is about to name must not be taken away before it has done so."""


class Rules(Struct, frozen=True):
    """At most ``quota_bytes`` in all, and ``keep_days`` for what nothing refers to; None: no limit, and for ever."""

    quota_bytes: int | None = None
    keep_days: float | None = None

    def check(self) -> None:
        """Refuse rules that no directory can obey.

        Raises:
            ParameterError: a value is out of range; the message names it.
        """
        if self.quota_bytes is not None and self.quota_bytes < 0:
            raise ParameterError("'quota' must be 0 bytes or more.", field="quota")
        if self.keep_days is not None and not self.keep_days >= SHORTEST_DAYS:
            raise ParameterError(f"'keep_days' must be at least {SHORTEST_DAYS:g}.", field="keep_days")


def read_rules(directory: Path) -> Rules:
    """Return the rules in a directory of artifacts; without a file of them there is no limit.

    Raises:
        StorageError: the file cannot be read, or is none of ours.
    """
    path = directory / FILE
    try:
        values: Any = orjson.loads(path.read_bytes())
        rules = Rules(**values)
        rules.check()
    except FileNotFoundError:
        return Rules()
    except OSError as error:
        raise storage_error(path, error) from error
    except (TypeError, ValueError, ParameterError) as error:
        raise StorageError(
            f"{path} does not hold rules for artifacts: write it anew with 'cuelight artifacts limit'."
        ) from error
    return rules


def write_rules(directory: Path, rules: Rules) -> None:
    """Put rules in the place of those before, durably and as a whole.

    Raises:
        ParameterError: a value is out of range.
        StorageError: the disk is full or has failed.
    """
    rules.check()
    path, draft = directory / FILE, directory / f"{FILE}.new"
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(orjson.dumps(asdict(rules)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_directory(directory)
    except OSError as error:
        raise storage_error(path, error) from error
