"""Secrets in files that only their owner can read. What the secrets are for is decided elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from queue_server.protocol.errors import ParameterError


def read_secret(path: Path, name: str) -> str:
    """Return the text of a file that only its owner can read; ``name`` is that of the setting.

    Raises:
        ParameterError: the file cannot be read, or is open to others.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise ParameterError(f"The secret in {path} is not text.", field=name) from error
    except OSError as error:
        raise ParameterError(f"The secret in {path} cannot be read: {error.strerror}", field=name) from error
    if stat.S_IMODE(mode) & 0o077:
        raise ParameterError(f"{path} is open to others; do: chmod 600 {path}", field=name)
    return text


def create_secret(path: Path, text: str) -> bool:
    """Write a new file of mode 0600, complete or not at all; return False if there is one already.

    It ends without a line feed: there are clients that send the content of such a file as it is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(handle)
    try:
        # Of two processes that start at once one makes the secret.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True
