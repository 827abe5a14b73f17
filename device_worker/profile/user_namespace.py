"""The namespace of the profile for functions that ask for it: the decorator ``set_user_ns`` and what it reads.

There is one namespace in a process, because startup code reaches it through plain functions.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

_GIVEN: Final = ("user_ns", "ipython")


class UserNamespace:
    """Holds the namespace in which startup code is executed; an empty one before that."""

    def __init__(self) -> None:
        self._user_ns: dict[str, Any] = {}
        self._use_ipython = False

    @property
    def user_ns(self) -> dict[str, Any]:
        """The namespace."""
        return self._user_ns

    @property
    def use_ipython(self) -> bool:
        """Whether the namespace is that of an IPython shell."""
        return self._use_ipython

    def set_user_namespace(self, *, user_ns: dict[str, Any], use_ipython: bool = False) -> None:
        """Name the namespace."""
        self._user_ns = user_ns
        self._use_ipython = use_ipython


global_user_namespace: Final = UserNamespace()


def set_user_ns(function: Callable[..., Any]) -> Callable[..., Any]:
    """Call a function or plan with the namespace as ``user_ns`` and, if it wants it, None as ``ipython``.

    Both disappear from its signature, so that clients need not know of them.
    """
    signature = inspect.signature(function)
    wants_shell = "ipython" in signature.parameters

    def give(kwargs: dict[str, Any]) -> dict[str, Any]:
        given = {"user_ns": global_user_namespace.user_ns}
        return {**kwargs, **given, "ipython": None} if wants_shell else {**kwargs, **given}

    wrapper: Any = _wrap(function, give)
    shown = [parameter for name, parameter in signature.parameters.items() if name not in _GIVEN]
    wrapper.__signature__ = signature.replace(parameters=shown)
    return wrapper


def _wrap(function: Callable[..., Any], give: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Any:
            return (yield from function(*args, **give(kwargs)))

        return generate

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **give(kwargs))

    return call
