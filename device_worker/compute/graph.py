"""Graphs: typed functions that compose node calls, with a description for clients and a check of their parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import orjson
from pydantic import ValidationError

from device_worker.compute.composition import Composition, recording
from device_worker.compute.docstring import read_docstring
from device_worker.compute.errors import GraphError
from device_worker.compute.inputs import InputArray, InputFile
from device_worker.compute.own_code import format_node_traceback
from device_worker.compute.signature import (
    InputSlot,
    create_parameter_model,
    describe_model,
    split_parameters,
    translate_errors,
)
from queue_server.protocol.errors import ParameterError

P = ParamSpec("P")
R = TypeVar("R")

Paths = str | Path | Sequence[str | Path]


class Graph(Generic[P, R]):
    """A function that composes node calls; its name is the ``dag_id`` of the items that execute it."""

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self.name = function.__name__
        functools.update_wrapper(self, function)
        text = read_docstring(function.__doc__)
        self.summary = text.summary
        self.inputs, fields = split_parameters(function, text.parameters)
        self._model = create_parameter_model(function, fields)
        self._schema = describe_model(self.name, self._model)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function: its nodes are called one by one, or become steps of a graph that calls this one."""
        return self.function(*args, **kwargs)

    def describe(self) -> dict[str, Any]:
        """Return name, description, JSON Schema of the parameters, and the inputs; all of it can be said in JSON."""
        return {
            "dag_id": self.name,
            "description": self.summary,
            "parameters": self._schema,
            "inputs": {
                slot.name: {
                    "kind": slot.kind,
                    "several": slot.several,
                    "required": slot.required,
                    "description": slot.description,
                }
                for slot in self.inputs
            },
        }

    def check_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in the types of the graph, with defaults filled in.

        Raises:
            ParameterError: names the first parameter at fault; ``details["errors"]`` has all of them.
        """
        try:
            text = orjson.dumps(dict(parameters))
        except TypeError as error:
            raise ParameterError(
                f"The parameters of graph {self.name!r} are not JSON: {error}", field="parameters"
            ) from error
        try:
            checked = self._model.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise translate_errors(self.name, error) from error
        fields = type(checked).model_fields
        return {str(field.alias): getattr(checked, name) for name, field in fields.items()}

    def open_inputs(self, inputs: Mapping[str, Paths]) -> dict[str, Any]:
        """Return the handles of the files, None for those that are left out.

        Raises:
            ParameterError: names the input that is unknown, missing or unreadable.
        """
        slots = {slot.name: slot for slot in self.inputs}
        if unknown := sorted(set(inputs) - set(slots)):
            raise ParameterError(
                f"Graph {self.name!r} has no input {unknown[0]!r}; its inputs: {', '.join(slots) or 'none'}",
                field=f"inputs.{unknown[0]}",
            )
        return {name: _open_input(self.name, slot, inputs.get(name)) for name, slot in slots.items()}

    def compose(self, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> Composition:
        """Return the steps and files of the graph for these arguments.

        Raises:
            GraphError: the graph's own code raised something, or returned no files.
        """
        with recording(self.name) as recorder:
            files = self._call(parameters, inputs)
            for name, value in files.items():
                recorder.add_file(name, value, "result")
            return recorder.finish()

    def _call(self, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        function: Callable[..., Any] = self.function
        try:
            files = function(**parameters, **inputs)
        except GraphError:
            raise
        except Exception as error:
            message = f"Graph {self.name!r} cannot be put together: {type(error).__name__}: {error}"
            raise GraphError(message, format_node_traceback(error)) from error
        if files is None:
            return {}
        if not isinstance(files, Mapping):
            raise GraphError(
                f"Graph {self.name!r} returns a value of type {type(files).__name__}: return a mapping from file names "
                "to values"
            )
        return files


def graph(function: Callable[P, R]) -> Graph[P, R]:
    """Make a function a processing graph, known to clients by its name.

    Parameters annotated with ``InputFile`` or ``InputArray``, or a list of them, are files; all others are described
    to clients by JSON Schema and need annotations that pydantic knows. The function returns a mapping from file names
    to values.

    Raises:
        GraphError: it is no plain function, or one of its parameters cannot be described.
    """
    if (
        not inspect.isfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
    ):
        raise GraphError(f"{function!r} cannot be a graph: decorate a function that returns a mapping from file names")
    return Graph(function)


def _open_input(graph_name: str, slot: InputSlot, paths: Paths | None) -> Any:
    field = f"inputs.{slot.name}"
    if paths is None:
        if slot.required:
            raise ParameterError(f"Graph {graph_name!r} needs the input {slot.name!r}", field=field)
        return None
    is_list = not isinstance(paths, str | Path)
    if is_list != slot.several:
        wanted = "a list of files" if slot.several else "one file"
        raise ParameterError(f"Graph {graph_name!r}: input {slot.name!r} is {wanted}", field=field)
    found = [_open_handle(slot, path, field) for path in (paths if is_list else [paths])]
    return found if is_list else found[0]


def _open_handle(slot: InputSlot, path: str | Path, field: str) -> InputFile | InputArray:
    if not Path(path).is_absolute():
        raise ParameterError(f"Input {slot.name!r}: {str(path)!r} is not an absolute path", field=field)
    try:
        return InputArray.open(path) if slot.kind == "array" else InputFile.open(path)
    except OSError as error:
        raise ParameterError(f"Input {slot.name!r} cannot be read: {error}", field=field) from error
    except ValueError as error:
        raise ParameterError(
            f"Input {slot.name!r}: {str(path)!r} is no array of numpy: {error}", field=field
        ) from error
