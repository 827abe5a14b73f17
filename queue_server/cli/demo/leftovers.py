"""What earlier demonstrations have left in a queue."""

from __future__ import annotations

from queue_server.cli import render
from queue_server.cli.demo.plans import is_ours
from queue_server.client import RunControl
from queue_server.protocol.errors import StateError
from queue_server.protocol.items import DEFAULT_LANE


def clear_leftovers(run_control: RunControl, lane: str = DEFAULT_LANE) -> None:
    """Empty the queue of a lane, and say so if there was something in it.

    Raises:
        StateError: it holds what no demonstration has added.
    """
    left = run_control.send_request(method="queue_get", params={"lane": lane})["items"]
    if not all(map(is_ours, left)):
        raise StateError("The queue holds items that are not of a demonstration: name another directory with --data.")
    if left:
        run_control.send_request(method="queue_clear", params={"lane": lane})
        render.say(f"Removed {len(left)} items that an earlier demonstration has left.")
