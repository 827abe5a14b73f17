"""The verb ``demo``: start a system, run real work through it, show what came out, end it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from queue_server.cli import render
from queue_server.cli.demo.outcomes import show_outcomes
from queue_server.cli.demo.plans import is_expected, make_items
from queue_server.cli.demo.system import System, find_system, log_file_in, start_system
from queue_server.cli.demo.trial import run_plans
from queue_server.cli.failures import PLAN_FAILED
from queue_server.client import RunControl
from queue_server.protocol.errors import ParameterError


def demo(
    data: Annotated[Path, typer.Option(help="Data directory of the demonstration.")] = Path(".demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Stay up at the end and say how to connect.")] = False,
    epics: Annotated[
        Path | None,
        typer.Option(help="Directory with a soft IOC and startup code for it: run plans on its process variables."),
    ] = None,
    scanner: Annotated[
        bool, typer.Option("--scanner", help="A simulated scanner, and the reconstruction of what it acquires.")
    ] = False,
    batch: Annotated[
        Path | None, typer.Option(help="File of a workflow: submit 200 sets of parameters as one batch, and rank them.")
    ] = None,
) -> int:
    """Start a system in a directory of its own and run it: plans on simulated devices or EPICS, a scanner, a batch."""
    # Whatever ends the demonstration must not leave its processes behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data = data.expanduser().absolute()
    kinds = [name for name, given in (("--scanner", scanner), ("--epics", epics), ("--batch", batch)) if given]
    if len(kinds) > 1:
        raise ParameterError(f"{' and '.join(map(repr, kinds))} do not go together: give one of them.", field=kinds[0])
    if batch is not None:
        from queue_server.cli.demo.batch import demonstrate_batch

        return demonstrate_batch(data, batch.expanduser().absolute(), keep=keep)
    if scanner:
        from queue_server.cli.demo.scanner import demonstrate_scanner

        return demonstrate_scanner(data, keep=keep)
    if epics is None:
        return _demonstrate(data, keep=keep)
    if keep:
        raise ParameterError(
            "'--keep' does not go with '--epics': the IOC ends with the demonstration.", field="--keep"
        )
    from queue_server.cli.demo.epics import demonstrate_epics

    return demonstrate_epics(data, epics.expanduser().absolute())


def _demonstrate(data: Path, *, keep: bool) -> int:
    system = find_system(data)
    if system is not None:
        render.say(f"Using the system that already runs in {data}.")
    else:
        render.say(f"Starting supervisor and manager in {data} ...")
        system = start_system(data)
    finished = False
    try:
        with RunControl(system.control, system.info, timeout_s=10) as run_control:
            items = run_plans(run_control, make_items(), " The third one fails on purpose.")
        finished = True
    finally:
        if not (keep and finished):
            system.stop()
    show_outcomes(items)
    _show_places(system, kept=keep or system.process is None)
    return 0 if all(map(is_expected, items)) else PLAN_FAILED


def _show_places(system: System, *, kept: bool) -> None:
    data = system.data
    places = {
        "data": str(data),
        "queue, history": str(data / "queue.sqlite"),
        "logs": f"{log_file_in(data)}, {data / 'workers' / 'default.log'}",
    }
    if kept and system.http is not None:
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
