"""What a graph consists of when it has been put together: its steps and its files. Executes nothing.

While a graph function runs, calls of nodes are recorded instead of made; each returns a ``Pending`` for its value.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from device_worker.compute.errors import GraphError
from device_worker.compute.file_names import check_file_name

MAX_STEPS = 5_000
"""Node calls of one graph."""
MAX_FILES = 1_000

Role = Literal["result", "intermediate"]


@dataclass(frozen=True, slots=True)
class Pending:
    """Stands for the value of a node call while a graph is put together; it can be given to other nodes."""

    step: int
    label: str

    def __bool__(self) -> bool:
        raise self._refusal("tested")

    def __iter__(self) -> NoReturn:
        raise self._refusal("iterated over")

    def __len__(self) -> int:
        raise self._refusal("measured")

    def __getitem__(self, _: object) -> NoReturn:
        raise self._refusal("indexed")

    def _refusal(self, action: str) -> GraphError:
        return GraphError(
            f"The value of {self.label!r} is not known while the graph is put together, so that it cannot be {action} "
            "there: do that in a node"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a node; its arguments may contain ``Pending`` of earlier steps and handles of inputs."""

    label: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that is to be written, and the value that goes into it."""

    name: str
    value: Any
    role: Role


@dataclass(frozen=True, slots=True)
class Composition:
    """A graph with all its arguments: steps in an order in which each needs earlier ones only, and files."""

    graph: str
    steps: tuple[Step, ...]
    files: tuple[OutputFile, ...]


class Recorder:
    """Takes down the node calls and files of one graph."""

    def __init__(self, graph: str) -> None:
        self._graph = graph
        self._steps: list[Step] = []
        self._files: dict[str, OutputFile] = {}
        self._calls: Counter[str] = Counter()

    def add_call(
        self, node: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Pending:
        """Record a call of a node.

        Raises:
            GraphError: the arguments do not fit the node, or the graph has too many calls.
        """
        self._calls[node] += 1
        count = self._calls[node]
        return self._add(node if count == 1 else f"{node}#{count}", function, args, kwargs)

    def add_map(
        self, node: str, function: Callable[..., Any], calls: list[tuple[Any, ...]], kwargs: dict[str, Any]
    ) -> list[Pending]:
        """Record one call of a node for each tuple of arguments; the labels count them from 0."""
        self._calls[node] += 1
        count = self._calls[node]
        name = node if count == 1 else f"{node}#{count}"
        return [self._add(f"{name}[{index}]", function, args, kwargs) for index, args in enumerate(calls)]

    def _add(self, label: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pending:
        if len(self._steps) >= MAX_STEPS:
            raise GraphError(f"Graph {self._graph!r} calls nodes more than {MAX_STEPS} times: do more in each call")
        try:
            inspect.signature(function).bind(*args, **kwargs)
        except TypeError as error:
            raise GraphError(f"Graph {self._graph!r} calls node {label!r} with wrong arguments: {error}") from error
        self._steps.append(Step(label, function, args, kwargs))
        return Pending(len(self._steps) - 1, label)

    def add_file(self, name: str, value: Any, role: Role) -> None:
        """Record a file.

        Raises:
            GraphError: the name is unusable or taken, or there are too many files.
        """
        try:
            check_file_name(name)
        except ValueError as error:
            raise GraphError(f"Graph {self._graph!r} has a file with a wrong name: {error}") from error
        if name in self._files:
            raise GraphError(f"Graph {self._graph!r} has two files with the name {name!r}")
        if len(self._files) >= MAX_FILES:
            raise GraphError(f"Graph {self._graph!r} has more than {MAX_FILES} files")
        self._files[name] = OutputFile(name, value, role)

    def finish(self) -> Composition:
        """Return what was recorded.

        Raises:
            GraphError: no file was recorded, or a file stands where another needs a directory.
        """
        if not self._files:
            raise GraphError(f"Graph {self._graph!r} has no files: return a mapping from file names to values")
        for name in self._files:
            parents = name.split("/")[:-1]
            for depth in range(1, len(parents) + 1):
                if (parent := "/".join(parents[:depth])) in self._files:
                    raise GraphError(f"Graph {self._graph!r} has a file {parent!r} and another below it, {name!r}")
        return Composition(self._graph, tuple(self._steps), tuple(self._files.values()))


_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def find_recorder() -> Recorder | None:
    """Return what records the graph that is being put together; None outside of a graph."""
    return _recorder.get()


@contextmanager
def recording(graph: str) -> Iterator[Recorder]:
    """Record the node calls that are made inside the block."""
    recorder = Recorder(graph)
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)


def keep(name: str, value: Any) -> Any:
    """Write a value inside a graph into an intermediate file, such as ``coils/sum.npy``; return the value.

    Outside of a graph nothing is written.

    Raises:
        GraphError: the name is unusable or taken.
    """
    recorder = find_recorder()
    if recorder is not None:
        recorder.add_file(name, value, "intermediate")
    return value
