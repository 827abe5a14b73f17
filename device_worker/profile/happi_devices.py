"""Loads devices from a happi database into the namespace of startup code. It knows no other source of devices."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from device_worker.profile.errors import ProfileError


def load_devices_from_happi(
    device_names: Sequence[str | Sequence[str]], *, namespace: dict[str, Any], **kwargs: Any
) -> list[str]:
    """Create devices that a happi database describes; the variable HAPPI_CFG names the configuration of happi.

    Args:
        device_names: names in the database; or pairs of a name there and the name that the device gets here,
            where an empty text means the same name.
        namespace: receives the devices, usually ``globals()``.
        kwargs: what else the entries must have, as in a search of happi.

    Returns:
        The names in the namespace, in the order of ``device_names``.

    Raises:
        ProfileError: a name is no text or pair, or stands for no device or for more than one; nothing is changed.
    """
    if isinstance(device_names, str):
        raise ProfileError(f"The devices to load from happi are {device_names!r}: give a list of names")
    happi: Any = importlib.import_module("happi")
    client = happi.Client.from_config()
    pairs = [_read_pair(entry) for entry in device_names]
    found = [_search(client, name, kwargs) for name, _ in pairs]
    loaded = {new: _create(happi, result, new) for result, (_, new) in zip(found, pairs, strict=True)}
    namespace.update(loaded)
    return list(loaded)


def _read_pair(entry: object) -> tuple[str, str]:
    parts = [entry, ""] if isinstance(entry, str) else list(entry) if isinstance(entry, Iterable) else []
    match parts:
        case [str(name), str(new)] if not new or new.isidentifier():
            return name, new or name
    raise ProfileError(f"{entry!r} names no device of happi: give a name, or a pair of the name there and a variable")


def _search(client: Any, name: str, conditions: dict[str, Any]) -> Any:
    found = client.search(**{**conditions, "name": name})
    if len(found) == 1:
        return found[0]
    count = f"{len(found)} devices" if found else "no device"
    raise ProfileError(f"The happi database has {count} with the name {name!r} and {conditions}: exactly one is needed")


def _create(happi: Any, result: Any, name: str) -> Any:
    # The entry is a copy of what the database holds; placeholders of the name in its arguments follow the change.
    result.item.name = name
    return happi.from_container(result.item)
