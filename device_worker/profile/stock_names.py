"""The names that startup code imports from bluesky_queueserver, for workers without that package.

They stand for this package's own functions. An installed bluesky_queueserver is always preferred.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from device_worker.profile import process_marks
from device_worker.profile.annotation import parameter_annotation_decorator
from device_worker.profile.happi_devices import load_devices_from_happi
from device_worker.profile.registration import clear_registrations, register_device, register_plan
from device_worker.profile.user_namespace import global_user_namespace, set_user_ns

_MARKS: Final[Mapping[str, Any]] = {
    function.__name__: function
    for function in (
        process_marks.is_re_worker_active,
        process_marks.set_re_worker_active,
        process_marks.clear_re_worker_active,
        process_marks.is_ipython_mode,
        process_marks.set_ipython_mode,
        process_marks.clear_ipython_mode,
    )
}
_REGISTRATION: Final[Mapping[str, Any]] = {"register_plan": register_plan, "register_device": register_device}
_ANNOTATION: Final[Mapping[str, Any]] = {"parameter_annotation_decorator": parameter_annotation_decorator}

SUPPLIED: Final[Mapping[str, Mapping[str, Any]]] = {
    "bluesky_queueserver": {**_ANNOTATION, **_REGISTRATION, **_MARKS},
    "bluesky_queueserver.manager": {},
    "bluesky_queueserver.manager.annotation_decorator": _ANNOTATION,
    "bluesky_queueserver.manager.profile_ops": {**_REGISTRATION, "clear_registered_items": clear_registrations},
    "bluesky_queueserver.manager.profile_tools": {
        **_MARKS,
        "global_user_namespace": global_user_namespace,
        "set_user_ns": set_user_ns,
        "load_devices_from_happi": load_devices_from_happi,
    },
}
"""Modules, and the names in them."""


class StockNames(MetaPathFinder, Loader):
    """Finds the supplied modules after all other finders have failed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the specification of a supplied module, or None."""
        if fullname not in SUPPLIED:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in SUPPLIED)
        return ModuleSpec(fullname, self, is_package=is_package, origin=f"supplied by {__name__}")

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the creation of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the names into the module; others are refused with what there is."""
        names = SUPPLIED[module.__name__]

        def refuse(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise ImportError(
                f"{name!r} of {module.__name__} is not available: that package is not installed, and the worker "
                f"supplies only {', '.join(sorted(names)) or 'the modules inside it'}"
            )

        vars(module).update(names, __getattr__=refuse)


_FINDER: Final = StockNames()


def supply_stock_names() -> None:
    """Let this process import the names wherever the package itself is missing."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
