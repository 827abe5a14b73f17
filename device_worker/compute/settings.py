"""Settings of the processes that serve graphs."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MOST_BY_DEFAULT = 8


def _count_processors() -> int:
    return min(max(2, len(os.sched_getaffinity(0))), _MOST_BY_DEFAULT)


class SchedulerAddress(BaseModel):
    """An existing scheduler, and the files that prove who one is to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(description="tls://HOST:PORT, or tcp://HOST:PORT on the loopback interface of this host.")
    ca_file: Path | None = Field(default=None, description="Certificates of authorities, PEM.")
    certificate_file: Path | None = Field(default=None, description="Own certificate, PEM.")
    key_file: Path | None = Field(default=None, description="Own private key, PEM.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = urlsplit(self.address)
        if parts.scheme not in ("tcp", "tls") or not parts.hostname or not _has_port(self.address):
            raise ValueError(f"{self.address!r} is not of the form tls://HOST:PORT or tcp://HOST:PORT")
        files = (self.ca_file, self.certificate_file, self.key_file)
        if parts.scheme == "tls" and None in files:
            raise ValueError("a tls:// address needs ca_file, certificate_file and key_file")
        if parts.scheme == "tcp" and any(files):
            raise ValueError("a tcp:// address uses no certificates: give a tls:// address")
        # Whoever reaches a scheduler without TLS can execute code as its user.
        if parts.scheme == "tcp" and not _is_loopback(parts.hostname):
            raise ValueError(f"{self.address!r} is not on the loopback interface: use tls:// to reach another host")
        return self


class ComputeSettings(BaseModel):
    """How graphs are executed: by processes of their own, or by those of an existing scheduler."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: Path = Field(description="Where processes keep what does not fit into their memory; made if missing.")
    processes: int = Field(
        default_factory=_count_processors,
        ge=1,
        le=256,
        description="Processes that execute nodes, one at a time each. If not set, as many as processors, from 2 to 8.",
    )
    memory_limit_mib: int | None = Field(
        default=None,
        ge=128,
        description=(
            "Memory of one process in MiB. Values of nodes go to the disk from 60 % on, no further node is begun from "
            "80 % on, and at 95 % the process is ended. If not set, the processes share half of the memory of the host."
        ),
    )
    scheduler: SchedulerAddress | None = Field(
        default=None, description="Use an existing scheduler; the settings of processes and memory are then its own."
    )


def _has_port(address: str) -> bool:
    try:
        return urlsplit(address).port is not None
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
