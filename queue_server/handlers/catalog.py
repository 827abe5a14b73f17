"""Handlers of the methods about plans and devices."""

from __future__ import annotations

from queue_server.handlers.context import MemoryContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import NoParams
from queue_server.protocol.methods.catalog import (
    AllowedParams,
    DevicesAllowed,
    DevicesExisting,
    PlansAllowed,
    PlansAllowedParams,
    PlansExisting,
    PlansExistingParams,
)


def list_allowed_plans(context: MemoryContext, params: PlansAllowedParams) -> PlansAllowed:
    """Return the plans of a user group."""
    catalog, name = context.desk.resources.catalog, _require_group(params)
    plans = catalog.plans_allowed_reduced(name) if params.reduced else catalog.plans_allowed(name)
    return PlansAllowed(dict(plans), context.desk.status()["plans_allowed_uid"])


def list_existing_plans(context: MemoryContext, params: PlansExistingParams) -> PlansExisting:
    """Return all plans."""
    catalog = context.desk.resources.catalog
    plans = catalog.plans_existing_reduced if params.reduced else catalog.plans_existing
    return PlansExisting(dict(plans), context.desk.status()["plans_existing_uid"])


def list_allowed_devices(context: MemoryContext, params: AllowedParams) -> DevicesAllowed:
    """Return the devices of a user group."""
    devices = context.desk.resources.catalog.devices_allowed(_require_group(params))
    return DevicesAllowed(dict(devices), context.desk.status()["devices_allowed_uid"])


def list_existing_devices(context: MemoryContext, _: NoParams) -> DevicesExisting:
    """Return all devices."""
    devices = context.desk.resources.catalog.devices_existing
    return DevicesExisting(dict(devices), context.desk.status()["devices_existing_uid"])


def _require_group(params: AllowedParams) -> str:
    if params.user_group is None:
        raise ParameterError("Incorrect request format: user group is not specified", field="user_group")
    return params.user_group


GROUP = group(
    memory={
        "plans_allowed": list_allowed_plans,
        "plans_existing": list_existing_plans,
        "devices_allowed": list_allowed_devices,
        "devices_existing": list_existing_devices,
    }
)
