"""What startup code and the package bluesky_queueserver must know of each other, where both are in one process.

The package is never imported for its own sake: only startup code that mentions it makes it part of the process.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from device_worker.profile.user_namespace import global_user_namespace

_PACKAGE = "bluesky_queueserver"
_TOOLS = f"{_PACKAGE}.manager.profile_tools"
_OPERATIONS = f"{_PACKAGE}.manager.profile_ops"


def prepare_namespace(source: str, namespace: dict[str, Any]) -> None:
    """Make the namespace known to the package's decorators before ``source`` is executed, if it uses them."""
    if _PACKAGE in source and importlib.util.find_spec(_PACKAGE) is not None:
        importlib.import_module(_TOOLS)
    share_namespace(namespace)


def share_namespace(namespace: dict[str, Any]) -> None:
    """Make the namespace known to the decorators that give it to functions, here and in the package if it is loaded."""
    global_user_namespace.set_user_namespace(user_ns=namespace)
    holder = _find_in(_TOOLS, "global_user_namespace")
    if holder is not None:
        holder.set_user_namespace(user_ns=namespace, use_ipython=False)


def read_plans() -> Mapping[str, Mapping[str, Any]]:
    """Return what startup code said through the package's ``register_plan``: name to exclude."""
    return dict(getattr(_registry(), "reg_plans", {}))


def read_devices() -> Mapping[str, Mapping[str, Any]]:
    """Return what startup code said through the package's ``register_device``: name to depth and exclude."""
    return dict(getattr(_registry(), "reg_devices", {}))


def clear_registrations() -> None:
    """Forget what was said through the package's functions."""
    registry = _registry()
    if registry is not None:
        registry.clear()


def _registry() -> Any:
    return _find_in(_OPERATIONS, "reg_ns_items")


def _find_in(module: str, name: str) -> Any:
    """Return what a module has under a name; None if it is not loaded, or has nothing under it."""
    return vars(sys.modules[module]).get(name) if module in sys.modules else None
