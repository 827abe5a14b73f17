"""The file that lists plans and devices: kept up to date with what an environment has, untouched where it is.

Others read it: the manager before an environment is open, and programs of bluesky-queueserver.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import yaml

from queue_server.protocol.list_file import (
    DEVICES,
    HEADING,
    MOST_YAML_BYTES,
    PLANS,
    make_plain,
    parse_lists,
    render_lists,
)

_log = logging.getLogger(__name__)

ListUpdates = Literal["environment_open", "always"]
UPDATES: tuple[ListUpdates, ...] = ("environment_open", "always")

LONG_ENTRIES = 1000
"""Lists with more entries are written in the compact form, which is read and written a hundred times faster."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class ListFile:
    """The list file of an environment; that it cannot be written is logged, and stops nothing."""

    def __init__(self, path: Path, updates: ListUpdates = "environment_open") -> None:
        """Name the file; ``updates`` says whether changes of an open environment are written too."""
        self._path = path
        self._updates = updates

    def note_opened(self, plans: Mapping[str, Any], devices: Mapping[str, Any]) -> None:
        """Write the lists of an environment that opens, if the file does not have them."""
        self._bring_up_to_date(plans, devices)

    def note_changed(self, plans: Mapping[str, Any], devices: Mapping[str, Any]) -> None:
        """Write the lists of an environment that was open before, if that is wanted and the file does not have them."""
        if self._updates == "always":
            self._bring_up_to_date(plans, devices)

    def _bring_up_to_date(self, plans: Mapping[str, Any], devices: Mapping[str, Any]) -> None:
        try:
            wanted = {PLANS: make_plain(plans), DEVICES: make_plain(devices)}
            if _read(self._path) == wanted:
                return
            write_list(self._path, plans, devices)
        except (OSError, TypeError, yaml.YAMLError) as error:
            _log.error("The list file %s cannot be written: %s", self._path, error)
        else:
            _log.info("The lists of plans and devices are written to %s", self._path)


def write_list(path: Path, plans: Mapping[str, Any], devices: Mapping[str, Any]) -> None:
    """Write the list file in the structure that managers read, replacing an existing file as a whole.

    Raises:
        OSError: the file cannot be written; an existing one is unchanged.
        YAMLError: the descriptions are not plain values; an existing file is unchanged.
    """
    if len(plans) + len(devices) > LONG_ENTRIES:
        text = render_lists(plans, devices)
    else:
        text = HEADING + yaml.dump({PLANS: plans, DEVICES: devices}, Dumper=_Dumper, allow_unicode=True)
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        with suppress(OSError):
            draft.unlink()


class _Dumper(_BaseDumper):
    """Writes equal parts out in full; readers and comparisons of files are easier without references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _read(path: Path) -> dict[str, Any] | None:
    """Return the lists of the file; None if there are none, or none that could be read in a sensible time."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    content: object = parse_lists(text)
    if content is None and len(text) <= MOST_YAML_BYTES:
        content = _read_yaml(text, path)
    if not isinstance(content, dict):
        return None
    return {name: content.get(name) or {} for name in (PLANS, DEVICES)}


def _read_yaml(text: bytes, path: Path) -> object:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        _log.warning("The list file %s is no YAML and will be written again: %s", path, error)
        return None
