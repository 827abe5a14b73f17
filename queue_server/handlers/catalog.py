"""Handlers of the methods about plans, devices and processing graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queue_server.handlers.aside import Aside
from queue_server.handlers.context import MemoryContext
from queue_server.handlers.graph_lane import find_graph_lane
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.listing import Listing
from queue_server.protocol.method import LaneParams
from queue_server.protocol.methods.catalog import (
    AllowedParams,
    DagsAllowed,
    DagsExisting,
    DevicesAllowed,
    DevicesExisting,
    PlansAllowed,
    PlansAllowedParams,
    PlansExisting,
    PlansExistingParams,
)


def list_allowed_plans(context: MemoryContext, params: PlansAllowedParams) -> Aside:
    """Return the plans of a user group."""
    lists = context.desk.resources.lists_of(context.lane)
    plans = lists.plans_allowed(_require_group(context, params), reduced=params.reduced)
    return _answer(PlansAllowed, plans, context.desk.status()["plans_allowed_uid"])


def list_existing_plans(context: MemoryContext, params: PlansExistingParams) -> Aside:
    """Return all plans."""
    plans = context.desk.resources.lists_of(context.lane).plans_existing(reduced=params.reduced)
    return _answer(PlansExisting, plans, context.desk.status()["plans_existing_uid"])


def list_allowed_devices(context: MemoryContext, params: AllowedParams) -> Aside:
    """Return the devices of a user group."""
    devices = context.desk.resources.lists_of(context.lane).devices_allowed(_require_group(context, params))
    return _answer(DevicesAllowed, devices, context.desk.status()["devices_allowed_uid"])


def list_existing_devices(context: MemoryContext, _: LaneParams) -> Aside:
    """Return all devices."""
    devices = context.desk.resources.lists_of(context.lane).devices_existing()
    return _answer(DevicesExisting, devices, context.desk.status()["devices_existing_uid"])


def list_allowed_dags(context: MemoryContext, params: AllowedParams) -> Aside:
    """Return the graphs of a user group."""
    lane = _lane_of_graphs(context, params)
    dags = context.desk.resources.lists_of(lane).dags_allowed(_require_group(context, params))
    return _answer(DagsAllowed, dags, context.desk.status()["plans_allowed_uid"])


def list_existing_dags(context: MemoryContext, params: LaneParams) -> Aside:
    """Return all graphs."""
    dags = context.desk.resources.lists_of(_lane_of_graphs(context, params)).dags_existing()
    return _answer(DagsExisting, dags, context.desk.status()["plans_existing_uid"])


def _lane_of_graphs(context: MemoryContext, params: LaneParams) -> str:
    lanes = context.desk.resources.graph_lanes
    return context.lane if params.lane is not None or not lanes else find_graph_lane(lanes)


def _require_group(context: MemoryContext, params: AllowedParams) -> str:
    if params.user_group is None:
        raise ParameterError("Incorrect request format: user group is not specified", field="user_group")
    context.desk.resources.policy.rules_of(params.user_group)
    return params.user_group


def _answer(form: Callable[[Any, str], Any], listing: Listing, uid: str) -> Aside:
    return Aside(lambda: form(listing, uid))


GROUP = group(
    memory={
        "plans_allowed": list_allowed_plans,
        "plans_existing": list_existing_plans,
        "devices_allowed": list_allowed_devices,
        "devices_existing": list_existing_devices,
        "dags_allowed": list_allowed_dags,
        "dags_existing": list_existing_dags,
    }
)
