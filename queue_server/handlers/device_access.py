"""Handlers of the methods that read, set and stop single devices of workers."""

from __future__ import annotations

from typing import Any, Literal

from msgspec.structs import replace

from queue_server.core.claims import claim_of
from queue_server.core.events import TaskRequested
from queue_server.core.model import Lane, State
from queue_server.core.rules_environment import require_environment, require_serving
from queue_server.handlers.aside import Expected
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.new_items import require_user
from queue_server.handlers.resources import Resources
from queue_server.protocol.codec import encode
from queue_server.protocol.errors import NotFoundError, ParameterError, StateError
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.methods.device_access import (
    LARGEST_VALUE_BYTES,
    DeviceLocateParams,
    DeviceLocation,
    DeviceReadings,
    DeviceReadParams,
    DeviceSetParams,
    DeviceStopParams,
    DeviceTask,
)
from queue_server.protocol.tasks import Task


def read_device(context: MemoryContext, params: DeviceReadParams) -> Expected:
    """Ask the worker."""
    state, resources = context.desk.state(), context.desk.resources
    lane, name = _find_allowed(context, params)
    require_serving(state)
    incarnation = require_environment(state, lane).worker.incarnation

    async def wait() -> DeviceReadings:
        reading = await resources.readings.ask(incarnation, state.epoch, name, params.within_s)
        if reading.readings is None:
            raise StateError(reading.message or f"The worker has not read {name!r}, and does not say why.")
        return DeviceReadings(lane, name, reading.readings)

    return Expected(wait)


def locate_device(context: MemoryContext, params: DeviceLocateParams) -> DeviceLocation:
    """Tell where a device is."""
    lane, name = _find_allowed(context, params)
    return DeviceLocation(lane, name, context.desk.state().lane(lane).worker.environment == "open")


def set_device(context: TurnContext, params: DeviceSetParams) -> DeviceTask:
    """Begin to set a device."""
    _check_value(params.value)
    return _start(context, "device_set", params, {"value": params.value, "within_s": params.within_s})


def stop_device(context: TurnContext, params: DeviceStopParams) -> DeviceTask:
    """Stop a device."""
    return _start(context, "device_stop", params, {})


def _check_value(value: object) -> None:
    try:
        size = len(encode({"value": value}))
    except TypeError as error:
        raise ParameterError(f"'value' must be what JSON can say: {error}", field="value") from error
    if size > LARGEST_VALUE_BYTES:
        raise ParameterError(f"'value' has more than {LARGEST_VALUE_BYTES} bytes of JSON.", field="value")


def _start(
    context: TurnContext,
    kind: Literal["device_set", "device_stop"],
    params: DeviceSetParams | DeviceStopParams,
    content: dict[str, Any],
) -> DeviceTask:
    group_name = require_user(params.user, params.user_group)
    turn, resources = context.turn, context.desk.resources
    lane, name = _find(turn.state, params.lane, params.name)
    _require_allowed(resources, lane, name, group_name)
    claim = claim_of(turn.state, lane, name.partition(".")[0])
    uid = turn.chance.identifier()
    turn.apply(TaskRequested(Task(uid, lane, kind, True, turn.now, {"device": name, **content}, claim)))
    # Who, where to: its end is in the log as that of every task.
    replace(context, lane=lane).record(task_uid=uid, name=name, claim=claim, by=str(params.user), **content)
    return DeviceTask(uid, lane, name, claim)


def _find_allowed(context: MemoryContext, params: DeviceReadParams | DeviceLocateParams) -> tuple[str, str]:
    if params.user_group is None:
        raise ParameterError("Incorrect request format: user group is not specified", field="user_group")
    lane, name = _find(context.desk.state(), params.lane, params.name)
    _require_allowed(context.desk.resources, lane, name, params.user_group)
    return lane, name


def _find(state: State, lane: str | None, name: str) -> tuple[str, str]:
    """Return the lane of a device, and its name there.

    Raises:
        NotFoundError: there is no such lane.
        ParameterError: the lane that is named is not one of those that reach the device.
    """
    root, dot, parts = name.partition(".")
    shared = next((device for device in state.shared if device.name == root), None)
    if shared is None:
        before, slash, after = name.partition("/")
        if slash and lane in (None, before):
            return state.lane(before).name, after
        return state.lane(lane or DEFAULT_LANE).name, name
    places = dict(shared.places)
    if lane is not None and state.lane(lane).name not in places:
        raise ParameterError(f"The lane {lane!r} does not reach {root!r}: only {sorted(places)} do.", field="lane")
    chosen = lane or min(places, key=lambda place: _rank(state.lane(place)))
    return chosen, f"{places[chosen]}{dot}{parts}"


def _rank(lane: Lane) -> tuple[bool, bool]:
    """Return what comes first of several lanes: an open one, then the lane default."""
    return lane.worker.environment != "open", lane.name != DEFAULT_LANE


def _require_allowed(resources: Resources, lane: str, name: str, group_name: str) -> None:
    catalog = resources.catalog_of(lane).for_group(group_name)
    if name not in catalog.device_names:
        raise NotFoundError(
            f"There is no device {name!r} in the lane {lane!r}, or users from {group_name!r} group may not use it.",
            details={"lane": lane, "name": name},
        )


GROUP = group(
    memory={"device_read": read_device, "device_locate": locate_device},
    turn={"device_set": set_device, "device_stop": stop_device},
)
