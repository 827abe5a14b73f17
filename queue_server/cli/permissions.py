"""The verbs of the permissions of user groups: show, set, reload."""

from __future__ import annotations

from typing import Annotated

import typer

from queue_server.cli import render
from queue_server.cli.files import read_document
from queue_server.cli.options import LockKey
from queue_server.cli.session import Session
from queue_server.protocol.errors import ParameterError


def show(session: Session) -> None:
    """Show what the user groups may do."""
    reply = session.request("permissions_get")
    session.show(reply, lambda: render.print_json(reply["user_group_permissions"]))


def replace(
    session: Session,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="YAML or JSON like user_group_permissions.yaml, or - for stdin.")
    ],
    lock_key: LockKey = None,
) -> None:
    """Replace the permissions of all user groups until the next reload; a wrong set changes nothing."""
    permissions = read_document(file)
    if not isinstance(permissions, dict):
        raise ParameterError(f"{file} holds no permissions: it must be a map with the key user_groups.", field=file)
    reply = session.request("permissions_set", {"user_group_permissions": permissions, "lock_key": lock_key})
    session.show(reply, lambda: render.say("The permissions were replaced."))


def reload(
    session: Session,
    permissions: Annotated[
        bool, typer.Option("--permissions/--no-permissions", help="Take the permissions of the startup files.")
    ] = True,
    lists: Annotated[
        bool, typer.Option("--lists/--no-lists", help="Take the plans and devices of the list file.")
    ] = False,
    lock_key: LockKey = None,
) -> None:
    """Take the permissions of the startup files again."""
    params = {"restore_permissions": permissions, "restore_plans_devices": lists, "lock_key": lock_key}
    reply = session.request("permissions_reload", params)
    session.show(reply, lambda: render.say("The permissions were read again."))
