"""The verbs that look things up: plans, devices, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.options import DEFAULT_GROUP, UserGroup
from queue_server.cli.session import LaneSession, Session
from queue_server.protocol.errors import NotFoundError, ParameterError

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one only, with all details.")]
All = Annotated[bool, typer.Option("--all", help="Show all that exist, not only what the group may use.")]


def plans(session: LaneSession, name: Name = None, everything: All = False, group: UserGroup = DEFAULT_GROUP) -> None:
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


def devices(
    session: LaneSession,
    name: Name = None,
    everything: All = False,
    group: UserGroup = DEFAULT_GROUP,
    limit: Annotated[int | None, typer.Option(help="Show a page of so many, in the order of their names.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Show the page that an earlier one has named.")] = None,
) -> None:
    """Show the devices, or one device with its components."""
    if limit is not None or cursor is not None:
        if name is not None or everything:
            raise ParameterError("--limit and --cursor show a page; leave NAME and --all out.", field="--limit")
        _show_page(session, {"user_group": group, "limit": limit, "cursor": cursor})
        return
    kind = "existing" if everything else "allowed"
    reply = session.request(f"devices_{kind}", {} if everything else {"user_group": group})
    found = reply[f"devices_{kind}"]
    if name is None:
        session.show(reply, lambda: _print_devices(found))
    else:
        device = _pick(found, name, "device")
        session.show({"success": True, "msg": "", "device": device}, lambda: render.print_json(device))


def config(session: Session) -> None:
    """Show the configuration that clients ask for."""
    reply = session.request("config_get")
    session.show(reply, lambda: render.print_json(reply["config"]))


def _show_page(session: Session, params: Mapping[str, Any]) -> None:
    reply = session.request("devices_page", params)
    session.show(reply, lambda: _print_page(reply))


def _print_page(reply: Mapping[str, Any]) -> None:
    _print_devices(reply["devices"])
    if reply["next_cursor"] is not None:
        render.say(
            f"{len(reply['devices'])} of {reply['total']} devices; go on with --cursor '{reply['next_cursor']}'."
        )


def _print_devices(found: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [(name, found[name].get("classname", ""), _abilities(found[name])) for name in sorted(found)]
    render.print_table(("DEVICE", "CLASS", "CAN BE"), rows)


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
