"""Executes scripts in the namespace of a profile, and finds the functions there that clients may call.

Whatever a script or function raises passes; besides the loading of startup code, only this executes code of text.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from device_worker.profile import stock_package
from device_worker.profile.boundary import profile_code
from device_worker.profile.discover import is_plan
from device_worker.profile.errors import ProfileError
from device_worker.profile.load import Profile, searched_for_imports
from device_worker.profile.source import StartupSource
from device_worker.profile.startup_code import compile_startup_code

REMEMBERED_SCRIPTS = 100
"""Of how many scripts the lines are kept, so that tracebacks can show them."""

SESSION_NAMES: Final = ("RE", "db")
"""What a script leaves as it was, unless it is told otherwise."""

_ABSENT: Final = object()
_remembered: dict[str, None] = {}


def execute_script(profile: Profile, script: str, label: str, *, keeps_session: bool) -> None:
    """Execute a script in the namespace of a profile; what it defined before it failed stays.

    Modules beside the startup code can be imported, and are read again by the next script that imports them.

    Args:
        profile: its namespace is changed.
        script: Python code; the empty text does nothing.
        label: tells scripts apart in tracebacks.
        keeps_session: ``RE`` and ``db`` stay what they were.
    """
    namespace = profile.namespace
    directory = find_directory(profile.source)
    name = f"<script {label}>"
    earlier = {key: namespace.get(key, _ABSENT) for key in SESSION_NAMES}
    _remember_lines(name, script)
    importlib.invalidate_caches()
    try:
        code = compile_startup_code(script, Path(name))
        stock_package.prepare_namespace(script, namespace)
        namespace.update(__name__="__main__", __file__=str((directory or Path()) / "script"))
        with _fresh_imports(directory):
            exec(code, namespace)
    finally:
        namespace.pop("__file__", None)
        if keeps_session:
            _put_back(namespace, earlier)
        stock_package.share_namespace(namespace)


def find_function(profile: Profile, name: str) -> Callable[..., Any]:
    """Return the function, or whatever can be called, of this name.

    Raises:
        ProfileError: there is none, its name is private, or it is a plan.
    """
    if name.startswith("_"):
        raise ProfileError(f"Function {name!r} is private: names that begin with an underscore cannot be called")
    if name not in profile.namespace:
        raise ProfileError(f"There is no function {name!r} in the environment")
    found = profile.namespace[name]
    if not callable(found):
        raise ProfileError(f"{name!r} is a {type(found).__name__}, which cannot be called")
    if is_plan(found):
        raise ProfileError(f"{name!r} is a plan: add it to the queue, or execute it as an item")
    return found


def find_directory(source: StartupSource) -> Path | None:
    """Return the directory in which the startup code lies; None where there is none to import from."""
    if source.kind == "sim":
        return None
    if source.kind != "module":
        return source.directory
    with contextlib.suppress(ProfileError), profile_code("The startup module cannot be found"):
        spec = importlib.util.find_spec(source.location)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent
    return None


@contextlib.contextmanager
def _fresh_imports(directory: Path | None) -> Iterator[None]:
    if directory is None:
        yield
        return
    # Modules that others can import, too, are not the script's to forget.
    keeps_modules = str(directory) in sys.path
    before = frozenset(sys.modules)
    with searched_for_imports(directory, first=True):
        try:
            yield
        finally:
            for name, module in list(sys.modules.items()):
                if name not in before and not keeps_modules and _was_found_in(directory, name, module):
                    sys.modules.pop(name, None)


def _was_found_in(directory: Path, name: str, module: object) -> bool:
    """Tell whether a module was imported from a directory itself, not from another place below it."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not Path(file).is_relative_to(directory):
        return False
    first = Path(file).relative_to(directory).parts[0]
    return first.partition(".")[0] == name.partition(".")[0]


def _put_back(namespace: dict[str, Any], earlier: dict[str, object]) -> None:
    for key, value in earlier.items():
        if value is _ABSENT:
            namespace.pop(key, None)
        else:
            namespace[key] = value


def _remember_lines(name: str, script: str) -> None:
    # Without a modification time, an entry is never compared with a file.
    linecache.cache[name] = (len(script), None, script.splitlines(keepends=True), name)
    _remembered[name] = None
    if len(_remembered) > REMEMBERED_SCRIPTS:
        oldest = next(iter(_remembered))
        del _remembered[oldest]
        linecache.cache.pop(oldest, None)
