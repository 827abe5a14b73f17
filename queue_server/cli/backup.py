"""Verbs on stored data: backup, restore, verify, export and import. The data are touched by a process of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.data_program import find_data, run_on_data
from queue_server.protocol.errors import StateError

Data = Annotated[
    Path | None, typer.Option(envvar="CUELIGHT_DATA", help="Data directory; by default the one of 'cuelight up'.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

DAMAGED = 5


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; by default one more in the directory of the backups.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Write a complete, checked copy of the stored data, also while a manager runs; nobody waits for it."""
    report = _work("backup", data, file, as_json=json)
    _show(report, f"{report['file']} has everything up to event {report['last_seq']}.", as_json=json)


def restore(
    file: Annotated[
        Path | None, typer.Argument(help="The backup; by default the newest sound one of the data directory.")
    ] = None,
    data: Data = None,
    force: Annotated[bool, typer.Option("--force", help="Also a backup of another instance.")] = False,
    json: Json = False,
) -> None:
    """Put a backup in the place of the stored data, while neither manager nor workers run; the original is kept."""
    _refuse_workers(find_data(data))
    report = _work("restore", data, file, *(["--force"] if force else []), as_json=json)
    kept = f" What was there is kept in {report['kept']}." if report["kept"] else ""
    for passed_over in report["passed_over"]:
        render.say(f"Not used: {passed_over}")
    _show(
        report,
        f"{report['file']} was restored: everything up to event {report['last_seq']}.{kept} "
        "The environment is closed; what ran then is shown as unknown, and held.",
        as_json=json,
    )


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A backup; by default the data themselves, also while a manager runs.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Check every page, index and row of the stored data or of a backup; the exit code is 5 if something is wrong."""
    report = _work("verify", data, file, as_json=json)
    if report["sound"]:
        words = (
            f"{report['file']} is sound: instance {report['instance']}, epoch {report['epoch']}, "
            f"schema version {report['schema_version']}, everything up to event {report['last_seq']}."
        )
        _show(report, words, as_json=json)
        return 0
    if json:
        render.print_json(report)
    for fault in report["faults"]:
        render.say(f"Error: {fault}")
    return DAMAGED


def export(
    file: Annotated[Path, typer.Argument(help="Where to write; a file that is there is replaced.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Write queue and history as JSON lines, also while a manager runs."""
    report = _work("export", data, file, as_json=json)
    _show(report, _counted(report, "written to"), as_json=json)


def take_in(
    file: Annotated[Path, typer.Argument(help="What 'cuelight export' has written.")],
    data: Data = None,
    new_uids: Annotated[bool, typer.Option("--new-uids", help="Give items and submissions new uids.")] = False,
    json: Json = False,
) -> None:
    """Add queue and history from an export behind what is there, while no manager runs; all of it or nothing."""
    report = _work("import", data, file, *(["--new-uids"] if new_uids else []), as_json=json)
    _show(report, _counted(report, "read from"), as_json=json)


def _counted(report: dict[str, Any], what: str) -> str:
    return f"{report['finished']} finished and {report['queued']} waiting items were {what} {report['file']}."


def _show(report: dict[str, Any], words: str, *, as_json: bool) -> None:
    render.print_json({"success": True, "msg": "", **report}) if as_json else render.say(words)


def _refuse_workers(data: Path) -> None:
    """A worker that goes on with a plan which the restored data do not know could not be controlled."""
    from queue_server.supervisor import living_workers

    living = living_workers(data / "workers")
    if living:
        raise StateError(
            f"Workers of {data} still run (process {', '.join(map(str, living))}). "
            f"End them first: cuelight down --workers --data {data}"
        )


def _work(verb: str, data: Path | None, file: Path | None, *options: str, as_json: bool) -> dict[str, Any]:
    named = [] if file is None else [str(file.expanduser().absolute())]
    words = [verb, *named, "--data", str(find_data(data)), *options]
    return run_on_data("queue_server.storage", *words, as_json=as_json)
