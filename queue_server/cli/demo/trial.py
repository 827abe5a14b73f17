"""One pass of plans through the queue of a system, followed to the end of the last one. It starts no system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.cli import render
from queue_server.cli.demo.board import Board, make_board
from queue_server.cli.demo.leftovers import clear_leftovers
from queue_server.cli.demo.plans import USER
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.waiting import OutcomeSearch
from queue_server.client import RunControl
from queue_server.client.notices import PROGRESS_TOPIC, STATUS_TOPIC, Notice
from queue_server.protocol.errors import StateError

_OPEN_PATIENCE_S = 60.0
# The manager repeats its status each second, so that longer silence means that it is gone.
_SILENCE_S = 10.0


def run_plans(run_control: RunControl, items: list[dict[str, Any]], remark: str = "") -> list[dict[str, Any]]:
    """Queue items, run them and return them as the history shows them, in order.

    Raises:
        StateError: the queue runs, or it holds what no demonstration has added.
        OperationFailedError: the environment did not open, or the queue stopped early.
    """
    mode = _prepare(run_control)
    added = run_control.send_request(method="queue_item_add_batch", params={"items": items, **USER})["items"]
    render.say(f"Queued {', '.join(item['name'] for item in added)}.{remark}")
    try:
        with make_board(added) as board:
            found = _follow(run_control, board, added)
    finally:
        run_control.send_request(method="queue_mode_set", params={"mode": mode})
    return [found[item["item_uid"]] for item in added]


def _prepare(run_control: RunControl) -> dict[str, bool]:
    """Open the environment, empty the queue, let failures not stop it; return the mode that it had.

    Raises:
        StateError: the queue runs, or it holds what no demonstration has added.
        OperationFailedError: the environment did not open.
    """
    status = require_idle(run_control)
    clear_leftovers(run_control)
    open_environment(run_control)
    run_control.send_request(method="queue_mode_set", params={"mode": {"loop": False, "ignore_failures": True}})
    return status["plan_queue_mode"]


def require_idle(run_control: RunControl) -> Mapping[str, Any]:
    """Return the status of a system that does nothing.

    Raises:
        StateError: it does something.
    """
    status = run_control.send_request(method="status")
    if status["manager_state"] != "idle":
        raise StateError(
            f"The system is busy ({status['manager_state']}). Wait for its end, or end it with 'cuelight down'."
        )
    return status


def open_environment(run_control: RunControl) -> None:
    """Open the environment if it is not open.

    Raises:
        OperationFailedError: it did not open.
    """
    if run_control.send_request(method="status")["worker_environment_exists"]:
        return
    render.say("Opening the environment ...")
    run_control.send_request(method="environment_open")
    status = run_control.wait_for_status(
        lambda status: status["manager_state"] != "creating_environment", _OPEN_PATIENCE_S
    )
    if not status["worker_environment_exists"]:
        raise OperationFailedError(f"The environment did not open: {status['lanes'][0]['reason']}")


def _follow(run_control: RunControl, board: Board, items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Start the queue and show its progress until all items have an outcome; return them by uid."""
    search = OutcomeSearch(lambda method, params: run_control.send_request(method=method, params=params), items)
    shown: set[str] = set()
    with run_control.notices([STATUS_TOPIC, PROGRESS_TOPIC]) as notices:
        run_control.send_request(method="queue_start")
        status: Mapping[str, Any] = run_control.send_request(method="status")
        while not search.look(status):
            _show_finished(board, search, shown)
            notice = notices.receive(_SILENCE_S)
            if notice is None or (notice.status or {}).get("manager_state") == "idle":
                # A notice may be older than the start; only an answer tells that the queue has stopped.
                status = run_control.send_request(method="status")
                if status["manager_state"] == "idle" and not search.look(status):
                    raise OperationFailedError("The queue stopped before all plans had run.")
            elif notice.status is not None:
                status = notice.status
            else:
                _show_progress(board, notice)
    if search.missing:
        raise OperationFailedError("Somebody removed plans of the demonstration from the queue.")
    _show_finished(board, search, shown)
    return search.found


def _show_progress(board: Board, notice: Notice) -> None:
    payload = notice.payload
    board.advance(payload["item_uid"], payload["points"], payload["total"])


def _show_finished(board: Board, search: OutcomeSearch, shown: set[str]) -> None:
    for uid, item in search.found.items():
        if uid not in shown:
            shown.add(uid)
            board.finish(item)
