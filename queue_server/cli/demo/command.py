"""The verb ``demo``: start a system, run real plans through it, show what came out, end it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.demo.board import Board, describe_outcome, make_board
from queue_server.cli.demo.plans import USER, is_expected, is_ours, make_items
from queue_server.cli.demo.system import System, find_system, log_file_in, start_system
from queue_server.cli.failures import PLAN_FAILED, OperationFailedError
from queue_server.cli.history import reason_of
from queue_server.cli.waiting import OutcomeSearch
from queue_server.client import RunControl
from queue_server.client.notices import PROGRESS_TOPIC, STATUS_TOPIC, Notice
from queue_server.protocol.errors import StateError

_OPEN_PATIENCE_S = 60.0
# The manager repeats its status each second, so that longer silence means that it is gone.
_SILENCE_S = 10.0


def demo(
    data: Annotated[Path, typer.Option(help="Data directory of the demonstration.")] = Path(".demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Stay up at the end and say how to connect.")] = False,
) -> int:
    """Start a system in a directory of its own and run simulated plans through it."""
    # Whatever ends the demonstration must not leave its processes behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data = data.expanduser().absolute()
    system = find_system(data)
    if system is not None:
        render.say(f"Using the system that already runs in {data}.")
    else:
        render.say(f"Starting supervisor and manager in {data} ...")
        system = start_system(data)
    finished = False
    try:
        with RunControl(system.control, system.info, timeout_s=10) as run_control:
            items = _run_plans(run_control)
        finished = True
    finally:
        if not (keep and finished):
            system.stop()
    _show_results(items)
    _show_places(system, kept=keep or system.process is None)
    return 0 if all(map(is_expected, items)) else PLAN_FAILED


def _run_plans(run_control: RunControl) -> list[dict[str, Any]]:
    """Queue the plans, run them and return them as the history shows them, in order."""
    mode = _prepare(run_control)
    params = {"items": make_items(), **USER}
    items = run_control.send_request(method="queue_item_add_batch", params=params)["items"]
    render.say(f"Queued {', '.join(item['name'] for item in items)}. The third one fails on purpose.")
    try:
        with make_board(items) as board:
            found = _follow(run_control, board, [item["item_uid"] for item in items])
    finally:
        run_control.send_request(method="queue_mode_set", params={"mode": mode})
    return [found[item["item_uid"]] for item in items]


def _prepare(run_control: RunControl) -> dict[str, bool]:
    """Open the environment, empty the queue, let failures not stop it; return the mode that it had.

    Raises:
        StateError: the queue runs, or it holds what no demonstration has added.
        OperationFailedError: the environment did not open.
    """
    status = run_control.send_request(method="status")
    if status["manager_state"] != "idle":
        raise StateError(
            f"The system is busy ({status['manager_state']}). Wait for its end, or end it with 'cuelight down'."
        )
    left = run_control.send_request(method="queue_get")["items"]
    if not all(map(is_ours, left)):
        raise StateError("The queue holds items that are not of a demonstration: name another directory with --data.")
    if left:
        run_control.send_request(method="queue_clear")
        render.say(f"Removed {len(left)} items that an earlier demonstration has left.")
    if not status["worker_environment_exists"]:
        _open_environment(run_control)
    run_control.send_request(method="queue_mode_set", params={"mode": {"loop": False, "ignore_failures": True}})
    return status["plan_queue_mode"]


def _open_environment(run_control: RunControl) -> None:
    render.say("Opening the environment with the simulated profile ...")
    run_control.send_request(method="environment_open")
    status = run_control.wait_for_status(
        lambda status: status["manager_state"] != "creating_environment", _OPEN_PATIENCE_S
    )
    if not status["worker_environment_exists"]:
        raise OperationFailedError(f"The environment did not open: {status['lanes'][0]['reason']}")


def _follow(run_control: RunControl, board: Board, uids: list[str]) -> dict[str, dict[str, Any]]:
    """Start the queue and show its progress until all items have an outcome; return them by uid."""
    search = OutcomeSearch(lambda method, params: run_control.send_request(method=method, params=params), uids)
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


def _show_results(items: list[dict[str, Any]]) -> None:
    render.print_line("")
    render.print_table(("ITEM", "OUTCOME", "POINTS", "DURATION", "RUN UIDS"), map(_row, items))
    render.print_line("")
    for item in items:
        reason = reason_of(item)
        if reason:
            render.print_line(f"{item['name']} {describe_outcome(item)}: {reason}")


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    result = item["result"]
    return (
        item["name"],
        describe_outcome(item),
        str(result["points"]),
        render.show_duration(result["time_stop"] - result["time_start"]),
        " ".join(result["run_uids"]),
    )


def _show_places(system: System, *, kept: bool) -> None:
    data = system.data
    places = {
        "data": str(data),
        "queue, history": str(data / "queue.sqlite"),
        "logs": f"{log_file_in(data)}, {data / 'workers' / 'default.log'}",
    }
    if system.http is not None:
        places |= {"HTTP": system.http, "API key": str(data / "api-key")}
    render.print_fields(places)
    if not kept:
        return
    render.print_line(f"""
Still running. From Python:

    from queue_server.client import RunControl
    RM = RunControl({system.control!r}, {system.info!r})
    print(RM.send_request(method="status")); RM.close()

From the shell:

    export CUELIGHT_READY_FILE={system.ready_file}
    cuelight status

Over HTTP, with the key in {data / "api-key"}:

    curl -H "Authorization: ApiKey $(cat {data / "api-key"})" {system.http}/api/status

End it with: cuelight down --data {data} --workers""")
