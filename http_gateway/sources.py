"""Settings as several sources give them: each value with the words for where it stands. Reads no source itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from http_gateway.config import DEFAULT_HTTP, Place
from queue_server.protocol.errors import ParameterError

HOST: Place = ("host",)
PORT: Place = ("port",)
"""Two values that together are the setting ``http``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, which may be a secret, and where a person finds it."""

    value: Any = field(repr=False)
    source: str


Entries = dict[Place, Entry]
"""By the place in the tree of settings."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a source gives, and what a person should know about it."""

    entries: Entries
    notes: tuple[str, ...] = ()


def combine(layers: Iterable[Entries]) -> tuple[dict[str, Any], dict[Place, str]]:
    """Return the tree of values and their sources; a later layer wins, value by value.

    Raises:
        ParameterError: host or port cannot be used, or a value stands where others need a section.
    """
    merged: Entries = {}
    for layer in layers:
        merged.update(layer)
    _join_address(merged)
    tree: dict[str, Any] = {}
    for place, entry in merged.items():
        section = tree
        for name in place[:-1]:
            section = section.setdefault(str(name), {})
        section[str(place[-1])] = entry.value
    return tree, {place: entry.source for place, entry in merged.items()}


def _join_address(entries: Entries) -> None:
    host, port = entries.pop(HOST, None), entries.pop(PORT, None)
    if host is None and port is None:
        return
    default_host, _, default_port = DEFAULT_HTTP.rpartition(":")
    host_text = _check_host(host) if host is not None else default_host
    port_text = _check_port(port) if port is not None else default_port
    source = " and ".join(entry.source for entry in (host, port) if entry is not None)
    shown = f"[{host_text}]" if ":" in host_text else host_text
    entries["http",] = Entry(f"{shown}:{port_text}", source)


def _check_host(entry: Entry) -> str:
    if not isinstance(entry.value, str) or not entry.value.strip("[] "):
        raise ParameterError(f"{entry.source}: must be the name or address of a network interface.", field="host")
    return entry.value.strip("[] ")


def _check_port(entry: Entry) -> int:
    text = str(entry.value)
    if isinstance(entry.value, bool) or not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ParameterError(f"{entry.source}: must be a number from 0 to 65535, not {entry.value!r}.", field="port")
    return int(text)
