"""Workflows as their authors write them: whether what they declare fits together. It knows no plan and no store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, get_args

from queue_server.access.arguments import explain_value
from queue_server.access.field_error import FieldError, join_errors, show_value
from queue_server.protocol.items import ItemKind
from queue_server.protocol.rankings import MOST_RANKED_COLUMNS
from queue_server.protocol.workflow_parameters import DEEPEST_PARAMETER, LOWER, NUMBERS, UPPER, Parameter
from queue_server.protocol.workflow_references import find_references
from queue_server.protocol.workflows import SUBMISSIONS, Step, WorkflowFields

_KINDS: Final = get_args(ItemKind)


def check_workflow(workflow: WorkflowFields, name: str = "workflow") -> None:
    """Refuse a workflow that contradicts itself; ``name`` is where it stands.

    Raises:
        ParameterError: a name occurs twice, a limit or a default does not fit, or a reference is to nothing that is
            declared. ``details["errors"]`` is a list of ``{field, given, accepted}``.
    """
    errors = list(
        chain(
            _find_doubled(workflow, name),
            _find_in_parameters(workflow, f"{name}.parameters"),
            _find_in_groups(workflow, name),
            _find_in_steps(workflow, name),
            _find_in_postprocessing(workflow, name),
            _find_in_schema(workflow, name),
        )
    )
    if errors:
        raise join_errors("The workflow cannot be used", errors)


def _find_doubled(workflow: WorkflowFields, name: str) -> Iterator[FieldError]:
    yield from _doubled([each.name for each in workflow.parameters], f"{name}.parameters", "name")
    yield from _doubled([each.name for each in workflow.parameter_groups], f"{name}.parameter_groups", "name")
    yield from _doubled([each.key for each in workflow.outputs], f"{name}.outputs", "key")
    yield from _doubled([each.source for each in workflow.outputs], f"{name}.outputs", "source")


def _doubled(names: list[str], path: str, key: str) -> Iterator[FieldError]:
    counted = Counter(names)
    for index, each in enumerate(names):
        if counted[each] > 1 and names.index(each) != index:
            yield FieldError(f"{path}[{index}].{key}", show_value(each), f"another {key}: this one is taken")


def _find_in_parameters(workflow: WorkflowFields, path: str) -> Iterator[FieldError]:
    for index, parameter in enumerate(workflow.parameters):
        yield from _find_in_parameter(parameter, f"{path}[{index}]", 1)


def _find_in_parameter(parameter: Parameter, path: str, depth: int) -> Iterator[FieldError]:
    if depth > DEEPEST_PARAMETER:
        yield FieldError(path, "a parameter", f"lists and records within one another to a depth of {DEEPEST_PARAMETER}")
        return
    wrong_limits = list(_find_in_limits(parameter, path))
    yield from wrong_limits
    yield from _find_in_choices(parameter, path)
    below = list(chain.from_iterable(_find_in_parameter(each, path + at, depth + 1) for at, each in parameter.below()))
    yield from below
    yield from _doubled([each.name for each in parameter.fields or ()], f"{path}.fields", "name")
    if parameter.default is not None and not wrong_limits and not below:
        yield from explain_value(parameter, parameter.default, f"{path}.default")


def _find_in_limits(parameter: Parameter, path: str) -> Iterator[FieldError]:
    if parameter.dtype not in NUMBERS:
        return
    found: list[tuple[float, bool]] = []
    for plain, exclusive in (LOWER, UPPER):
        limits = [limit for name in (plain, exclusive) if (limit := getattr(parameter, name)) is not None]
        if len(limits) > 1:
            yield FieldError(f"{path}.{exclusive}", show_value(limits[1]), f"nothing, for there is '{plain}'")
        found += [(limits[0], getattr(parameter, exclusive) is not None)] if limits else []
    if len(found) > 1:
        (low, is_open_below), (high, is_open_above) = found
        if low > high or (low == high and (is_open_below or is_open_above)):
            name = next(each for each in UPPER if getattr(parameter, each) is not None)
            yield FieldError(f"{path}.{name}", show_value(high), f"a limit that leaves numbers above {low}")


def _find_in_choices(parameter: Parameter, path: str) -> Iterator[FieldError]:
    choices = parameter.values or ()
    for key, found in (("name", [each.name for each in choices]), ("value", [repr(each.value) for each in choices])):
        yield from _doubled(found, f"{path}.values", key)
    defaults = [index for index, each in enumerate(choices) if each.is_default]
    for index in defaults[1:]:
        yield FieldError(f"{path}.values[{index}].is_default", "true", "one default value at most")


def _find_in_groups(workflow: WorkflowFields, name: str) -> Iterator[FieldError]:
    groups = {group.name for group in workflow.parameter_groups}
    for index, parameter in enumerate(workflow.parameters):
        if parameter.group is not None and parameter.group not in groups:
            path = f"{name}.parameters[{index}].group"
            yield FieldError(path, show_value(parameter.group), "the name of a group in 'parameter_groups'")


def _find_in_steps(workflow: WorkflowFields, name: str) -> Iterator[FieldError]:
    declared = {parameter.name for parameter in workflow.parameters}
    for index, step in enumerate(workflow.steps):
        path = f"{name}.steps[{index}]"
        yield from _find_in_item(step, path, _KINDS)
        yield from _find_strays(step, path, declared, "a parameter that is declared")
    if workflow.steps[-1].get("item_type") == "instruction":
        path = f"{name}.steps[{len(workflow.steps) - 1}].item_type"
        yield FieldError(path, "'instruction'", "a last step whose end can be told, such as a plan")


def _find_in_postprocessing(workflow: WorkflowFields, name: str) -> Iterator[FieldError]:
    postprocessing = workflow.postprocessing
    if postprocessing is None:
        return
    path = f"{name}.postprocessing"
    if workflow.result_schema is None:
        yield FieldError(path, "a post-processing", "a workflow with 'result_schema': it works on the ranked results")
    yield from _doubled(list(postprocessing.files), f"{path}.files", "name")
    yield from _find_in_item(postprocessing.item, f"{path}.item", ("plan", "dag"))
    declared = {*postprocessing.files, SUBMISSIONS}
    yield from _find_strays(postprocessing.item, f"{path}.item", declared, f"a name in 'files', or {SUBMISSIONS!r}")


def _find_in_item(item: Step, path: str, kinds: Sequence[str]) -> Iterator[FieldError]:
    kind = item.get("item_type")
    if not isinstance(kind, str) or kind not in kinds:
        yield FieldError(f"{path}.item_type", show_value(kind), f"one of {', '.join(kinds)}")
    if not isinstance(item.get("name"), str) or not item["name"]:
        yield FieldError(f"{path}.name", show_value(item.get("name")), "the name of what is executed")


def _find_strays(item: Step, path: str, declared: set[str], accepted: str) -> Iterator[FieldError]:
    for found in find_references(item, path):
        if found.name is None:
            yield FieldError(found.path, show_value(found.text), "references such as $[[name]] and $[[name?yes:no]]")
        elif found.name not in declared:
            yield FieldError(found.path, show_value(found.text), accepted)


def _find_in_schema(workflow: WorkflowFields, name: str) -> Iterator[FieldError]:
    schema = workflow.result_schema
    if schema is not None and len(schema.columns) > MOST_RANKED_COLUMNS:
        path = f"{name}.result_schema.columns"
        yield FieldError(path, f"{len(schema.columns)} columns", f"at most {MOST_RANKED_COLUMNS}")
