"""The verbs of devices: register a scanner, show how it is, and look after its token and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.credentials_file import credentials_in, new_credentials_file
from queue_server.cli.files import read_document
from queue_server.cli.keys import read_key
from queue_server.cli.options import User, claim
from queue_server.cli.session import Session
from queue_server.protocol.devices import DeviceKind
from queue_server.protocol.errors import ParameterError

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE_ID", help="Id of the scanner.")]
Grace = Annotated[
    float, typer.Option("--grace", metavar="S", help="Seconds for which the token until now works beside the new one.")
]
Credentials = Annotated[
    str | None,
    typer.Option(
        "--credentials", metavar="FILE", help="Write id and token into a new file that only you may read, not here."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_SCANNERS = ("DEVICE", "NAME", "STATUS", "CONDITION", "ITEMS", "NOTES")
_OF_WORKERS = ("DEVICE", "LANE", "STATUS", "CLASS", "CAN BE")
_ABILITIES = {"is_readable": "read", "is_movable": "moved", "is_flyable": "flown"}


def list_devices(
    session: Session,
    kind: Annotated[DeviceKind, typer.Option(help="Scanners, or the devices of all workers.")] = "scanner",
    lane: Annotated[str | None, typer.Option(help="Only the devices of the worker of this lane.")] = None,
    limit: Annotated[int | None, typer.Option(help="Show a page of so many.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Show the page that an earlier one has named.")] = None,
) -> None:
    """List the scanners with what they do, or the devices of the workers."""
    reply = session.request("device_list", {"kind": kind, "lane": lane, "limit": limit, "cursor": cursor})
    session.show(reply, lambda: _print_page(kind, reply))


def show(session: Session, device_id: DeviceId) -> None:
    """Show a scanner: how it is, what it is, and its parameters."""
    reply = session.request("device_get", {"device_id": device_id})
    session.show(reply, lambda: render.print_json(reply["device"]))


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the scanner.")],
    description: Annotated[str, typer.Argument(metavar="DESCRIPTION", help="What it is, for people.")],
    credentials: Credentials = None,
    user: User = None,
) -> None:
    """Register a scanner and show its token, this once."""
    _ask_for_token(session, "device_create", {"name": name, "description": description, **claim(user)}, credentials)


def import_token(
    session: Session,
    device_id: DeviceId,
    token_file: Annotated[
        str, typer.Option("--token-file", metavar="FILE", help="File with the token alone, or - for stdin.")
    ],
    name: Annotated[str | None, typer.Option(help="Name, if the scanner is not registered yet.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is, if it is not registered yet.")] = None,
    grace: Grace = 0.0,
    user: User = None,
) -> None:
    """Let a scanner keep the token that another system has given it."""
    params = {
        "device_id": device_id,
        "device_token": read_key(token_file).strip(),
        "name": name,
        "description": description,
        "grace_s": grace,
        **claim(user),
    }
    reply = session.request("device_token_import", params)
    session.show(reply, lambda: render.say(f"The token of {reply['device'].get('name', device_id)} counts here now."))


def rotate_token(
    session: Session, device_id: DeviceId, grace: Grace = 0.0, credentials: Credentials = None, user: User = None
) -> None:
    """Give a scanner a new token and show it, this once."""
    params = {"device_id": device_id, "grace_s": grace, **claim(user)}
    _ask_for_token(session, "device_rotate_token", params, credentials)


def revoke_token(session: Session, device_id: DeviceId, user: User = None) -> None:
    """Let no token of a scanner work any more, at once."""
    reply = session.request("device_revoke_token", {"device_id": device_id, **claim(user)})
    session.show(reply, lambda: render.say("The token was revoked."))


def set_parameter(
    session: Session,
    device_id: DeviceId,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON with all parameters, or - for stdin.")],
    user: User = None,
) -> None:
    """Replace the parameters of a scanner as a whole."""
    parameter = read_document(file)
    if not isinstance(parameter, dict):
        raise ParameterError(f"{file} holds no parameters: it must be a map.", field=file)
    params: dict[str, Any] = {"device_id": device_id, "parameter": parameter, **claim(user)}
    reply = session.request("device_parameter_set", params)
    session.show(reply, lambda: render.say("The parameters were replaced."))


def delete(
    session: Session,
    device_id: DeviceId,
    force: Annotated[bool, typer.Option("--force", help="Also while one of its items is active.")] = False,
    yes: Yes = False,
    user: User = None,
) -> None:
    """Delete a scanner: its token ends, its items are held, and its id is never given again."""
    if not yes and render.on_terminal():
        typer.confirm(f"Delete the device {device_id}?", abort=True, err=True)
    reply = session.request("device_delete", {"device_id": device_id, "force": force, **claim(user)})
    session.show(reply, lambda: render.say(f"The device was deleted; {reply['held_items']} items are held."))


def _ask_for_token(session: Session, method: str, params: Mapping[str, Any], file: str | None) -> None:
    if file is None:
        reply = session.request(method, params)
        session.show(reply, lambda: render.print_line(credentials_in(reply)))
        return
    with new_credentials_file(Path(file).expanduser()) as target:
        reply = session.request(method, params)
        target.write(credentials_in(reply))
    shown = {name: value for name, value in reply.items() if name != "device_token"}
    session.show(shown, lambda: render.print_line(str(reply["device_id"])))


def _print_page(kind: DeviceKind, reply: Mapping[str, Any]) -> None:
    if kind == "scanner":
        render.print_table(_SCANNERS, map(_scanner_row, reply["devices"]))
    else:
        render.print_table(_OF_WORKERS, map(_worker_row, reply["devices"]))
    if reply["next_cursor"] is not None:
        render.say(f"There are more; go on with --cursor '{reply['next_cursor']}'.")


def _scanner_row(device: Mapping[str, Any]) -> tuple[str, ...]:
    notes = "; ".join(filter(None, (device["reason"], "" if device["has_token"] else "its token was revoked")))
    condition = device["condition"].replace("_", " ")
    return device["id"], device["name"], device["status"], condition, str(device["lane_length"]), notes


def _worker_row(device: Mapping[str, Any]) -> tuple[str, ...]:
    abilities = ", ".join(word for name, word in _ABILITIES.items() if device[name])
    return device["name"], device["lane"], device["status"], device["classname"], abilities
