"""The parameters of a graph function: which are files, and a model that describes and checks all others."""

from __future__ import annotations

import inspect
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.json_schema import PydanticJsonSchemaWarning

from device_worker.compute.errors import GraphError
from device_worker.compute.inputs import InputArray, InputFile
from queue_server.protocol.errors import ParameterError

_KINDS: Mapping[Any, Literal["file", "array"]] = {InputFile: "file", InputArray: "array"}


@dataclass(frozen=True, slots=True)
class InputSlot:
    """A parameter of a graph that stands for one file, or for several."""

    name: str
    kind: Literal["file", "array"]
    several: bool
    required: bool
    description: str = ""


def split_parameters(
    function: Callable[..., Any], texts: Mapping[str, str]
) -> tuple[tuple[InputSlot, ...], dict[str, tuple[Any, Any]]]:
    """Return the inputs of a graph function, and the fields of the model for its other parameters.

    Raises:
        GraphError: a parameter has no annotation that can be understood, or cannot be given by its name.
    """
    name = function.__name__
    try:
        types_of = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise GraphError(f"Graph {name!r} has an annotation that cannot be understood: {error}") from error
    inputs: list[InputSlot] = []
    fields: dict[str, tuple[Any, Any]] = {}
    for number, parameter in enumerate(inspect.signature(function).parameters.values()):
        annotation = _check_parameter(name, parameter, types_of)
        slot = _read_input(parameter, annotation, texts.get(parameter.name, ""))
        if slot is not None:
            inputs.append(slot)
        else:
            # Fields have names of their own, because a parameter may be called like an attribute of pydantic's models.
            fields[f"parameter_{number}"] = _describe_field(parameter, annotation, texts.get(parameter.name))
    return tuple(inputs), fields


def _check_parameter(graph_name: str, parameter: inspect.Parameter, types_of: Mapping[str, Any]) -> Any:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise GraphError(f"Graph {graph_name!r}: parameter '{parameter}' must be one that can be given by its name")
    if parameter.name not in types_of:
        raise GraphError(f"Graph {graph_name!r}: parameter {parameter.name!r} has no annotation, for example ': float'")
    return types_of[parameter.name]


def _read_input(parameter: inspect.Parameter, annotation: Any, text: str) -> InputSlot | None:
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    required = parameter.default is parameter.empty
    if typing.get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not type(None)]
        annotation = parts[0] if len(parts) == 1 else annotation
    several = typing.get_origin(annotation) is list
    element = typing.get_args(annotation)[0] if several else annotation
    kind = _KINDS.get(element) if isinstance(element, type) else None
    return None if kind is None else InputSlot(parameter.name, kind, several, required, text)


def _describe_field(parameter: inspect.Parameter, annotation: Any, text: str | None) -> tuple[Any, Any]:
    default = ... if parameter.default is parameter.empty else parameter.default
    # An annotation may bring a description of its own, which then holds.
    own = [part for part in typing.get_args(annotation)[1:] if getattr(part, "description", None)]
    given: dict[str, Any] = {} if own or text is None else {"description": text}
    return annotation, Field(default, alias=parameter.name, title=parameter.name, validate_default=True, **given)


def create_parameter_model(function: Callable[..., Any], fields: Mapping[str, tuple[Any, Any]]) -> type[BaseModel]:
    """Return a model that checks parameters; it knows each by its alias.

    Raises:
        GraphError: the type of a parameter cannot be described.
    """
    config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=False)
    definitions: dict[str, Any] = dict(fields)
    try:
        return create_model(function.__name__, __config__=config, **definitions)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        raise GraphError(
            f"Graph {function.__name__!r} has a parameter that cannot be described to clients: {error.args[0]}"
        ) from error


def describe_model(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a graph's parameters.

    Raises:
        GraphError: a type or a default cannot be said in JSON.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PydanticJsonSchemaWarning)
            schema = TypeAdapter(model).json_schema(by_alias=True)
    except (PydanticJsonSchemaWarning, PydanticUserError) as error:
        raise GraphError(f"Graph {name!r} has a parameter that cannot be described in JSON: {error}") from error
    schema.pop("title", None)
    schema.pop("description", None)
    return schema


def translate_errors(name: str, error: ValidationError) -> ParameterError:
    """Return what is wrong with the parameters that a client gave, field by field."""
    errors = [
        {"field": ".".join(str(part) for part in entry["loc"]) or "parameters", "message": _say(entry)}
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ParameterError(
        f"Graph {name!r}: parameter {first['field']!r}: {first['message']}{more}",
        field=f"parameters.{first['field']}",
        details={"errors": errors},
    )


def _say(entry: Mapping[str, Any]) -> str:
    if entry["type"] == "extra_forbidden":
        return "the graph has no such parameter"
    return "it is missing" if entry["type"] == "missing" else str(entry["msg"])
