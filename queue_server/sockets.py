"""Where the private sockets of a data directory are: in one place, so that a restarted manager is found again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

WORKERS = "workers"
"""The directory of the workers that are started here, in the data directory."""

MANAGER_KEY_FILE = "manager.key"
"""The file with the public key of the manager, in the directory of the workers."""

LINK = "link"
"""The name of the socket at which the manager listens for workers."""

DOCUMENTS = "documents"
"""The name of the socket at which the manager takes the documents of workers on its host."""

# sun_path holds 108 bytes with its end, and ZeroMQ needs a few for itself.
_LONGEST_PATH = 100


def delegate_address(data: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return the ipc address of the control socket whose peers may name for whom they ask; its directory exists then.

    Raises:
        OSError: the directory cannot be made, or belongs to somebody else.
    """
    return private_address(data, "delegate", environ)


def private_address(data: Path, name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the ipc address of the socket ``name`` of a data directory; its directory exists then.

    It is for this user alone, and in the data directory itself wherever that has a short enough path.

    Raises:
        OSError: the directory cannot be made, or belongs to somebody else.
    """
    inside = data / f"{name}.sock"
    if len(os.fsencode(inside)) <= _LONGEST_PATH:
        return f"ipc://{inside}"
    runtime = environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) / "cuelight" if runtime else Path(f"/tmp/cuelight-{os.getuid()}")
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = base.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(f"{base} must belong to this user alone (mode 0700)")
    ending = "" if name == LINK else f"-{name}"
    return f"ipc://{base / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}{ending}.sock"
