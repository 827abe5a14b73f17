"""The demonstration of a batch: one workflow with 200 sets of parameters, executed, ranked, the best taken home."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from queue_server.cli import render
from queue_server.cli.demo.leftovers import clear_leftovers
from queue_server.cli.demo.plans import USER
from queue_server.cli.demo.system import System, find_system, log_file_in, start_system
from queue_server.cli.demo.trial import open_environment, require_idle
from queue_server.cli.failures import PLAN_FAILED, OperationFailedError
from queue_server.cli.files import read_document
from queue_server.client import RunControl
from queue_server.client.blocking import Notices
from queue_server.client.notices import STATUS_TOPIC
from queue_server.protocol.errors import StateError

SWEEP: Final[Mapping[str, Any]] = {
    "kind": "grid",
    "parameters": {
        "bend": {"start": -1.0, "stop": 1.0, "num": 20},
        "exposure": [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0],
    },
    "base": {"points": 25},
}
SHOWN: Final = 10
ARCHIVE: Final = "best.tar.gz"

_WAITING: Final = ("queued", "held", "running", "paused", "uploading")
_SILENCE_S: Final = 10.0
_LOOK_EACH_S: Final = 0.5
_PATIENCE_S: Final = 300.0


def demonstrate_batch(data: Path, workflow_file: Path, *, keep: bool) -> int:
    """Start a system, submit a sweep over a workflow as one batch, and show what it is ranked as.

    Raises:
        ParameterError: the file holds no workflow.
        OperationFailedError: something did not start, takes too long, or the archive cannot be fetched.
        StateError: the system is busy, or its queue holds what is not ours.
    """
    workflow = read_document(str(workflow_file))
    system = _open_system(data)
    finished = False
    try:
        with RunControl(system.control, system.info, timeout_s=30) as run_control:
            workflow_id = _add_workflow(run_control, workflow)
            require_idle(run_control)
            clear_leftovers(run_control)
            open_environment(run_control)
            batch = _create(run_control, workflow_id)
            counts = _run(run_control, batch["id"], batch["size"])
            best = _show_ranking(run_control, workflow_id, batch["id"])
            archive = _fetch_archive(system, data / ARCHIVE, best["submission_id"]) if best else None
        finished = True
    finally:
        if not (keep and finished):
            system.stop()
    if counts.get("completed", 0) != batch["size"] or archive is None:
        render.print_line(f"Not everything was completed and ranked: {dict(counts)}; see {log_file_in(data)}.")
        return PLAN_FAILED
    _show_places(system, batch["id"], archive, kept=keep or system.process is None)
    return 0


def _open_system(data: Path) -> System:
    system = find_system(data)
    if system is not None:
        render.say(f"Using the system that already runs in {data}.")
        return system
    render.say(f"Starting supervisor, manager and gateway in {data} ...")
    return start_system(data)


def _add_workflow(run_control: RunControl, workflow: object) -> str:
    """Add the workflow, or a new version of it where there is one of that id."""
    known = run_control.send_request(method="workflow_list", params={"limit": 1000})["workflows"]
    named = workflow.get("id") if isinstance(workflow, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    method = "workflow_update" if any(each["id"] == named for each in known) else "workflow_add"
    return run_control.send_request(method=method, params={"workflow": workflow, **USER})["workflow"]["id"]


def _create(run_control: RunControl, workflow_id: str) -> dict[str, Any]:
    began_s = time.monotonic()
    params = {"name": "demonstration", "workflow_id": workflow_id, "sweep": SWEEP, **USER}
    batch = run_control.send_request(method="batch_create", params=params)["batch"]
    taken_ms = (time.monotonic() - began_s) * 1000
    render.say(f"One batch of {batch['size']} scans, created in {taken_ms:.0f} ms.")
    return batch


def _run(run_control: RunControl, batch_id: str, size: int) -> Mapping[str, int]:
    """Run the queue until nothing of the batch waits; return how many ended how.

    Raises:
        OperationFailedError: the queue stopped early, or it takes too long.
    """
    deadline_s, began_s = time.monotonic() + _PATIENCE_S, time.monotonic()

    def count() -> Mapping[str, int]:
        return run_control.send_request(method="batch_get", params={"batch_id": batch_id})["batch"]["counts"]

    with run_control.notices([STATUS_TOPIC]) as notices, _Progress(size) as progress:
        run_control.send_request(method="queue_start")
        while (left := sum((counts := count()).get(state, 0) for state in _WAITING)) > 0:
            progress.show(size - left)
            if time.monotonic() > deadline_s:
                raise OperationFailedError(f"The batch has not ended after {_PATIENCE_S:g} s: {dict(counts)}")
            if _is_idle(notices) and not _is_running(run_control, count):
                raise OperationFailedError(f"The queue stopped before the batch had ended: {dict(count())}")
        progress.show(size)
    render.say(f"{size} scans in {time.monotonic() - began_s:.1f} s.")
    return counts


def _is_idle(notices: Notices) -> bool:
    """Wait for a change; return whether the newest of all that came says that nothing runs."""
    notice = notices.receive(_SILENCE_S)
    # Several plans may end in a second, and each changes the status several times.
    until_s = time.monotonic() + _LOOK_EACH_S
    while (left_s := until_s - time.monotonic()) > 0:
        notice = notices.receive(left_s) or notice
    return notice is None or (notice.status or {}).get("manager_state") == "idle"


def _is_running(run_control: RunControl, count: Callable[[], Mapping[str, int]]) -> bool:
    """Whether the queue runs, or has ended with the batch: a notice may be older than the start."""
    is_idle = run_control.send_request(method="status")["manager_state"] == "idle"
    return not is_idle or not any(count().get(state) for state in _WAITING)


class _Progress:
    """A bar on a terminal, and a line for each quarter elsewhere."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._told = 0
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if render.on_terminal():
            from rich.progress import Progress

            self._bar = Progress()
            self._bar.add_task("scans", total=self._size)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)
        elif 4 * done // self._size > self._told:
            self._told = 4 * done // self._size
            render.print_line(f"{done} of {self._size} scans done")


