"""Describes one parameter of a plan: its kind, type, default value and limits, from hint and annotation."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from device_worker.profile.annotation import ParameterNote
from device_worker.profile.errors import AnnotationError, DescriptionError
from device_worker.profile.name_pattern import expand_devices, expand_plans
from device_worker.profile.type_text import TypeTextError, read_type, render_hint, resolve_hint
from queue_server.protocol.descriptions import (
    CONVERSIONS,
    DeviceDescription,
    ParameterAnnotation,
    ParameterDescription,
)

_NOTHING_SAID = ParameterNote()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an annotation may refer to: the plans and devices of the same namespace."""

    plans: Collection[str]
    devices: Mapping[str, DeviceDescription]


def describe_parameter(
    plan: Callable[..., Any], parameter: inspect.Parameter, note: ParameterNote | None, surroundings: Surroundings
) -> ParameterDescription:
    """Describe a parameter; what ``note`` says replaces type hint and default value.

    Raises:
        DescriptionError: the default value is no literal, or the note contradicts itself or the signature.
    """
    note = note or _NOTHING_SAID
    description: ParameterDescription = {
        "name": parameter.name,
        "kind": {"name": parameter.kind.name, "value": int(parameter.kind)},
    }
    if note.description:
        description["description"] = note.description
    try:
        annotation = _annotate(note, surroundings) or _annotate_from_hint(plan, parameter)
        if annotation is not None:
            description["annotation"] = annotation
        _add_conversions(description, note)
        _add_default(description, parameter, note)
        _add_limits(description, note)
    except (AnnotationError, TypeTextError) as error:
        raise DescriptionError(f"parameter {parameter.name!r}: {error}") from error
    return description


def _annotate(note: ParameterNote, surroundings: Surroundings) -> ParameterAnnotation | None:
    if note.annotation is None:
        return None
    annotation: ParameterAnnotation = {"type": note.annotation}
    if note.devices is not None:
        annotation["devices"] = {
            name: expand_devices(entries, surroundings.devices) for name, entries in note.devices.items()
        }
    if note.plans is not None:
        annotation["plans"] = {name: expand_plans(entries, surroundings.plans) for name, entries in note.plans.items()}
    if note.enums is not None:
        annotation["enums"] = {name: list(entries) for name, entries in note.enums.items()}
    _check_type(annotation["type"], _list_names(annotation))
    return annotation


def _annotate_from_hint(plan: Callable[..., Any], parameter: inspect.Parameter) -> ParameterAnnotation | None:
    hint = resolve_hint(plan, parameter.annotation)
    text = None if hint is inspect.Parameter.empty else render_hint(hint)
    return None if text is None else {"type": text}


def _list_names(annotation: ParameterAnnotation) -> list[str]:
    lists = (annotation.get("devices", {}), annotation.get("plans", {}), annotation.get("enums", {}))
    return [name for entries in lists for name in entries]


def _check_type(text: str, list_names: Collection[str]) -> None:
    unused = [name for name in list_names if name not in text]
    if unused:
        raise AnnotationError(f"the list {unused[0]!r} is not used in the type {text!r}")
    stand_ins: dict[str, Any] = dict.fromkeys(CONVERSIONS, str)
    read_type(text, stand_ins | {name: type(name, (), {}) for name in list_names})


def _add_conversions(description: ParameterDescription, note: ParameterNote) -> None:
    annotation = description.get("annotation")
    found = _find_conversions(annotation) if annotation else set[str]()
    if note.convert_plan_names is not None:
        description["convert_plan_names"] = note.convert_plan_names
    elif "plan" in found:
        description["convert_plan_names"] = True
    if note.convert_device_names is not None:
        description["convert_device_names"] = note.convert_device_names
    elif "device" in found:
        description["convert_device_names"] = True
    if "expression" in found:
        description["eval_expressions"] = True


def _find_conversions(annotation: ParameterAnnotation) -> set[str]:
    own_names = _list_names(annotation)
    tokens = [token for token in CONVERSIONS if token in annotation["type"] and token not in own_names]
    return {conversion for token in tokens for conversion in CONVERSIONS[token]}


def _add_default(description: ParameterDescription, parameter: inspect.Parameter, note: ParameterNote) -> None:
    has_default = parameter.default is not inspect.Parameter.empty
    if note.default is None:
        if has_default:
            description["default"] = _write_literal(parameter.default)
        return
    if not has_default:
        raise DescriptionError(
            f"parameter {parameter.name!r} has a default value in the annotation, but none in the signature"
        )
    description["default"] = _write_literal(note.default)
    description["default_defined_in_decorator"] = True


def _write_literal(value: object) -> str:
    text = repr(value)
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise AnnotationError(f"the default value {text} is not a Python literal: give one in an annotation") from error
    return text


def _add_limits(description: ParameterDescription, note: ParameterNote) -> None:
    if note.min is not None:
        description["min"] = _write_number(note.min, "min")
    if note.max is not None:
        description["max"] = _write_number(note.max, "max")
    if note.step is not None:
        description["step"] = _write_number(note.step, "step")


def _write_number(value: float, role: str) -> str:
    if not math.isfinite(value):
        raise AnnotationError(f"{role} must be a finite number, not {value!r}")
    number = float(value)
    return str(int(number)) if number.is_integer() else str(number)
