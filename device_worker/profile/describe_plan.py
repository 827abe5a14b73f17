"""Describes a plan in the documented form, from its code, its docstring and its annotation. Calls no plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from device_worker.profile.annotation import find_note
from device_worker.profile.describe_parameter import Surroundings, describe_parameter
from device_worker.profile.docstring import read_docstring
from device_worker.profile.errors import AnnotationError, DescriptionError
from queue_server.protocol.descriptions import PlanDescription


def describe_plan(plan: Callable[..., Any], surroundings: Surroundings) -> PlanDescription:
    """Describe a plan: what its annotation says comes before its code, and its code before its docstring.

    Raises:
        DescriptionError: a default value is no literal, or the annotation contradicts itself or the code.
    """
    name = getattr(plan, "__name__", None)
    if name is None:
        raise DescriptionError(f"{plan!r} has no name: wrap it in a function to make it a plan")
    try:
        return _describe(plan, surroundings)
    except (AnnotationError, DescriptionError, ValueError) as error:
        raise DescriptionError(f"Plan {name!r} cannot be described: {error}") from error


def _describe(plan: Callable[..., Any], surroundings: Surroundings) -> PlanDescription:
    note, text = find_note(plan), read_docstring(plan.__doc__)
    description: PlanDescription = {
        "name": plan.__name__,
        "properties": {"is_generator": inspect.isgeneratorfunction(plan)},
        "parameters": [],
    }
    if plan.__module__ != "<run_path>":
        description["module"] = plan.__module__
    summary = note.description or text.summary
    if summary:
        description["description"] = summary
    if note.claims is not None:
        description["claims"] = "arguments" if isinstance(note.claims, str) else list(note.claims)
    for parameter in inspect.signature(plan).parameters.values():
        described = describe_parameter(plan, parameter, note.parameters.get(parameter.name), surroundings)
        explanation = text.parameters.get(parameter.name)
        if explanation:
            described.setdefault("description", explanation)
        description["parameters"].append(described)
    return description
