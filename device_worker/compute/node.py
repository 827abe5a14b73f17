"""Nodes: typed functions whose calls inside a graph become steps. Outside of a graph they are ordinary functions."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from device_worker.compute.composition import Pending, find_recorder
from device_worker.compute.errors import GraphError
from device_worker.compute.inputs import ArraySlice, InputArray, InputFile


class Node:
    """A function that a graph calls; ``function`` is the function itself, ``name`` what people see."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__
        self.__qualname__ = function.__qualname__
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record a step and return its ``Pending``; outside of a graph call the function and return its value."""
        recorder = find_recorder()
        if recorder is not None:
            return recorder.add_call(self.name, self, args, kwargs)
        return self.function(*load_handles(args), **load_handles(kwargs))

    def map(self, *sequences: Iterable[Any], **constants: Any) -> list[Any]:
        """Call the node once for each element of the sequences, side by side where there are processes for it.

        Several sequences are gone through together, as by the built-in ``map``; keyword arguments are the same for all.

        Raises:
            GraphError: there is nothing to go through, or the sequences have different lengths.
        """
        if not sequences:
            raise GraphError(f"Node {self.name!r} is mapped over nothing: give a list, or the slices of an input")
        try:
            calls = list(zip(*sequences, strict=True))
        except ValueError as error:
            raise GraphError(f"Node {self.name!r} is mapped over sequences of different lengths") from error
        recorder = find_recorder()
        if recorder is not None:
            return list(recorder.add_map(self.name, self, calls, constants))
        return [self(*arguments, **constants) for arguments in calls]

    def _is_importable(self) -> bool:
        # Startup files are executed under this name, and no other process has them under it.
        if self.__module__ == "__main__" or "<locals>" in self.__qualname__:
            return False
        try:
            return _look_up(self.__module__, self.__qualname__) is self
        except (ImportError, AttributeError):
            return False

    def __reduce__(self) -> Any:
        # A node of a module that can be imported travels by its name; one of a startup file travels with its code.
        if self._is_importable():
            return _look_up, (self.__module__, self.__qualname__)
        return Node, (self.function,)


def _look_up(module: str, qualified_name: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in qualified_name.split("."):
        found = getattr(found, part)
    return found


def node(function: Callable[..., Any]) -> Node:
    """Make a function usable as a node of graphs.

    A node gets values and returns one. It may be repeated when a process dies, so that it must have no other effect.

    Raises:
        GraphError: it is no plain function.
    """
    if (
        not inspect.isfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
    ):
        raise GraphError(f"{function!r} cannot be a node: decorate a function that is called and returns its value")
    return Node(function)


def load_handles(value: Any) -> Any:
    """Return a value with what stands for inputs replaced by paths and arrays, also inside lists, tuples and maps."""
    return replace_parts(
        value, lambda part: part.load() if isinstance(part, InputFile | InputArray | ArraySlice) else part
    )


def replace_parts(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a value in which every part that is no list, tuple or map has gone through ``replace``."""
    if type(value) is list:
        return [replace_parts(part, replace) for part in value]
    if type(value) is tuple:
        return tuple(replace_parts(part, replace) for part in value)
    if type(value) is dict:
        return {key: replace_parts(part, replace) for key, part in value.items()}
    return replace(value)


def list_needed(value: Any) -> list[int]:
    """Return the numbers of the steps whose values are parts of a value, each once."""
    needed: dict[int, None] = {}

    def note(part: Any) -> Any:
        if isinstance(part, Pending):
            needed[part.step] = None
        return part

    replace_parts(value, note)
    return list(needed)
