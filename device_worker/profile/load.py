"""Loads startup code into one namespace. Besides scripts, nothing else executes code of text."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_worker import sim
from device_worker.profile import stock_package
from device_worker.profile.boundary import profile_code
from device_worker.profile.errors import ProfileError
from device_worker.profile.registration import clear_registrations
from device_worker.profile.shell import ShellStandIn
from device_worker.profile.source import StartupSource
from device_worker.profile.startup_code import GET_IPYTHON, compile_startup_code, read_source
from device_worker.profile.stock_names import supply_stock_names

if TYPE_CHECKING:
    from bluesky.run_engine import RunEngine

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Profile:
    """Loaded startup code: the namespace in which plans, devices and functions live."""

    source: StartupSource
    namespace: dict[str, Any] = field(repr=False)


def load_profile(source: StartupSource) -> Profile:
    """Execute the startup code of a source and return its namespace.

    The files of a directory (``*.py`` and ``*.ipy``, sorted by name) share one namespace, as in IPython.

    Raises:
        ProfileError: there is no such code, or it failed; with the traceback of the failure.
    """
    clear_registrations()
    supply_stock_names()
    importlib.invalidate_caches()
    namespace = _create_namespace()
    _log.info("Loading startup code from %s", source)
    if source.kind == "directory":
        _load_directory(Path(source.location), namespace)
    elif source.kind == "file":
        _load_file(Path(source.location), namespace)
    else:
        _load_module(source.location or sim.STARTUP_MODULE, namespace)
    stock_package.share_namespace(namespace)
    return Profile(source, namespace)


def find_run_engine(namespace: dict[str, Any]) -> RunEngine | None:
    """Return the RunEngine that startup code left under the name ``RE``; None if it left none.

    Raises:
        ProfileError: ``RE`` is something else.
    """
    candidate = namespace.get("RE")
    if candidate is None:
        return None
    from bluesky.run_engine import RunEngine

    if not isinstance(candidate, RunEngine):
        raise ProfileError(f"'RE' is a {type(candidate).__name__}, not a RunEngine: use another name for it")
    return candidate


def _create_namespace() -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    shell = ShellStandIn(namespace)
    namespace["get_ipython"] = namespace[GET_IPYTHON] = lambda: shell
    return namespace


def _load_directory(directory: Path, namespace: dict[str, Any]) -> None:
    if not directory.is_dir():
        raise ProfileError(f"The startup directory {str(directory)!r} does not exist")
    files = sorted(path for path in directory.iterdir() if path.suffix in (".py", ".ipy") and path.is_file())
    if not files:
        raise ProfileError(f"The startup directory {str(directory)!r} contains no *.py or *.ipy file")
    with searched_for_imports(directory, first=False):
        for path in files:
            _execute_file(path, namespace)


def _load_file(path: Path, namespace: dict[str, Any]) -> None:
    if not path.is_file():
        raise ProfileError(f"The startup file {str(path)!r} does not exist")
    with searched_for_imports(path.parent, first=True):
        _execute_file(path, namespace)


def _load_module(name: str, namespace: dict[str, Any]) -> None:
    with profile_code(f"Startup module {name!r} failed"):
        module = importlib.import_module(name)
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        raise ProfileError(
            f"Startup module {name!r} is a directory without __init__.py and holds no code of its own: "
            "name a module inside it, or load it as a startup directory"
        )
    namespace.update(vars(module))


def _execute_file(path: Path, namespace: dict[str, Any]) -> None:
    _log.info("Loading startup file %s", path)
    namespace.update(__file__=str(path), __name__="__main__")
    try:
        with profile_code(f"Startup file {str(path)!r} failed"):
            source = read_source(path)
            code = compile_startup_code(source, path)
            stock_package.prepare_namespace(source, namespace)
            exec(code, namespace)
    finally:
        # A later reader must not take the last startup file for its own; the name stays for pickling.
        namespace.pop("__file__", None)


@contextmanager
def searched_for_imports(directory: Path, *, first: bool) -> Iterator[None]:
    """Let startup code import modules that lie beside it, for as long as it is being loaded."""
    entry = str(directory)
    present = entry in sys.path
    if first:
        sys.path.insert(0, entry)
    elif not present:
        sys.path.append(entry)
    try:
        yield
    finally:
        if (first or not present) and entry in sys.path:
            sys.path.remove(entry)
