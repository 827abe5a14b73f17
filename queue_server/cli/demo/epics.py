"""The demonstration on EPICS: plans move process variables of an IOC, and a third party sees that they have moved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from queue_server.cli import render
from queue_server.cli.demo.outcomes import show_outcomes
from queue_server.cli.demo.plans import EPICS_PLANS, is_expected, make_items
from queue_server.cli.demo.soft_ioc import SoftIoc
from queue_server.cli.demo.system import find_system, log_file_in, start_system
from queue_server.cli.demo.trial import run_plans
from queue_server.cli.failures import PLAN_FAILED, OperationFailedError
from queue_server.client import RunControl
from queue_server.protocol.errors import ParameterError, StateError

PREFIX = "CUELIGHT:"

_AXES = ("X", "Y")
_POSITIONS = tuple(f"{PREFIX}{axis}:READBACK" for axis in _AXES)
_MOVES = tuple(f"{PREFIX}{axis}:MOVES" for axis in _AXES)
_TRACE = f"{PREFIX}DIODE:TRACE"

# What the devices of the startup code call the position of an axis and the counts of the diode.
_AXIS_KEYS = ("stage_x_readback", "stage_y-readback")
_COUNTS_KEY = "diode-counts"


def demonstrate_epics(data: Path, directory: Path) -> int:
    """Start the IOC of a directory and a system with its startup code, run plans, compare data and IOC, end all.

    Raises:
        ParameterError: the directory has no IOC.
        StateError: a system runs in the data directory already.
        OperationFailedError: something did not start, or the IOC did not do what the data says.
    """
    if not (directory / "ioc.py").is_file():
        raise ParameterError(f"'--epics': there is no file 'ioc.py' in {directory}.", field="--epics")
    if find_system(data) is not None:
        raise StateError(f"A system already runs in {data}. End it with 'cuelight down --data {data} --workers'.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    documents = data / "documents.jsonl"
    documents.unlink(missing_ok=True)
    render.say("Starting a soft IOC on loopback ...")
    with SoftIoc.start(directory, PREFIX, data / "ioc.log") as ioc:
        before = ioc.read([*_POSITIONS, *_MOVES])
        items = _run(data, directory / "startup", {**ioc.variables, "EPICS_DEMO_DOCUMENTS": str(documents)})
        after = ioc.read([*_POSITIONS, *_MOVES, _TRACE])
    show_outcomes(items)
    _show_variables(before, after)
    if not all(map(is_expected, items)):
        return PLAN_FAILED
    _show_agreement(_read_events(documents), after)
    render.print_fields({"data": str(documents), "logs": f"{log_file_in(data)}, {data / 'workers' / 'default.log'}"})
    return 0


def _run(data: Path, startup: Path, variables: Mapping[str, str]) -> list[dict[str, Any]]:
    render.say(f"Starting supervisor and manager in {data} ...")
    system = start_system(data, str(startup), {**variables, "EPICS_DEMO_PREFIX": PREFIX})
    try:
        with RunControl(system.control, system.info, timeout_s=10) as run_control:
            return run_plans(run_control, make_items(EPICS_PLANS))
    finally:
        system.stop()


def _read_events(documents: Path) -> list[dict[str, Any]]:
    """Return the data of all events, in order."""
    lines = map(json.loads, documents.read_text(encoding="utf-8").splitlines())
    return [document["data"] for name, document in lines if name == "event"]


def _show_variables(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    rows = [(name, f"{before[name]:g}", f"{after[name]:g}") for name in before]
    render.print_table(("PROCESS VARIABLE", "BEFORE", "AFTER"), rows)
    render.print_line("")


def _show_agreement(events: Sequence[Mapping[str, Any]], after: Mapping[str, Any]) -> None:
    """Say that the data came from the IOC.

    Raises:
        OperationFailedError: it did not.
    """
    counts = [event[_COUNTS_KEY] for event in events]
    if not counts or counts != after[_TRACE][-len(counts) :]:
        raise OperationFailedError(f"The data has the counts {counts}, but the IOC has measured {after[_TRACE]}.")
    last = [events[-1][key] for key in _AXIS_KEYS]
    if last != [after[name] for name in _POSITIONS]:
        raise OperationFailedError(f"The data ends at {last}, but the IOC is elsewhere: {after}.")
    render.print_line(
        f"The {len(counts)} counts in the data, from {min(counts):g} to {max(counts):g}, are those that the"
    )
    render.print_line("IOC has measured, in their order; both axes are where the last event says.")
