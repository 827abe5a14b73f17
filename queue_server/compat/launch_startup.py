"""Which startup code the options of ``start-re-manager`` name, and the files that belong to it. Reads no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.list_file import LIST_FILE

PERMISSIONS_FILE = "user_group_permissions.yaml"

_LOCATIONS = ("startup_dir", "startup_module", "startup_script")
_PROFILE = ("startup_profile", "ipython_dir")


class Startup(Struct, frozen=True):
    """The startup code: at most one of directory, script and module; none of them means the simulated profile.

    ``beside`` is the directory for permissions and lists where no other is named.
    """

    directory: Path | None = None
    script: Path | None = None
    module: str | None = None
    beside: Path | None = None

    @property
    def setting(self) -> str:
        """The value of the setting ``startup``; a module is marked, so that no file of its name is taken for it."""
        if self.module:
            return f"module:{self.module}"
        return str(self.directory or self.script or "sim")


def find_startup(file: Mapping[str, Any], options: Mapping[str, Any], environ: Mapping[str, str]) -> Startup:
    """Return the startup code; options win over the configuration file.

    Raises:
        ParameterError: one source names two locations, or the directory does not exist.
    """
    of_file = _find_location(file, "the configuration file", environ)
    location = _find_location(options, "the options", environ) or of_file or ("", "")
    profile = {name: options.get(name) or file.get(name) for name in _PROFILE}
    beside = profile_directory(profile, environ) if any(profile.values()) else None
    kind, where = location
    if kind == "startup_module":
        return Startup(module=where, beside=beside)
    if kind == "startup_script":
        return Startup(script=Path(where), beside=beside)
    if not kind:
        return Startup()
    directory = Path(where)
    if not directory.is_dir():
        raise ParameterError(f"'{kind}': there is no startup directory {where}.", field=kind)
    return Startup(directory=directory, beside=directory)


def profile_directory(values: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """Return the startup directory of the IPython profile that ``startup_profile`` and ``ipython_dir`` name."""
    root = values.get("ipython_dir") or environ.get("IPYTHONDIR") or "~/.ipython"
    return _absolute(root) / f"profile_{values.get('startup_profile') or 'default'}" / "startup"


def find_permissions(named: str | None, startup: Startup) -> Path | None:
    """Return the permissions file that is named, or that of the profile; None for the one beside the startup code."""
    return _find_file(named, startup, PERMISSIONS_FILE)


def find_list_file(named: str | None, startup: Startup) -> Path | None:
    """Return the list file that is named, or that of the profile; None for the one beside the startup code."""
    return _find_file(named, startup, LIST_FILE)


def _find_file(named: str | None, startup: Startup, usual_name: str) -> Path | None:
    if named is not None:
        path = _absolute(named)
        return path if path.suffix == ".yaml" and not path.is_dir() else path / usual_name
    if startup.directory is None and startup.beside is not None:
        return startup.beside / usual_name
    return None


def _find_location(values: Mapping[str, Any], source: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    named = [name for name in _LOCATIONS if values.get(name)]
    profile = [name for name in _PROFILE if values.get(name)]
    if len(named) > 1 or ("startup_dir" in named and profile):
        conflict = ", ".join(f"{name}={values[name]!r}" for name in [*named, *profile])
        raise ParameterError(f"It is ambiguous where the startup code is: {source} name {conflict}.", field=named[0])
    if not named:
        return ("startup_profile", str(profile_directory(values, environ))) if profile else None
    [name] = named
    return name, values[name] if name == "startup_module" else str(_absolute(values[name]))


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()
