"""The verbs of tasks: functions, scripts and updates in the worker's namespace, outside the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render, waiting
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.files import read_text
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, Wait, who
from queue_server.cli.session import LaneSession, Session
from queue_server.cli.values import describe_call, read_call
from queue_server.protocol.errors import NotFoundError

Background = Annotated[
    bool,
    typer.Option("--background", help="In a thread of its own, also while a plan runs; the code must be safe for it."),
]
TaskUid = Annotated[str, typer.Argument(metavar="TASK", help="Uid of the task.")]


def upload_script(
    session: LaneSession,
    file: Annotated[str, typer.Argument(metavar="FILE", help="File of Python code, or - for stdin.")],
    lists: Annotated[bool, typer.Option("--lists/--no-lists", help="Describe plans and devices again.")] = True,
    new_re: Annotated[bool, typer.Option("--update-re", help="Use a RunEngine that the script makes.")] = False,
    background: Background = False,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Run a script in the worker's namespace and print the uid of the task."""
    params = {"script": read_text(file), "update_lists": lists, "update_re": new_re, "run_in_background": background}
    reply = session.request("script_upload", {**params, "lock_key": lock_key})
    started(session, reply, "The script runs.", wait=wait)


def call_function(
    session: LaneSession,
    name: Annotated[str, typer.Argument(metavar="FUNCTION", help="Name of a function in the worker's namespace.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="ARG|NAME=VALUE", help="Its arguments.")] = None,
    background: Background = False,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Call a function of the worker's namespace and print the uid of the task, with --wait what it returns."""
    args, kwargs = read_call(words or [])
    item = {"item_type": "function", "name": name, "args": args, "kwargs": kwargs}
    params = {"item": item, "run_in_background": background, **who(user, group), "lock_key": lock_key}
    reply = session.request("function_execute", params)
    started(session, reply, f"{describe_call(item)} runs.", wait=wait)


def update_environment(
    session: LaneSession, background: Background = False, wait: Wait = False, lock_key: LockKey = None
) -> None:
    """Describe the plans and devices of the worker's namespace again, and print the uid of the task."""
    reply = session.request("environment_update", {"run_in_background": background, "lock_key": lock_key})
    started(session, reply, "The lists are renewed.", wait=wait)


def show_status(
    session: Session, tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Uids of tasks.")]
) -> None:
    """Show whether tasks are running or completed."""
    reply = session.request("task_status", {"task_uid": tasks[0] if len(tasks) == 1 else tasks})
    states = reply["status"] if isinstance(reply["status"], dict) else {tasks[0]: str(reply["status"])}
    session.show(reply, lambda: render.print_table(("TASK", "STATE"), list(states.items())))


def show_result(session: Session, task: TaskUid, wait: Wait = False) -> None:
    """Show how a task ended and what it returned; one that failed is exit code 5."""
    reply = waiting.task_ended(session, task) if wait else session.request("task_result", {"task_uid": task})
    if reply["status"] == "not_found":
        raise NotFoundError(f"There is no task {task!r}; results are kept for a day.")
    _show_result(session, reply)


def metadata(session: LaneSession) -> None:
    """Show the metadata that the RunEngine puts into every run."""
    reply = session.request("re_metadata")
    session.show(reply, lambda: render.print_json(reply["re_metadata"]))


def started(session: Session, reply: Mapping[str, Any], said: str, *, wait: bool) -> None:
    """Print the uid of a task that was started; with ``wait`` wait until it has ended, and show how."""
    uid = reply["task_uid"]
    if wait:
        _show_result(session, waiting.task_ended(session, uid))
    else:
        session.show(reply, lambda: _confirm(uid, said))


def _confirm(uid: str, said: str) -> None:
    render.print_line(uid)
    render.say(f"{said} 'cuelight task result {uid} --wait' waits for its end.")


def _show_result(session: Session, reply: Mapping[str, Any]) -> None:
    result = reply["result"]
    if reply["status"] != "completed":
        session.show(reply, lambda: render.say(f"The task runs since {render.show_time(result.get('time_start', 0))}."))
        return
    session.show(reply, lambda: _print_result(result))
    if not result["success"]:
        raise OperationFailedError(f"The task failed: {render.last_line(result['traceback']) or result['msg']}")


def _print_result(result: Mapping[str, Any]) -> None:
    if result["success"]:
        render.print_json(result["return_value"])
        render.say(f"Completed in {render.show_duration(result['time_stop'] - result['time_start'])}.")
    elif result["traceback"]:
        render.say(result["traceback"].rstrip())
