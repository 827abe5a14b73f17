"""The verb ``demo-data``: content for trying foreign clients, made in a running system; it says what there is now."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.data_program import find_data
from queue_server.cli.demo.content import GROUPS, PIPELINE, PROJECT, RANKED, RESULTS, USERS
from queue_server.cli.demo.trial import open_environment, require_idle
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.programs import find_program
from queue_server.cli.session import Session
from queue_server.client import HTTPClientError, RequestFailedError, RunControl
from queue_server.client.addresses import read_ready_file
from queue_server.client.notices import STATUS_TOPIC

_PATIENCE_S = 120.0
_SILENCE_S = 10.0
_GROUP = "primary"
_SINGLE_USER = (
    "The gateway has a single user, whose key works everywhere; the tokens of the users work once it has accounts: "
    "set 'authentication.providers' (docs/how-to/run-the-gateway.md)."
)


def demo_data(
    session: Session,
    data: Annotated[
        Path | None,
        typer.Option(envvar="CUELIGHT_DATA", help="Data directory; by default the one of 'cuelight up'."),
    ] = None,
) -> None:
    """Make content for libica and flowserv: workflows, groups, ranked results, and users; print ids and tokens.

    It needs a running system with the plans of the simulated profile. What is there already is used again; users get
    new tokens each time.
    """
    run_control = session.run_control
    for workflow in (PIPELINE, RANKED):
        _put_workflow(run_control, workflow)
    for group in GROUPS:
        _put_group(run_control, group)
    runs = _make_results(run_control)
    directory, http = find_data(data), _find_http()
    users = [{"name": name, "token": _make_token(name, directory)} for name in USERS]
    is_known = http is not None and _is_known(http, users[0]["token"])
    made = {
        "success": True,
        "msg": "" if is_known else _SINGLE_USER,
        "http": http,
        "ica": {"path": "/ica/rest", "project": PROJECT, "pipeline": PIPELINE["id"]},
        "flowserv": {
            "path": "/flowserv/api/v1",
            "workflow": RANKED["id"],
            "workflow_without_ranking": PIPELINE["id"],
            "groups": [group["id"] for group in GROUPS],
            "runs": runs,
            "postprocessing": _show_postprocessing(run_control),
        },
        "users": users,
        "users_are_known": is_known,
        "api_key": _read_key(directory),
    }
    session.show(made, lambda: _show(made))


def _put_workflow(run_control: RunControl, workflow: Mapping[str, Any]) -> None:
    """Add a workflow, or a version of it if it is there and says something else."""
    params = {"workflow": dict(workflow), "user": USERS[0], "user_group": _GROUP}
    try:
        known = run_control.send_request(method="workflow_get", params={"workflow_id": workflow["id"]})["workflow"]
    except RequestFailedError:
        run_control.send_request(method="workflow_add", params=params)
        return
    if any(known.get(name) != value for name, value in workflow.items() if name in ("steps", "description")):
        run_control.send_request(method="workflow_update", params=params)


def _put_group(run_control: RunControl, group: Mapping[str, Any]) -> None:
    try:
        run_control.send_request(method="workflow_group_get", params={"group_id": group["id"]})
    except RequestFailedError:
        given = {name: value for name, value in group.items() if name != "owner"} | {"workflow_id": RANKED["id"]}
        params = {"group": given, "user": group["owner"], "user_group": _GROUP}
        run_control.send_request(method="workflow_group_add", params=params)


def _make_results(run_control: RunControl) -> list[str]:
    """Submit what is ranked, unless it was before, and wait until it has run; return the ids of the submissions.

    Raises:
        StateError: the system is busy.
        OperationFailedError: something does not end well.
    """
    listed = {"workflow_id": RANKED["id"], "limit": 1000}
    before = run_control.send_request(method="submission_list", params=listed)["submissions"]
    runs = [each["id"] for each in before if each["group_id"]]
    if not runs:
        require_idle(run_control)
        open_environment(run_control)
        runs = [_submit(run_control, group, arguments) for group, arguments in RESULTS]
    with run_control.notices([STATUS_TOPIC]) as notices:
        if not _have_ended(run_control, runs):
            run_control.send_request(method="queue_start")
        deadline_s = time.monotonic() + _PATIENCE_S
        while not (_have_ended(run_control, runs) and _is_processed(run_control)):
            if time.monotonic() > deadline_s:
                raise OperationFailedError(
                    f"The results are not complete after {_PATIENCE_S:g} s; see cuelight status."
                )
            notices.receive(_SILENCE_S)
            _start_if_waiting(run_control)
    return runs


def _submit(run_control: RunControl, group_id: str, arguments: Mapping[str, Any]) -> str:
    owner = next(group["owner"] for group in GROUPS if group["id"] == group_id)
    params = {"workflow_id": RANKED["id"], "group_id": group_id, "arguments": dict(arguments)}
    reply = run_control.send_request(method="submission_add", params={**params, "user": owner, "user_group": _GROUP})
    return reply["submission"]["id"]


def _have_ended(run_control: RunControl, runs: list[str]) -> bool:
    """Return whether all submissions were completed.

    Raises:
        OperationFailedError: one of them was not.
    """
    is_over = True
    for identity in runs:
        found = run_control.send_request(method="submission_get", params={"submission_id": identity})["submission"]
        if found["state"] in ("failed", "aborted", "halted", "unknown", "removed"):
            raise OperationFailedError(f"The submission {identity} is {found['state']}: {found['message']}")
        is_over = is_over and found["state"] in ("completed", "stopped")
    return is_over


def _is_processed(run_control: RunControl) -> bool:
    reply = run_control.send_request(method="workflow_get", params={"workflow_id": RANKED["id"]})
    return (reply["postprocessing"] or {}).get("state") == "completed"


def _start_if_waiting(run_control: RunControl) -> None:
    """Start the queue again: the post-processing may have come behind the last item."""
    status = run_control.send_request(method="status")
    if status["manager_state"] == "idle" and status["items_in_queue"]:
        run_control.send_request(method="queue_start")


def _show_postprocessing(run_control: RunControl) -> dict[str, Any]:
    reply = run_control.send_request(method="workflow_result_archive", params={"workflow_id": RANKED["id"]})
    files = [{"id": file["id"], "name": file["name"]} for file in reply["manifest"]]
    return {"id": reply["submission_id"], "files": files}


def _make_token(name: str, data: Path) -> str:
    """Return a new API key of an account, which is made if there is none.

    Raises:
        OperationFailedError: the gateway's accounts cannot be changed.
    """
    user, key = find_program("user"), find_program("key")
    if user is None or key is None:
        raise OperationFailedError("The gateway, which keeps the accounts, is not installed.")
    if name not in _run(user, "list", "--data", str(data)):
        _run(user, "add", name, "--service", "--role", "user", "--data", str(data))
    return _run(key, "add", name, "--data", str(data)).split()[-1]


def _run(program: Callable[[list[str]], int], *words: str) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = program(list(words))
    if code:
        raise OperationFailedError(f"'{' '.join(words)}' ended with exit code {code}.")
    return printed.getvalue()


def _is_known(http: str, token: str) -> bool:
    with RunControl(http, api_key=token) as gateway:
        try:
            gateway.send_request(method="status")
        except HTTPClientError:
            return False
    return True


def _read_key(data: Path) -> str | None:
    """Return the key of the single user, where there is one."""
    file = data / "api-key"
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def _find_http() -> str | None:
    file = os.environ.get("CUELIGHT_READY_FILE")
    return read_ready_file(Path(file), required=False).get("http") if file else None


def _show(made: Mapping[str, Any]) -> None:
    ica, flowserv = made["ica"], made["flowserv"]
    base = made["http"] or "http://HOST"
    render.print_fields(
        {
            "libica": f"{base}{ica['path']}, project {ica['project']}, pipeline {ica['pipeline']}",
            "flowserv": f"{base}{flowserv['path']}, workflow {flowserv['workflow']}",
            "groups": ", ".join(flowserv["groups"]),
            "runs": ", ".join(flowserv["runs"]),
            "post-processing": ", ".join(file["name"] for file in flowserv["postprocessing"]["files"]),
            **({"API key": made["api_key"]} if made["api_key"] else {}),
            **{f"token of {user['name']}": user["token"] for user in made["users"]},
        }
    )
    if made["msg"]:
        render.say(made["msg"])
