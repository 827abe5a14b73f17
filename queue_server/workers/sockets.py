"""Where the worker link is, always the same place, so that a restarted manager is found again; and its keys on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from msgspec import Struct

from queue_server.protocol.errors import ParameterError
from queue_server.sockets import LINK, MANAGER_KEY_FILE, private_address


class KeyFiles(Struct, frozen=True):
    """What a worker needs for an encrypted link: its private key, and the public key of its manager."""

    secret: Path
    manager: Path


def link_address(data: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return the ipc address of the worker link; its directory exists then, for this user alone.

    Raises:
        OSError: the directory cannot be made, or belongs to somebody else.
    """
    return private_address(data, LINK, environ)


def near_address(address: str) -> str:
    """Return the address by which this host reaches a socket that is bound to ``address``."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not _is_every_interface(host):
        return address
    return f"tcp://{'[::1]' if host.startswith('[') else '127.0.0.1'}:{port}"


def _is_every_interface(host: str) -> bool:
    try:
        return host == "*" or ip_address(host.removeprefix("[").removesuffix("]")).is_unspecified
    except ValueError:
        return False


def write_key_files(secret: Path | None, directory: Path, manager_key: bytes) -> KeyFiles:
    """Return the files with the keys of workers that are started here; that of the manager is written anew.

    Raises:
        ParameterError: ``secret`` is None, so that the link would refuse the manager's own workers.
        OSError: the file cannot be written.
    """
    if secret is None:
        raise ParameterError(
            "'worker_key_file': the worker link is encrypted, so the workers that the manager starts need a private "
            "key whose public key is listed in 'curve_workers_file'.",
            field="worker_key_file",
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / MANAGER_KEY_FILE
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(manager_key + b"\n")
    unfinished.replace(path)
    return KeyFiles(secret, path)
