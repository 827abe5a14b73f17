"""From the name of a class in a configuration to an object: our own classes, and those that a site names itself.

Nothing is imported but the module that the configuration names.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from queue_server.protocol.errors import ParameterError

_COMPATIBLE = {
    "bluesky_httpserver.authenticators": ("http_gateway.auth.providers", "http_gateway.auth.external"),
    "bluesky_httpserver.authorization": ("http_gateway.auth.policies", "http_gateway.auth.server_policy"),
}
"""Names of modules in existing configurations, and where the classes of the same names stand here."""


def resolve(name: str, field: str = "") -> type[Any]:
    """Return the class that ``module:Class`` names.

    Raises:
        ParameterError: the name is malformed, or there is no such class.
    """
    module, separator, class_name = name.partition(":")
    if not module or not separator or not class_name.isidentifier():
        raise ParameterError(f"{name!r} is no class; write 'module:Class'.", field=field)
    for place in _COMPATIBLE.get(module, (module,)):
        found = getattr(_import(place, name, field), class_name, None)
        if isinstance(found, type):
            return found
    raise ParameterError(f"There is no class {class_name!r} in {module!r}.", field=field)


def build(name: str, args: Mapping[str, Any], field: str) -> Any:
    """Return an object of the class that is named, made with ``args``; no message shows their values.

    Raises:
        ParameterError: there is no such class, or it does not accept the arguments.
    """
    kind = resolve(name, field)
    try:
        return kind(**args)
    except TypeError as error:
        raise ParameterError(f"{name} does not accept the arguments {sorted(args)}: {error}", field=field) from error
    except ValueError as error:
        raise ParameterError(f"{name} refuses its arguments: {error}", field=field) from error


def need(module: str, extra: str, user: str) -> Any:
    """Return an optional library.

    Raises:
        ParameterError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ParameterError(f"{user} needs the extra {extra!r}: pip install 'cuelight[{extra}]'.") from error


def _import(module: str, name: str, field: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ParameterError(f"{name!r} cannot be imported: {error}", field=field) from error
