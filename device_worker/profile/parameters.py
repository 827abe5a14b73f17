"""Turns an item into a plan that is ready to be started: binds its arguments and puts objects in place of names.

Texts of clients are looked up, never evaluated.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_worker.profile.argument import ArgumentRule, convert_argument
from device_worker.profile.describe import Descriptions
from device_worker.profile.discover import is_plan
from device_worker.profile.enumeration import convert_members, find_enumerations
from device_worker.profile.errors import ItemResolutionError
from device_worker.profile.load import Profile
from device_worker.profile.names import AllowedNames, NameResolver
from device_worker.profile.type_text import resolve_hint
from queue_server.protocol.descriptions import ParameterDescription, PlanDescription


@dataclass(frozen=True, slots=True)
class ResolvedPlan:
    """A plan with its arguments; ``metadata`` are keyword arguments for the call of the RunEngine."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    metadata: dict[str, Any]

    def start(self) -> Any:
        """Call the plan and return what the RunEngine is to execute."""
        return self.function(*self.args, **self.kwargs)


def resolve_plan(
    item: Mapping[str, Any], profile: Profile, descriptions: Descriptions, allowed: AllowedNames | None = None
) -> ResolvedPlan:
    """Resolve the plan of an item: its function, its arguments with objects for names, and its metadata.

    Objects are taken from the namespace as it is now, so that a plan or device which was redefined is used anew.

    Args:
        item: ``name`` and optionally ``args``, ``kwargs`` and ``meta``.
        profile: where the objects live.
        descriptions: what the item may refer to.
        allowed: what the user's group may refer to; None is everything that is described.

    Raises:
        ItemResolutionError: the plan does not exist or is not allowed, or an argument does not fit; the error names
            the parameter.
    """
    allowed = allowed or AllowedNames(descriptions.plans, descriptions.devices)
    name = _read_name(item)
    description = descriptions.plans.get(name)
    function = profile.namespace.get(name)
    if description is None or name not in allowed.plans or not is_plan(function):
        raise ItemResolutionError(f"Plan {name!r} does not exist in this environment, or is not allowed")
    bound = _bind(name, function, _read_args(item), _read_kwargs(item))
    _check_description(name, description, bound.signature)
    resolver = NameResolver(profile.namespace, allowed)
    for parameter in description["parameters"]:
        try:
            _resolve_argument(bound, parameter, function, resolver)
        except ItemResolutionError as error:
            culprit = parameter["name"]
            raise ItemResolutionError(f"Plan {name!r}, parameter {culprit!r}: {error}", culprit) from error
    return ResolvedPlan(name, function, bound.args, bound.kwargs, merge_metadata(item.get("meta")))


def merge_metadata(metadata: object) -> dict[str, Any]:
    """Return the metadata of an item as one map; of several maps the earlier ones win.

    Raises:
        ItemResolutionError: it is neither a map nor a list of maps.
    """
    parts = metadata if isinstance(metadata, (list, tuple)) else [metadata or {}]
    merged: dict[str, Any] = {}
    for part in reversed(parts):
        if not isinstance(part, Mapping):
            raise ItemResolutionError(f"'meta' must be a map or a list of maps, not {part!r}", "meta")
        merged.update(part)
    return merged


def _read_name(item: Mapping[str, Any]) -> str:
    kind, name = item.get("item_type", "plan"), item.get("name")
    if kind != "plan" or not isinstance(name, str):
        raise ItemResolutionError(f"The item is not a plan with a name: its type is {kind!r}, its name {name!r}")
    return name


def _read_args(item: Mapping[str, Any]) -> Sequence[Any]:
    args = item.get("args") or ()
    if not isinstance(args, (list, tuple)):
        raise ItemResolutionError(f"'args' must be a list, not {type(args).__name__}", "args")
    return args


def _read_kwargs(item: Mapping[str, Any]) -> Mapping[str, Any]:
    kwargs = item.get("kwargs") or {}
    if not isinstance(kwargs, Mapping) or not all(isinstance(key, str) for key in kwargs):
        raise ItemResolutionError("'kwargs' must be a map from parameter names to values", "kwargs")
    return kwargs


def _bind(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    try:
        return inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise ItemResolutionError(f"The arguments do not fit plan {name!r}: {error}") from error


def _check_description(name: str, description: PlanDescription, signature: inspect.Signature) -> None:
    gone = [entry["name"] for entry in description["parameters"] if entry["name"] not in signature.parameters]
    if gone:
        raise ItemResolutionError(
            f"Plan {name!r} was redefined and has no parameter {gone[0]!r} any more: update the lists", gone[0]
        )


def _resolve_argument(
    bound: inspect.BoundArguments,
    description: ParameterDescription,
    function: Callable[..., Any],
    resolver: NameResolver,
) -> None:
    name = description["name"]
    if name not in bound.arguments:
        if not description.get("default_defined_in_decorator"):
            return
        bound.arguments[name] = ast.literal_eval(description.get("default", "None"))
    enumerations = find_enumerations(resolve_hint(function, bound.signature.parameters[name].annotation))
    value = convert_members(bound.arguments[name], enumerations)
    bound.arguments[name] = convert_argument(value, ArgumentRule.from_description(description), resolver)
