"""The verb ``doctor``: looks at everything, changes nothing, and says what to do about each finding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from queue_server.cli import render
from queue_server.cli.doctor.finding import EXIT_CODES, Finding, Level, quoted, worst_of
from queue_server.cli.doctor.survey import Patience, examine
from queue_server.config import SETTINGS_FILE, Settings, default_data_directory, load_settings
from queue_server.protocol.errors import ParameterError

_COLOURS: dict[Level, render.Colour] = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor(
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="CUELIGHT_DATA", readable=False, help="Data directory; by default the one of 'cuelight up'."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="CUELIGHT_CONFIG", help="Directory with the settings file that the system was started with."
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="CUELIGHT_READY_FILE", help="The ready file of the system, if it has one."),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60.0, help="Seconds to wait for each answer.")
    ] = 3.0,
    store_timeout_s: Annotated[
        float,
        typer.Option("--store-timeout", min=1.0, max=86400.0, help="Seconds to wait for the examination of the store."),
    ] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Report what is wrong with store, host and processes, and the command that helps; change nothing.

    It works whether or not a manager runs. The exit code is 0 if all is well, 1 with warnings, 2 with failures.
    """
    settings, findings = read_settings({"data": data, "config": config, "ready_file": ready_file})
    findings += examine(settings, Patience(timeout_s, store_timeout_s))
    if json:
        render.print_json(report(findings, settings.data))
    else:
        show(findings, settings.data)
    return EXIT_CODES[worst_of(findings)]


def read_settings(flags: dict[str, Path | None]) -> tuple[Settings, list[Finding]]:
    """Return the settings, and a finding if they cannot be used; then they are the defaults with the data directory."""
    try:
        return load_settings(flags), []
    except ParameterError as error:
        data = (flags["data"] or default_data_directory()).expanduser().absolute()
        settings = Settings.model_construct(data=data, ready_file=flags["ready_file"])
        text = f"The settings cannot be used, so that a start would fail: {error.message}"
        return settings, [Finding("settings", "failure", text, _correction(flags["config"], error))]


def report(findings: Sequence[Finding], data: Path) -> dict[str, object]:
    """Return what ``--json`` prints."""
    level = worst_of(findings)
    return {
        "success": level != "failure",
        "msg": summarize(findings),
        "level": level,
        "exit_code": EXIT_CODES[level],
        "data": str(data),
        "findings": [asdict(finding) for finding in findings],
    }


def show(findings: Sequence[Finding], data: Path) -> None:
    """Print a line for each finding, and under it what to do."""
    width = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        mark = render.paint(f"{finding.level:<7}", _COLOURS[finding.level])
        render.print_line(f"{mark}  {finding.check:<{width}}  {finding.text}")
        if finding.action:
            render.print_line(f"{'':<7}  {'':<{width}}  → {finding.action}")
    render.say(f"{data}: {summarize(findings)}")


def summarize(findings: Sequence[Finding]) -> str:
    """Return how many findings of each grave kind there are."""
    counts = [(sum(f.level == level for f in findings), level) for level in ("failure", "warning")]
    parts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return f"{', '.join(parts)}." if parts else "all is well."


def _correction(config: Path | None, error: ParameterError) -> str:
    if config is not None:
        return f"$EDITOR {quoted(config / SETTINGS_FILE)}"
    return f"env | grep -i CUELIGHT_{error.field or ''}"
