"""The verbs of workflows: add them from files, look at them, submit them with arguments, and rank their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.files import read_document
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, who
from queue_server.cli.session import LaneSession, Session
from queue_server.cli.values import describe_call, read_keywords
from queue_server.protocol.errors import ParameterError

Identity = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Id of the workflow.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON with one workflow; - is standard input.")]

_PAGE = 1_000


def list_workflows(session: Session) -> None:
    """Show all workflows."""
    found = list(_read_all(session))
    columns = ("WORKFLOW", "VERSION", "FROM", "NAME", "PARAMETERS")
    session.show({"workflows": found}, lambda: render.print_table(columns, map(_row_of_workflow, found)))


def _read_all(session: Session) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        reply = session.request("workflow_list", {"limit": _PAGE, "cursor": cursor})
        yield from reply["workflows"]
        cursor = reply["next_cursor"]
        if cursor is None:
            return


def _row_of_workflow(workflow: Mapping[str, Any]) -> tuple[str, ...]:
    names = ", ".join(each["name"] for each in workflow["parameters"])
    return workflow["id"], str(workflow["version"]), workflow["origin"], workflow["name"], names


def show(
    session: Session,
    workflow: Identity,
    version: Annotated[int | None, typer.Option("--version", min=1, help="An earlier version.")] = None,
) -> None:
    """Show a workflow: its parameters, its steps, and its metrics."""
    reply = session.request("workflow_get", {"workflow_id": workflow, "version": version})
    session.show(reply, lambda: _print_workflow(reply))


def _print_workflow(reply: Mapping[str, Any]) -> None:
    workflow, served = reply["workflow"], reply["postprocessing"]
    schema = workflow["result_schema"] or {}
    render.print_fields(
        {
            "id": workflow["id"],
            "name": workflow["name"],
            "version": f"{workflow['version']} (from a {workflow['origin']})",
            "created": render.show_time(workflow["created"]),
            "creator": workflow["creator"],
            "lane": workflow["lane"] or "",
            "steps": "; ".join(describe_call(step) for step in workflow["steps"]),
            "metrics": ", ".join(column["name"] for column in schema.get("columns", ())),
            "post-processing": "" if served is None else f"{served['state']} ({served['id']})",
            "description": workflow["description"],
        }
    )
    if workflow["parameters"]:
        columns = ("PARAMETER", "TYPE", "DEFAULT", "ABOUT")
        render.print_table(columns, map(_row_of_parameter, workflow["parameters"]))


def _row_of_parameter(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    default = "required" if parameter["is_required"] else str(parameter.get("default", ""))
    about = parameter.get("help") or parameter.get("label") or ""
    return parameter["name"], parameter["dtype"], default, about


def add(
    session: Session, file: File, user: User = None, group: UserGroup = DEFAULT_GROUP, lock_key: LockKey = None
) -> None:
    """Add a workflow, or put a new version in the place of the present one."""
    content = read_document(file)
    if not isinstance(content, dict) or not isinstance(content.get("id"), str):
        raise ParameterError(f"{file} is not a workflow: it must be a map with at least 'id' and 'steps'.", field=file)
    is_known = any(workflow["id"] == content["id"] for workflow in _read_all(session))
    method = "workflow_update" if is_known else "workflow_add"
    reply = session.request(method, {"workflow": content, **who(user, group), "lock_key": lock_key})
    said = f"{reply['workflow']['id']}: version {reply['workflow']['version']}"
    session.show(reply, lambda: render.print_line(said))


def remove(session: Session, workflow: Identity, lock_key: LockKey = None) -> None:
    """Remove a workflow; what was submitted stays."""
    reply = session.request("workflow_remove", {"workflow_id": workflow, "lock_key": lock_key})
    session.show(reply, lambda: render.say(f"Removed the workflow {workflow}."))


def reload(session: Session, lock_key: LockKey = None) -> int:
    """Read the workflow files of the manager again; tell which of them cannot be used."""
    reply = session.request("workflow_reload", {"lock_key": lock_key})
    session.show(reply, lambda: _print_reload(reply))
    return ParameterError.exit_code if reply["problems"] else 0


def _print_reload(reply: Mapping[str, Any]) -> None:
    for what in ("added", "changed", "removed"):
        for identity in reply[what]:
            render.print_line(f"{what}  {identity}")
    for name, problem in reply["problems"].items():
        render.say(f"{name}: {problem}")


def submit(
    session: LaneSession,
    workflow: Identity,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Values of the parameters.")
    ] = None,
    team: Annotated[str | None, typer.Option("--team", metavar="ID", help="Group of users for which it is.")] = None,
    pos: Annotated[str | None, typer.Option("--pos", metavar="POS", help="front or back of the queue.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Hold its items until they are released.")] = False,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Submit a workflow with arguments, and print the id of the submission.

    For example: workflow submit peak points=21 detector=det1
    """
    if pos not in {None, "front", "back"}:
        raise ParameterError(f"A submission goes to the front or to the back, not to {pos!r}.", field="--pos")
    given = {"group_id": team, "pos": pos, "held": held or None, "lock_key": lock_key}
    params = {"workflow_id": workflow, "arguments": read_keywords(arguments or ()), **given, **who(user, group)}
    reply = session.request("submission_add", params)
    session.show(reply, lambda: render.print_line(reply["submission"]["id"]))


def rank(
    session: Session,
    workflow: Identity,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN[:asc]", help="Sort by this column, largest first; repeat it."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All results, not only the best one of each group.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many.")] = 20,
) -> None:
    """Show the results of a workflow in the order of their metrics."""
    order = [_read_column(text) for text in by] if by else None
    params = {"workflow_id": workflow, "order_by": order, "include_all": everything, "limit": limit}
    reply = session.request("workflow_ranking", params)
    session.show(reply, lambda: _print_ranking(workflow, reply))


def _read_column(text: str) -> dict[str, Any]:
    name, _, direction = text.partition(":")
    if direction.lower() not in {"", "asc", "desc"} or not name:
        raise ParameterError(f"{text!r} is not of the form COLUMN, COLUMN:asc or COLUMN:desc.", field="--by")
    return {"name": name, "descending": direction.lower() != "asc"}


def _print_ranking(workflow: str, reply: Mapping[str, Any]) -> None:
    if reply["schema"] is None:
        render.say(f"The workflow {workflow} has no result schema, and so no ranking.")
        return
    columns = reply["schema"]["columns"]
    head = ("RANK", *(column["label"] for column in columns), "GROUP", "ENDED", "SUBMISSION")
    render.print_table(
        head, [_row_of_entry(entry, [column["name"] for column in columns]) for entry in reply["ranking"]]
    )


def _row_of_entry(entry: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    values = (_show_value(entry["values"].get(name)) for name in names)
    group = "" if entry["group"] is None else entry["group"]["name"]
    return (str(entry["rank"]), *values, group, render.show_time(entry["time_stop"]), entry["submission_id"])


def _show_value(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
