"""The handler that makes an exam task an item: a scan in the lane of its device, processing in the lane of graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from queue_server.core import edits
from queue_server.engine import exam_progress
from queue_server.handlers.context import TurnContext
from queue_server.handlers.device_records import find_device
from queue_server.handlers.exam_changes import find_record
from queue_server.handlers.exam_inputs import fill_inputs, find_sources
from queue_server.handlers.graph_lane import find_graph_lane
from queue_server.handlers.group import group
from queue_server.handlers.items import ADDED_HELD, insert_items
from queue_server.handlers.new_items import make_item, require_user
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.exam_records import AcquisitionFields, DagFields, ExamTask, Sequence
from queue_server.protocol.items import ACQUISITION, DAG
from queue_server.protocol.methods.exam_trigger import ExamTaskTriggered, ExamTaskTriggerParams
from queue_server.protocol.methods.items import ItemAddParams

_UNNAMED: Final = "scan"
_OPTIONS: Final = ("expected_uploads", "upload_grace_s", "scan_timeout_s")


class _Wish(Struct, frozen=True):
    lane: str
    content: dict[str, Any]


def trigger_task(context: TurnContext, params: ExamTaskTriggerParams) -> ExamTaskTriggered:
    """Add the item that does an exam task."""
    group_name = require_user(params.user, params.user_group)
    task = find_record(context, ExamTask, params.task_id)
    if task.fields.is_template:
        raise ParameterError(f"The exam task {task.id} is a template: copy it, and trigger the copy.", field="task_id")
    if task.is_owned:
        raise StateError(
            f"The exam task {task.id} is under way already: its item waits or is active.",
            details={"item_uid": task.item.uid if task.item else None},
        )
    given = {name: value for name in _OPTIONS if (value := getattr(params, name)) is not None}
    if isinstance(task.fields, AcquisitionFields):
        wish = _wish_scan(context, task, task.fields, given)
    else:
        wish = _wish_graph(context, task.fields, given, group_name)
    return _add(replace(context, lane=wish.lane), task, wish.content, params)


def _wish_scan(context: TurnContext, task: ExamTask, fields: AcquisitionFields, given: Mapping[str, Any]) -> _Wish:
    if fields.device_id is None:
        raise ParameterError(f"The exam task {task.id} names no device: set its 'device_id'.", field="device_id")
    device = find_device(context, fields.device_id)
    find_record(context, Sequence, fields.sequence_id)
    told = fields.plain()
    known = {"task_id": task.id, "workflow_id": fields.workflow_id, "acquisition_limits": told["acquisition_limits"]}
    names = ("sequence_id", "acquisition_parameter", "calibration", "description", "destination")
    kwargs = {
        **{name: told[name] for name in names},
        **{name: value for name, value in known.items() if value is not None},
        **given,
    }
    return _Wish(device.id, {"item_type": ACQUISITION, "name": fields.name or _UNNAMED, "kwargs": kwargs})


def _wish_graph(context: TurnContext, fields: DagFields, given: Mapping[str, Any], group_name: str) -> _Wish:
    if given:
        name = next(iter(given))
        raise ParameterError(f"{name!r} is about scans; the exam task is processing.", field=name)
    resources = context.desk.resources
    lane = find_graph_lane(resources.graph_lanes)
    uids = find_sources(context.turn.tx, fields.input_task_ids)
    described = resources.catalog_of(lane).for_group(group_name).dags.get(fields.dag_id, {})
    kwargs = fill_inputs(fields.parameter or {}, described.get("inputs", {}), uids)
    content: dict[str, Any] = {"item_type": DAG, "name": fields.dag_id, "kwargs": kwargs}
    if uids:
        content["after"] = list(dict.fromkeys(uids))
    return _Wish(lane, content)


def _add(
    context: TurnContext, task: ExamTask, content: dict[str, Any], params: ExamTaskTriggerParams
) -> ExamTaskTriggered:
    item = make_item(context, content, str(params.user), str(params.user_group))
    item = exam_progress.link(item, task.id)
    if params.held:
        item = replace(item, state="held", reason=ADDED_HELD)
    size = insert_items(context, [item], ItemAddParams())
    context.edit(edits.added([item]), 1, item, task_id=task.id)
    return ExamTaskTriggered(find_record(context, ExamTask, task.id).shown(), item.shown(), size)


GROUP = group(turn={"exam_task_trigger": trigger_task})
