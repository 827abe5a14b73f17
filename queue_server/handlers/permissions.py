"""Handlers of the methods about the permissions of user groups."""

from __future__ import annotations

import logging

from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.startup import take_again
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import Done, NoParams
from queue_server.protocol.methods.permissions import Permissions, PermissionsReloadParams, PermissionsSetParams

_log = logging.getLogger(__name__)


def tell_permissions(context: MemoryContext, _: NoParams) -> Permissions:
    """Return the permissions of all groups."""
    return Permissions(context.desk.resources.policy.as_mapping())


def set_permissions(context: TurnContext, params: PermissionsSetParams) -> Done:
    """Replace the permissions of all groups."""
    if params.user_group_permissions is None:
        raise ParameterError("Parameter 'user_group_permissions' is missing", field="user_group_permissions")
    _log.info("Setting the permissions of user groups ...")
    context.desk.resources.set_permissions(context.turn, params.user_group_permissions)
    context.record(groups=sorted(params.user_group_permissions.get("user_groups", {})))
    return Done()


def reload_permissions(context: TurnContext, params: PermissionsReloadParams) -> Done:
    """Take the permissions or the lists of the startup files again."""
    _log.info("Reloading the permissions of user groups ...")
    permissions, lists = params.restore_permissions, params.restore_plans_devices
    take_again(context.turn, context.desk.resources, permissions=permissions, lists=lists)
    context.record(permissions=permissions, lists=lists)
    return Done()


GROUP = group(
    memory={"permissions_get": tell_permissions},
    turn={"permissions_set": set_permissions, "permissions_reload": reload_permissions},
)
