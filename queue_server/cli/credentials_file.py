"""The file with the id and the token of a scanner, as its program reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from queue_server.protocol.errors import ParameterError


@contextmanager
def new_credentials_file(path: Path) -> Generator[IO[str]]:
    """Open a file that was not there; it is there first, because the token is told once. It goes if that fails.

    Raises:
        ParameterError: the file exists or cannot be made; nothing was asked for then.
    """
    try:
        target = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w")
    except OSError as error:
        raise ParameterError(f"{path} cannot be written: {error}. Nothing was done.", field="--credentials") from error
    try:
        with target:
            yield target
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def credentials_in(reply: Mapping[str, Any]) -> str:
    """Return the text of the file for a reply that tells a token."""
    return json.dumps({"device_token": reply["device_token"], "device_id": reply["device_id"]})
