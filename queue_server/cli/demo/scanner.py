"""The demonstration with a scanner: one submission acquires k-space and reconstructs an image from it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from queue_server.cli import render
from queue_server.cli.credentials_file import credentials_in, new_credentials_file
from queue_server.cli.demo.leftovers import clear_leftovers
from queue_server.cli.demo.outcomes import show_lanes
from queue_server.cli.demo.picture import read_image, show_picture
from queue_server.cli.demo.plans import MARK, USER, is_expected
from queue_server.cli.demo.reconstruction import IMAGE, PICTURE, Reconstruction, read_reconstruction
from queue_server.cli.demo.scanner_process import ScannerProcess, words_for
from queue_server.cli.demo.submission import run_submission
from queue_server.cli.demo.system import System, find_system, log_file_in, start_system
from queue_server.cli.failures import PLAN_FAILED, OperationFailedError
from queue_server.client import RequestFailedError, RunControl
from queue_server.protocol.errors import StateError

COMPUTE: Final = "compute"
KSPACE: Final = "kspace.npy"
SEQUENCE: Final[Mapping[str, Any]] = {"size": 128, "coils": 8, "noise": 0.01, "seed": 7, "repetition_s": 0.01}

_LIBRARIES = ("cloudpickle", "cryptography", "dask", "distributed", "PIL")
_OPEN_PATIENCE_S = 90.0
_CONNECT_PATIENCE_S = 30.0


def demonstrate_scanner(data: Path, *, keep: bool) -> int:
    """Start a system with a lane of graphs, and a simulated scanner; let both do one submission, and show what it made.

    Raises:
        OperationFailedError: a library is missing, something did not start, or the image is not as it should be.
        StateError: a system without a lane of graphs runs in the data directory, or a queue holds what is not ours.
    """
    _require_libraries()
    system = _open_system(data)
    finished = False
    try:
        with RunControl(system.control, system.info, timeout_s=10) as run_control:
            items = _run(run_control, system)
            kspace = _find_kspace(run_control, data, items[0])
        finished = True
    finally:
        if not (keep and finished):
            system.stop()
    show_lanes(items)
    if len(items) < 2 or not all(map(is_expected, items)):
        render.print_line(f"Not everything has run; see {log_file_in(data)} and {data / 'scanner.log'}.")
        return PLAN_FAILED
    result = read_reconstruction(data, COMPUTE, items[1]["item_uid"])
    _show_reconstruction(result)
    _show_places(data, result, kspace)
    result.check(SEQUENCE["coils"])
    if keep or system.process is None:
        _show_ways(system)
    return 0


def make_items(device_id: str) -> list[dict[str, Any]]:
    """Return the submission: an acquisition in the lane of the device, and what is made of its file afterwards."""
    sequence = {"name": "spin echo of the phantom", "seq_file": json.dumps(SEQUENCE)}
    return [
        {
            "item_type": "acquisition",
            "lane": device_id,
            "name": "acquire",
            "kwargs": {"sequence": sequence},
            "meta": MARK,
        },
        {
            "item_type": "dag",
            "lane": COMPUTE,
            "name": "reconstruct_image",
            "kwargs": {"kspace": {"item": 0, "file": KSPACE}},
            "after": [0],
            "meta": MARK,
        },
    ]


def _require_libraries() -> None:
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise OperationFailedError(
            f"The reconstruction needs {', '.join(missing)}, which is not installed: pip install 'cuelight[compute]'"
        )


def _open_system(data: Path) -> System:
    system = find_system(data)
    if system is not None:
        render.say(f"Using the system that already runs in {data}.")
        return system
    render.say(f"Starting supervisor, manager and gateway in {data} ...")
    return start_system(data, lanes=[f"{COMPUTE}=graphs:sim"])


def _run(run_control: RunControl, system: System) -> list[dict[str, Any]]:
    if system.http is None:
        raise StateError(f"The system in {system.data} has no gateway, to which a scanner could connect.")
    _prepare(run_control, system.data)
    credentials = _register(run_control, system.data)
    device_id = json.loads(credentials.read_text(encoding="utf-8"))["device_id"]
    clear_leftovers(run_control, device_id)
    render.say("Starting a simulated scanner ...")
    with ScannerProcess.start(system.http, credentials, system.data / "scanner.log") as scanner:
        _await_scanner(run_control, device_id, scanner)
        render.say("One submission: acquire k-space with the scanner, then reconstruct the image from it.")
        return run_submission(run_control, make_items(device_id), COMPUTE, scanner.check)


def _prepare(run_control: RunControl, data: Path) -> None:
    """Open the lane of graphs, and empty it.

    Raises:
        StateError: there is none, it is busy, or it holds what no demonstration has added.
        OperationFailedError: it did not open.
    """
    lane = _lane_in(run_control.send_request(method="status"), COMPUTE)
    if lane is None:
        raise StateError(
            f"The system in {data} has no lane {COMPUTE!r}. End it with 'cuelight down --data {data} --workers'."
        )
    if lane["manager_state"] != "idle":
        raise StateError(f"The lane {COMPUTE!r} is busy. Wait for its end, or end it with 'cuelight down'.")
    clear_leftovers(run_control, COMPUTE)
    if lane["worker_environment_exists"]:
        return
    render.say("Opening the lane of graphs ...")
    run_control.send_request(method="environment_open", params={"lane": COMPUTE})
    status = run_control.wait_for_status(lambda status: not _is_opening(status), _OPEN_PATIENCE_S)
    lane = _lane_in(status, COMPUTE)
    if lane is None or not lane["worker_environment_exists"]:
        raise OperationFailedError(f"The lane of graphs did not open: {lane['reason'] if lane else 'it is gone'}")


def _register(run_control: RunControl, data: Path) -> Path:
    """Return the credentials of the scanner of this directory, which is registered if it is not known."""
    path = data / "device_credentials.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))["device_id"]
        try:
            run_control.send_request(method="device_get", params={"device_id": known})
        except RequestFailedError:
            path.unlink()
        else:
            return path
    with new_credentials_file(path) as file:
        made = run_control.send_request(
            method="device_create",
            params={"name": "simulated scanner", "description": "makes k-space of a phantom", **USER},
        )
        file.write(credentials_in(made))
    return path


def _await_scanner(run_control: RunControl, device_id: str, scanner: ScannerProcess) -> None:
    def is_there(status: Mapping[str, Any]) -> bool:
        scanner.check()
        lane = _lane_in(status, device_id)
        return lane is not None and lane["worker_environment_exists"]

    try:
        run_control.wait_for_status(is_there, _CONNECT_PATIENCE_S)
    except TimeoutError as error:
        raise OperationFailedError(f"The scanner has not connected within {_CONNECT_PATIENCE_S:g} s.") from error


def _find_kspace(run_control: RunControl, data: Path, acquisition: Mapping[str, Any]) -> Path | None:
    """Return where the file of an acquisition lies; None if it has left none."""
    # An acquisition that names no exam task has one of its own, with its uid.
    task = run_control.send_request(method="exam_task_get", params={"task_id": acquisition["item_uid"]})["task"]
    files = [result["meta"]["artifacts"] for result in task["results"] if KSPACE in result["files"]]
    if not files:
        return None
    identifier = files[-1][KSPACE]["artifact_id"]
    return data / "artifacts" / identifier[:2] / identifier


def _is_opening(status: Mapping[str, Any]) -> bool:
    lane = _lane_in(status, COMPUTE)
    return lane is not None and lane["manager_state"] == "creating_environment"


def _lane_in(status: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((lane for lane in status["lanes"] if lane["lane"] == name), None)


def _show_reconstruction(result: Reconstruction) -> None:
    rows = [
        (process, str(sum(counts.values())), ", ".join(f"{name} x {number}" for name, number in counts.items()))
        for process, counts in result.processes.items()
    ]
    render.print_table(("PROCESS", "NODE CALLS", "NODES"), rows)
    render.print_line("")
    metrics = result.metrics
    render.print_line(
        f"{len(result.nodes)} node calls, up to {result.width} side by side, on {len(result.processes)} processes. "
        f"The image differs from the phantom by {metrics['error']:.4f} (root mean square; the skull has 1)."
    )
    render.print_line("")
    show_picture(read_image(result.directory / IMAGE))


def _show_places(data: Path, result: Reconstruction, kspace: Path | None) -> None:
    render.print_fields(
        {
            "k-space": str(kspace or ""),
            "picture": str(result.directory / PICTURE),
            "image": str(result.directory / IMAGE),
            "all files": str(result.directory / "manifest.json"),
            "data": str(data),
            "logs": f"{log_file_in(data)}, {data / 'workers' / f'{COMPUTE}.log'}, {data / 'scanner.log'}",
        }
    )


def _show_ways(system: System) -> None:
    words = shlex.join([sys.executable, "-m", *words_for(system.http or "", system.data / "device_credentials.json")])
    render.print_line(f"""
Still running, except for the scanner. To connect it again:

    {words}

From the shell:

    export CUELIGHT_READY_FILE={system.ready_file}
    cuelight device list

End it with: cuelight down --data {system.data} --workers""")
