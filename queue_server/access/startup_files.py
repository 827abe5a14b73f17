"""The files beside the startup code, as the manager reads them: lists of plans and devices, permissions of user groups.

Reading changes nothing. The list file is written by the worker, which has the descriptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from msgspec import Struct

from queue_server.access.descriptions import Plans
from queue_server.access.devices import Devices, require_descriptions
from queue_server.access.policy import Policy
from queue_server.access.yaml_text import read_yaml
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.lane_settings import GRAPHS_MARK, LaneSettings
from queue_server.protocol.list_file import DEVICES, LIST_FILE, MOST_YAML_BYTES, PLANS, parse_lists

PERMISSIONS_FILE = "user_group_permissions.yaml"

Reload = Literal["never", "on_request", "on_change", "on_startup"]


class FileLists(Struct, frozen=True):
    """Descriptions of plans and devices by their names."""

    plans: Plans
    devices: Devices


NO_LISTS = FileLists({}, {})


class StartupFiles(Struct, frozen=True):
    """Where the files are, and when they count.

    Attributes:
        startup: the startup code that they belong to.
        lists: the list file, which may be missing; None where there is no place for one.
        permissions: the file of permissions; None where there is no place for one.
        is_named: a person has named the file of permissions, so that it must exist.
        reload: when permissions of the file replace those that were set.
    """

    startup: str = ""
    lists: Path | None = None
    permissions: Path | None = None
    is_named: bool = False
    reload: Reload = "on_change"

    @property
    def origin(self) -> str:
        """What lists that were saved belong to: lists of other startup code are of no use."""
        return f"{self.startup}\n{self.lists or ''}"

    @property
    def is_simulated(self) -> bool:
        """Whether the lists are those that the package brings for its simulated profile; they are never written."""
        return self.lists is not None and self.lists.parent == find_directory("sim")

    def read_policy(self) -> Policy:
        """Return the permissions of the file; without a file, where none was named, the default.

        Raises:
            ParameterError: the file is missing or cannot be used; the message names it.
        """
        path = self.permissions
        if path is None or (not self.is_named and not path.exists()):
            return Policy.default()
        try:
            return Policy.from_yaml(path.read_bytes())
        except OSError as error:
            raise _error(f"The permissions {path} cannot be read: {error.strerror}.", "permissions") from error
        except ParameterError as error:
            raise _error(f"The permissions {path} cannot be used. {error.message}", "permissions") from error

    def read_list_file(self) -> bytes | None:
        """Return the text of the list file; None if there is none.

        Raises:
            ParameterError: it cannot be read; the message names it.
        """
        try:
            return None if self.lists is None else self.lists.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _error(f"The list file {self.lists} cannot be read: {error.strerror}.", "list_file") from error

    def parse_list_file(self, text: bytes) -> FileLists:
        """Return the lists in the text of the list file.

        Raises:
            ParameterError: it says something else; the message names the file.
        """
        content = _parse(text, self.lists)
        plans, devices = (_require_map(content.get(name) or {}, name, self.lists) for name in (PLANS, DEVICES))
        try:
            require_descriptions("plan", plans)
            require_descriptions("device", devices)
        except ParameterError as error:
            raise _error(f"The list file {self.lists} cannot be used. {error.message}", "list_file") from error
        return FileLists(plans, devices)


NO_FILES = StartupFiles()


def find_startup_files(startup: str, list_file: Path | None, permissions: Path | None, reload: Reload) -> StartupFiles:
    """Return where the files are: what was named, or else beside the startup code; a directory means its usual file.

    Raises:
        ParameterError: the directory of a list file that was named does not exist.
    """
    beside = find_directory(startup)
    lists = _find(list_file, LIST_FILE, beside)
    if list_file is not None and lists is not None and not lists.parent.is_dir():
        raise _error(f"The list file {lists} has no place: there is no directory {lists.parent}.", "list_file")
    return StartupFiles(startup, lists, _find(permissions, PERMISSIONS_FILE, beside), permissions is not None, reload)


def find_files_of_lanes(
    lanes: Mapping[str, LaneSettings], permissions: Path | None, reload: Reload
) -> dict[str, StartupFiles]:
    """Return where the files of each lane are; those of the lane default have the permissions.

    Raises:
        ParameterError: the directory of a list file that was named does not exist.
    """
    found: dict[str, StartupFiles] = {}
    for name, lane in lanes.items():
        if lane.executes_graphs:
            # A list file has plans and devices, and no graphs.
            found[name] = StartupFiles(f"{GRAPHS_MARK}{lane.startup}")
        else:
            named = permissions if name == DEFAULT_LANE else None
            found[name] = find_startup_files(lane.startup, lane.list_file, named, reload)
    return found


def find_directory(startup: str) -> Path | None:
    """Return the directory in which files lie beside startup code; None for a module."""
    if startup == "sim":
        package = find_spec("device_worker")
        places = package.submodule_search_locations if package is not None else None
        return Path(places[0]) / "sim" if places else None
    if startup.startswith("module:"):
        return None
    path = Path(startup).expanduser().absolute()
    if path.is_dir():
        return path
    return path.parent if path.is_file() else None


def digest(text: bytes) -> str:
    """Return what a file is recognised by when it is read again."""
    return hashlib.sha256(text).hexdigest()


def _find(named: Path | None, usual_name: str, beside: Path | None) -> Path | None:
    if named is None:
        return None if beside is None else beside / usual_name
    return named if named.suffix == ".yaml" and not named.is_dir() else named / usual_name


def _parse(text: bytes, path: Path | None) -> Mapping[str, Any]:
    content: object = parse_lists(text)
    if content is None:
        if len(text) > MOST_YAML_BYTES:
            raise _error(
                f"The list file {path} has {len(text)} bytes of YAML, more than the {MOST_YAML_BYTES} that are read. "
                "`cuelight list-plans-devices` writes long lists in a form that is read quickly.",
                "list_file",
            )
        try:
            content = read_yaml(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _error(f"The list file {path} is not YAML: {error}", "list_file") from error
    return _require_map(content or {}, "the whole", path)


def _require_map(value: object, what: str, path: Path | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _error(f"The list file {path}: {what} must be a map, not {type(value).__name__}.", "list_file")
    return cast("dict[str, Any]", value)


def _error(message: str, field: str) -> ParameterError:
    return ParameterError(message, field=field)
