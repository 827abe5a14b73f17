"""Reads the permissions of user groups that belong to the startup code. The manager applies them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml

from device_worker.profile import ProfileError
from queue_server.protocol.codec import encode

FILE_NAME = "user_group_permissions.yaml"
LIMIT_BYTES = 900_000


def read_permissions(given: Path | None, startup_directory: Path | None) -> dict[str, Any] | None:
    """Return the permissions from the given file or directory, or else from the startup directory.

    Returns:
        None where no file was given and the startup directory has none.

    Raises:
        ProfileError: the given file is missing, or the file is not a map that can be put into a message.
    """
    if given is not None:
        return _read_map(given / FILE_NAME if given.is_dir() else given)
    path = None if startup_directory is None else startup_directory / FILE_NAME
    return _read_map(path) if path is not None and path.is_file() else None


def _read_map(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ProfileError(f"The permissions {str(path)!r} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ProfileError(f"The permissions {str(path)!r} are not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ProfileError(f"The permissions {str(path)!r} must be a map, not {type(content).__name__}")
    permissions = cast("dict[str, Any]", content)
    try:
        size_bytes = len(encode(permissions, "msgpack"))
    except (TypeError, ValueError) as error:
        raise ProfileError(f"The permissions {str(path)!r} contain an unusable value: {error}") from error
    if size_bytes > LIMIT_BYTES:
        raise ProfileError(f"The permissions {str(path)!r} take {size_bytes} bytes; at most {LIMIT_BYTES} are accepted")
    return permissions
