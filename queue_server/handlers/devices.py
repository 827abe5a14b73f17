"""Handlers of the methods that show devices, scanners and those of the workers, change scanners and delete them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, cast

import orjson

from queue_server.core.device_status import is_offered
from queue_server.core.events import LaneRemoved, QueueChanged
from queue_server.core.model import Lane
from queue_server.engine import exam_progress
from queue_server.handlers.context import TurnContext
from queue_server.handlers.device_records import change, find_device, lane_of, require_free, show, tell
from queue_server.handlers.group import group
from queue_server.protocol.cursors import foreign_cursor
from queue_server.protocol.devices import Device
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods.devices import (
    DeviceDeleted,
    DeviceDeleteParams,
    DeviceGetParams,
    DeviceListParams,
    DevicePage,
    DeviceParameterSetParams,
    DeviceReply,
)

_ABILITIES = ("is_readable", "is_movable", "is_flyable")
_MOST_NAMES_TOLD = 50

_Place = tuple[str, str]


def get_device(context: TurnContext, params: DeviceGetParams) -> DeviceReply:
    """Return a scanner."""
    return DeviceReply(show(context, find_device(context, params.device_id)))


def set_parameter(context: TurnContext, params: DeviceParameterSetParams) -> DeviceReply:
    """Replace the parameters of a scanner."""
    device = find_device(context, params.device_id)
    before = device.parameter or {}
    changed = change(context, device, parameter=params.parameter)
    names = sorted({*before, *params.parameter})
    differ = [name for name in names if _value(before, name) != _value(params.parameter, name)]
    # Only what was changed by name: the values may be large, and are in the record.
    tell(context, "device_parameter_set", changed, changed=differ[:_MOST_NAMES_TOLD], count=len(differ))
    return DeviceReply(show(context, changed))


def delete_device(context: TurnContext, params: DeviceDeleteParams) -> DeviceDeleted:
    """Delete a scanner: revoke its token, take its lane away, and hold what waits in it."""
    device = find_device(context, params.device_id)
    if not params.force:
        require_free(context, device, "delete it with force=true, and nobody will know how the item ended")
    device = change(context, device, token=None, deleted=float(context.turn.now))
    held = _remove_lane(context, device, is_forced=params.force)
    tell(context, "device_deleted", device, force=params.force, held_items=held)
    return DeviceDeleted(held)


def list_devices(context: TurnContext, params: DeviceListParams) -> DevicePage:
    """Return a page of scanners, or of the devices of the workers."""
    if params.kind == "ophyd":
        return _list_of_workers(context, params)
    if params.lane is not None:
        raise ParameterError("A scanner has a lane of its own: give 'lane' with kind 'ophyd' only.", field="lane")
    part = context.turn.tx.devices(limit=params.limit, cursor=params.cursor)
    following = part.entries[-1][0] if part.has_more else None
    return DevicePage([show(context, device) for _, device in part.entries], following)


def _list_of_workers(context: TurnContext, params: DeviceListParams) -> DevicePage:
    state = context.turn.state
    lanes = state.lanes if params.lane is None else (state.lane(params.lane),)
    begin = _read_cursor(params.cursor)
    found = heapq.nsmallest(params.limit + 1, _places(context, lanes, begin))
    page = found[: params.limit]
    by_name = {lane.name: lane for lane in lanes}
    shown = [_show_of_worker(context, by_name[lane], name) for lane, name in page]
    return DevicePage(shown, orjson.dumps(page[-1]).decode() if len(found) > len(page) else None)


def _places(context: TurnContext, lanes: tuple[Lane, ...], begin: _Place) -> Iterator[_Place]:
    for lane in lanes:
        for name in _descriptions(context, lane):
            if (lane.name, name) > begin:
                yield lane.name, name


def _show_of_worker(context: TurnContext, lane: Lane, name: str) -> dict[str, Any]:
    description = _descriptions(context, lane)[name]
    return {
        "kind": "ophyd",
        "name": name,
        "lane": lane.name,
        "classname": str(description.get("classname", "")),
        "module": str(description.get("module", "")),
        **{ability: bool(description.get(ability)) for ability in _ABILITIES},
        "status": "ONLINE" if is_offered(context.turn.state, lane) else "OFFLINE",
    }


def _descriptions(context: TurnContext, lane: Lane) -> Mapping[str, Mapping[str, Any]]:
    return context.desk.resources.present(context.turn, lane.name).devices_existing


def _read_cursor(cursor: str | None) -> _Place:
    if cursor is None:
        return "", ""
    try:
        found: object = orjson.loads(cursor)
    except orjson.JSONDecodeError:
        found = None
    parts = cast("list[object]", found) if isinstance(found, list) else []
    match parts:
        case [str() as lane, str() as name]:
            return lane, name
        case _:
            raise foreign_cursor()


def _remove_lane(context: TurnContext, device: Device, *, is_forced: bool) -> int:
    """Take the lane of a device away; hold what waits in it, where it then stays; return how many items were held."""
    turn, reason = context.turn, f"The device {device.name!r} was deleted."
    if lane_of(turn.state, device.id) is None:
        return 0
    turn.apply(LaneRemoved(device.id, reason, turn.now, is_forced))
    waiting = [item for item in turn.tx.queue(device.id) if item.state != "held"]
    for item in waiting:
        turn.tx.set_held(item.uid, reason)
        exam_progress.note(turn.tx, item, "held", turn.now)
    if waiting:
        turn.apply(QueueChanged(device.id, 0))
    return len(waiting)


def _value(values: Mapping[str, Any], name: str) -> str:
    # As text, in which true, 1 and 1.0 differ, and null from what is not there.
    return repr(values[name]) if name in values else ""


GROUP = group(
    turn={
        "device_get": get_device,
        "device_list": list_devices,
        "device_parameter_set": set_parameter,
        "device_delete": delete_device,
    }
)
