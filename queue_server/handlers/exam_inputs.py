"""What a DAG exam task takes from others: the items that it waits for, and their files as inputs of its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.exam_records import ExamTask
from queue_server.storage.base import Transaction

_PARAMETER = "task.parameter"

Inputs = Mapping[str, Mapping[str, Any]]
"""The inputs of a graph in order, as it is described: ``several`` tells whether one takes more than one file."""


def find_sources(tx: Transaction, task_ids: Sequence[str]) -> list[str]:
    """Return the uids of the items that do the exam tasks, or did them last.

    Raises:
        StateError: an exam task is gone, or no item does it.
    """
    return [_find_source(tx, identity) for identity in task_ids]


def _find_source(tx: Transaction, identity: str) -> str:
    task = tx.exam_record(ExamTask, identity)
    if task is None:
        raise StateError(f"The input {identity!r} is gone: take it out of 'input_task_ids'.")
    if task.item is None or task.item.state == "cancelled":
        word = "was never triggered" if task.item is None else "was cancelled"
        raise StateError(
            f"The input {task.fields.name!r} ({identity}) {word}: trigger it first (exam_task_trigger).",
            details={"task_id": identity},
        )
    return task.item.uid


def fill_inputs(parameter: Mapping[str, Any], inputs: Inputs, uids: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a graph: its parameters, and for inputs that they leave out the files of items in order.

    In the place of a file a parameter may have ``{"input": index, "file": name}``, which stands for a file of the item
    at that index. Of the items that none names, the first goes to the first input that is left out, and so on; an
    input that takes several files takes all that are left then.

    Raises:
        ParameterError: there is no item at an index.
    """
    named: set[int] = set()
    filled = {
        name: _refer(value, uids, named, f"{_PARAMETER}.{name}") if name in inputs else value
        for name, value in parameter.items()
    }
    left = [{"item_uid": uid} for index, uid in enumerate(uids) if index not in named]
    for name, told in inputs.items():
        if name in filled or not left:
            continue
        if told.get("several"):
            filled[name], left = left, []
        else:
            filled[name] = left.pop(0)
    return filled


def _refer(value: Any, uids: Sequence[str], named: set[int], field: str) -> Any:
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return [_refer(each, uids, named, f"{field}[{index}]") for index, each in enumerate(elements)]
    if not isinstance(value, dict) or "input" not in value:
        return cast("Any", value)
    wish = cast("dict[str, Any]", value)
    index = wish["input"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(uids):
        raise ParameterError(
            f"'{field}.input' must be an index into 'input_task_ids', which has {len(uids)} exam tasks.", field=field
        )
    named.add(index)
    return {"item_uid": uids[index], **{name: each for name, each in wish.items() if name != "input"}}
