"""The verbs of single devices of workers: read one at any time, set and stop one that nothing else has for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render, tasks
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, Wait, who
from queue_server.cli.session import LaneSession
from queue_server.cli.values import read_value

DeviceName = Annotated[
    str, typer.Argument(metavar="DEVICE", help="Name in the lane or in the facility, with dots before components.")
]

_COLUMNS = ("SIGNAL", "VALUE", "UNITS", "LIMITS", "AT")
_PLACE = ("LANE", "NAME", "ENVIRONMENT")
_LIMITS = ("lower_ctrl_limit", "upper_ctrl_limit")


def read(
    session: LaneSession,
    device: DeviceName,
    timeout: Annotated[float | None, typer.Option("--within", metavar="S", help="Seconds that it has.")] = None,
    group: UserGroup = DEFAULT_GROUP,
) -> None:
    """Show what a device of a worker tells, also while a plan runs."""
    reply = session.request("device_read", {"name": device, "within_s": timeout, "user_group": group})
    session.show(reply, lambda: render.print_table(_COLUMNS, _rows(reply["readings"])))


def locate(session: LaneSession, device: DeviceName, group: UserGroup = DEFAULT_GROUP) -> None:
    """Show in which lane a device of a worker is, its name there, and whether it can be used now."""
    reply = session.request("device_locate", {"name": device, "user_group": group})
    state = "open" if reply["is_open"] else "closed"
    session.show(reply, lambda: render.print_table(_PLACE, [(reply["lane"], reply["name"], state)]))


def set_device(
    session: LaneSession,
    device: DeviceName,
    value: Annotated[str, typer.Argument(help="Where to; put -- before a negative number.")],
    timeout: Annotated[
        float | None, typer.Option("--within", metavar="S", help="Seconds after which it is stopped.")
    ] = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Set a device of a worker that no running item claims, and print the uid of the task."""
    params = {"name": device, "value": read_value(value), "within_s": timeout, **who(user, group)}
    reply = session.request("device_set", {**params, "lock_key": lock_key})
    tasks.started(session, reply, f"{device} is being set to {value}.", wait=wait)


def stop(
    session: LaneSession,
    device: DeviceName,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Stop a device of a worker that a task moves; for what a plan moves use pause and abort, or estop."""
    reply = session.request("device_stop", {"name": device, **who(user, group), "lock_key": lock_key})
    tasks.started(session, reply, f"{device} is being stopped.", wait=wait)


def _rows(readings: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for signal, reading in readings.items():
        limits = reading.get("limits") or [reading.get(name) for name in _LIMITS]
        shown = "" if None in limits else f"{limits[0]} … {limits[1]}"
        at = reading.get("timestamp")
        time = render.show_time(at) if isinstance(at, (int, float)) else ""
        yield signal, str(reading.get("value")), str(reading.get("units") or ""), shown, time