def _show_ranking(run_control: RunControl, workflow_id: str, batch_id: str) -> Mapping[str, Any] | None:
    """Show the best of the batch, and return the first of them; None if none is ranked."""
    params = {"workflow_id": workflow_id, "include_all": True}
    reply = run_control.send_request(method="workflow_ranking", params=params)
    ours = [entry for entry in reply["ranking"] if _find(run_control, entry)["batch_id"] == batch_id][:SHOWN]
    columns = [column["name"] for column in reply["schema"]["columns"]]
    rows = [
        (str(rank), *_show_arguments(_find(run_control, entry)), *(f"{entry['values'][name]:.4g}" for name in columns))
        for rank, entry in enumerate(ours, 1)
    ]
    render.print_table(("RANK", "BEND", "EXPOSURE", *(name.upper() for name in columns)), rows)
    return ours[0] if ours else None


def _find(run_control: RunControl, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    params = {"submission_id": entry["submission_id"]}
    return run_control.send_request(method="submission_get", params=params)["submission"]


def _show_arguments(submission: Mapping[str, Any]) -> tuple[str, str]:
    arguments = submission["arguments"]
    return f"{arguments['bend']:.3f}", f"{arguments['exposure']:g} s"


def _fetch_archive(system: System, file: Path, submission_id: str) -> Path:
    """Fetch the files of a submission through the gateway.

    Raises:
        StateError: there is no gateway.
        HTTPRequestError: it does not hand them out.
    """
    if system.http is None:
        raise StateError(f"The system in {system.data} has no gateway, which hands files out.")
    path = f"/v1/submissions/{submission_id}/archive"
    with RunControl(system.http, api_key=system.data / "api-key") as gateway, file.open("wb") as archive:
        gateway.download(path, archive.write)
    return file


def _show_places(system: System, batch_id: str, archive: Path, *, kept: bool) -> None:
    import tarfile

    with tarfile.open(archive) as opened:
        members = ", ".join(opened.getnames())
    places = {"files of the best": f"{archive} ({members})", "batch": batch_id, "data": str(system.data)}
    if kept and system.http is not None:
        places |= {"HTTP": system.http, "API key": str(system.data / "api-key")}
    render.print_fields(places)
    if kept:
        render.print_line(f"""
Still running. From the shell:

    export CUELIGHT_READY_FILE={system.ready_file}
    cuelight batch show {batch_id}
    cuelight workflow rank rocking-curve
    cuelight runs list

End it with: cuelight down --data {system.data} --workers""")
