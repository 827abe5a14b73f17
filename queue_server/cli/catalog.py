"""The verbs that look things up: plans, devices, permissions, configuration, events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.options import DEFAULT_GROUP, UserGroup
from queue_server.cli.session import Session
from queue_server.protocol.errors import NotFoundError

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one only, with all details.")]
All = Annotated[bool, typer.Option("--all", help="Show all that exist, not only what the group may use.")]


def plans(session: Session, name: Name = None, everything: All = False, group: UserGroup = DEFAULT_GROUP) -> None:
    """Show the plans, or the parameters of one plan."""
    kind = "existing" if everything else "allowed"
    reply = session.request(f"plans_{kind}", {} if everything else {"user_group": group})
    found = reply[f"plans_{kind}"]
    if name is None:
        rows = [(plan, render.first_line(found[plan].get("description", ""))) for plan in sorted(found)]
        session.show(reply, lambda: render.print_table(("PLAN", "DESCRIPTION"), rows))
    else:
        plan = _pick(found, name, "plan")
        session.show({"success": True, "msg": "", "plan": plan}, lambda: _print_plan(plan))


def devices(session: Session, name: Name = None, everything: All = False, group: UserGroup = DEFAULT_GROUP) -> None:
    """Show the devices, or one device with its components."""
    kind = "existing" if everything else "allowed"
    reply = session.request(f"devices_{kind}", {} if everything else {"user_group": group})
    found = reply[f"devices_{kind}"]
    if name is None:
        rows = [(device, found[device].get("classname", ""), _abilities(found[device])) for device in sorted(found)]
        session.show(reply, lambda: render.print_table(("DEVICE", "CLASS", "CAN BE"), rows))
    else:
        device = _pick(found, name, "device")
        session.show({"success": True, "msg": "", "device": device}, lambda: render.print_json(device))


def permissions(session: Session) -> None:
    """Show what the user groups may do."""
    reply = session.request("permissions_get")
    session.show(reply, lambda: render.print_json(reply["user_group_permissions"]))


def config(session: Session) -> None:
    """Show the configuration that clients ask for."""
    reply = session.request("config_get")
    session.show(reply, lambda: render.print_json(reply["config"]))


def events(
    session: Session,
    since: Annotated[int | None, typer.Option(help="Only events after this sequence number.")] = None,
    limit: Annotated[int, typer.Option(help="Largest number of events.")] = 50,
) -> None:
    """Show what has happened: the event log, by default its newest part."""
    if since is None:
        newest = session.request("events_get", {"limit": 1})["last_seq"]
        since = max(0, newest - limit)
    reply = session.request("events_get", {"since": since, "limit": limit})
    rows = [_event_row(event) for event in reply["events"]]
    session.show(reply, lambda: render.print_table(("SEQ", "TIME", "EVENT", "USER", "ITEM", "DETAILS"), rows))


def _pick(found: Mapping[str, Any], name: str, what: str) -> dict[str, Any]:
    if name not in found:
        raise NotFoundError(f"There is no {what} {name!r} for this group; 'cuelight {what}s --all' shows all.")
    return found[name]


def _print_plan(plan: Mapping[str, Any]) -> None:
    render.print_line(f"{plan['name']}: {plan.get('description') or 'no description'}")
    rows = [_parameter_row(parameter) for parameter in plan.get("parameters", ())]
    if rows:
        render.print_table(("PARAMETER", "KIND", "TYPE", "DEFAULT", "DESCRIPTION"), rows)


def _parameter_row(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        parameter["name"],
        parameter["kind"]["name"].lower().replace("_", " "),
        str((parameter.get("annotation") or {}).get("type", "")),
        str(parameter.get("default", "")),
        render.first_line(parameter.get("description", "")),
    )


def _abilities(device: Mapping[str, Any]) -> str:
    words = {"is_readable": "read", "is_movable": "moved", "is_flyable": "flown"}
    return ", ".join(word for name, word in words.items() if device.get(name))


def _event_row(event: Mapping[str, Any]) -> tuple[str, ...]:
    origin = event.get("origin") or {}
    details = ", ".join(f"{name}={value}" for name, value in (event.get("data") or {}).items())
    return (
        str(event["seq"]),
        render.show_time(event["time"]),
        event["kind"],
        origin.get("user", ""),
        event.get("item_uid") or "",
        details,
    )
