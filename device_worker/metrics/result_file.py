"""The file of an attempt with values for its metrics, JSON or YAML. It is read once, and only if it is small."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from device_worker.metrics.value import MissingValueError, UnfitValueError

MOST_BYTES: Final = 1024 * 1024


def read_result_file(directory: Path | None, name: str) -> Any:
    """Return what a file below ``directory`` says, JSON if its name ends in ``.json`` and YAML otherwise.

    Raises:
        MissingValueError: there is no such file; a link is none.
        UnfitValueError: it is too large, or cannot be read as what it is.
    """
    if directory is None or not _is_file(directory, name):
        raise MissingValueError(f"the attempt has written no file {name!r}")
    path = directory / name
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MOST_BYTES:
            raise UnfitValueError(f"the file {name!r} has {size_bytes} bytes, and may have {MOST_BYTES}")
        return _parse(name, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnfitValueError(f"the file {name!r} cannot be read: {error}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UnfitValueError(f"the file {name!r} cannot be read: {str(error) or type(error).__name__}") from error


def _is_file(directory: Path, name: str) -> bool:
    """Whether it is a regular file, and no part of its name is a link."""
    path = directory
    for part in PurePosixPath(name).parts:
        path = path / part
        if os.path.islink(path):
            return False
    return path.is_file()


def _parse(name: str, text: str) -> Any:
    if PurePosixPath(name).suffix.lower() == ".json":
        return json.loads(text)
    return yaml.safe_load(text)
