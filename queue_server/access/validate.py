"""Checks an item before it is queued or started: its type, whether its group may use the plan or graph, its arguments.

Nothing is changed or converted; the finding is either silence or one error that names every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, cast

from msgspec.structs import asdict

from queue_server.access.catalog import Catalog, GroupCatalog
from queue_server.access.claims import check_claims
from queue_server.access.extraction import check_extraction
from queue_server.access.field_error import FieldError, join_errors, show_names, show_value
from queue_server.access.inputs import stand_in
from queue_server.protocol.errors import ParameterError

INSTRUCTIONS = ("queue_stop",)
_KINDS = "'plan', 'instruction' or 'dag'"


def validate_item(item: Mapping[str, Any], catalog: Catalog, group: str) -> None:
    """Check a plan, an instruction or a graph that a member of a user group wants to queue.

    Raises:
        ParameterError: the group is unknown, the item is not of a known type, the lane executes none of it, the group
            may not use its plan or graph, or its arguments do not fit. ``details["errors"]`` is a list of
            ``{field, given, accepted}``.
    """
    allowed = catalog.for_group(group)
    if not isinstance(cast(object, item), Mapping):
        raise ParameterError(f"An item must be a map, not {show_value(item)}", field="item")
    if "claims" in item:
        check_claims(item["claims"])
    if "result_schema" in item or "outputs" in item:
        check_extraction(item)
    kind: object = item.get("item_type")
    if kind == "plan":
        _validate_plan(item, allowed, group)
    elif kind == "instruction":
        _validate_instruction(item)
    elif kind == "dag":
        _validate_dag(item, allowed, group)
    elif kind is None:
        raise _refuse("item_type", "nothing", _KINDS, "The item lacks its 'item_type'")
    else:
        message = f"Unsupported 'item_type' {show_value(kind)}"
        raise _refuse("item_type", show_value(kind), _KINDS, message)


def _validate_instruction(item: Mapping[str, Any]) -> None:
    name: object = item.get("name")
    if name not in INSTRUCTIONS:
        message = f"Unknown instruction {show_value(name)}"
        raise _refuse("name", show_value(name), show_names(INSTRUCTIONS), message)


def _validate_plan(item: Mapping[str, Any], allowed: GroupCatalog, group: str) -> None:
    name: object = item.get("name")
    if not isinstance(name, str):
        raise _refuse("name", show_value(name), "the name of a plan", "The item does not name its plan")
    if allowed.executes_graphs:
        raise _refuse("item_type", "'plan'", "'dag'", "This lane executes processing graphs, and no plans")
    if name not in allowed.selected_plans:
        accepted = show_names(allowed.selected_plans)
        if not allowed.selected_plans:
            accepted = "nothing yet, for no plan is known: open the environment first (environment_open)"
        message = f"Plan {show_value(name)} is not in the list of allowed plans of user group {show_value(group)}"
        raise _refuse("name", show_value(name), accepted, message)
    plan = allowed.compile_plan(name)
    args: object = item.get("args", [])
    kwargs: object = item.get("kwargs", {})
    findings = iter(_check_form(args, kwargs, item.get("meta", {})))
    first = next(findings, None)
    if first is None:
        findings = plan.explain(cast("Sequence[object]", args), cast("Mapping[str, object]", kwargs))
        first = next(findings, None)
    if first is not None:
        raise join_errors(f"The arguments of plan {show_value(name)} do not fit", chain([first], findings))


def _validate_dag(item: Mapping[str, Any], allowed: GroupCatalog, group: str) -> None:
    name: object = item.get("name")
    if not allowed.executes_graphs:
        message = "This lane executes plans, and no processing graphs; name a lane that does (lane)"
        raise _refuse("item_type", "'dag'", "'plan'", message)
    if not isinstance(name, str):
        raise _refuse("name", show_value(name), "the name of a graph", "The item does not name its graph")
    if name not in allowed.dags:
        accepted = show_names(allowed.dags)
        if not allowed.dags:
            accepted = "nothing yet, for no graph is known: open the environment of the lane first (environment_open)"
        message = f"Graph {show_value(name)} is not in the list of allowed graphs of user group {show_value(group)}"
        raise _refuse("name", show_value(name), accepted, message)
    label = f"The parameters of graph {show_value(name)} do not fit"
    args, kwargs = item.get("args", []), item.get("kwargs", {})
    wrong_form = _check_form(args, kwargs, item.get("meta", {}))
    if args and not wrong_form:
        wrong_form = [FieldError("item.args", show_value(args), "nothing: give parameters by name, in kwargs")]
    if wrong_form:
        raise join_errors(label, wrong_form)
    awaited = stand_in(cast("Mapping[str, object]", kwargs), allowed.dags[name].get("inputs") or {})
    findings = allowed.compile_dag(name).explain(awaited)
    if findings:
        raise join_errors(label, findings)


def _check_form(args: object, kwargs: object, meta: object) -> list[FieldError]:
    errors: list[FieldError] = []
    if not isinstance(args, (list, tuple)):
        errors.append(FieldError("item.args", show_value(args), "a list of positional arguments"))
    if not _is_named(kwargs):
        errors.append(FieldError("item.kwargs", show_value(kwargs), "a map from parameter names to values"))
    if not _is_meta(meta):
        errors.append(FieldError("item.meta", show_value(meta), "a map, or a list of maps"))
    return errors


def _is_named(kwargs: object) -> bool:
    return isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in cast("Mapping[object, object]", kwargs))


def _is_meta(meta: object) -> bool:
    parts = cast("Sequence[object]", meta) if isinstance(meta, (list, tuple)) else [meta]
    return all(isinstance(part, Mapping) for part in parts)


def _refuse(key: str, given: str, accepted: str, message: str) -> ParameterError:
    error = FieldError(f"item.{key}", given, accepted)
    return ParameterError(
        f"{message}: use {accepted}", field=error.field, details={"errors": [asdict(error)], "more": False}
    )
