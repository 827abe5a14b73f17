"""Verbs on artifacts: how much they take, what nothing refers to, and the rules of their directory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from queue_server.cli import render
from queue_server.cli.data_program import find_data, run_on_data
from queue_server.protocol.errors import ParameterError

Data = Annotated[
    Path | None, typer.Option(envvar="CUELIGHT_DATA", help="Data directory; by default the one of 'cuelight up'.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

NO_LIMIT: Final = "none"
_UNITS: Final = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-zA-Z]*)")


def usage(data: Data = None, json: Json = False) -> None:
    """Show how much artifacts take, how much of it nothing refers to, and the rules; nothing is changed."""
    report = _work("usage", data, as_json=json)
    if json:
        render.print_json(report)
        return
    render.print_fields(
        {
            "artifacts": _count(report["files"], report["size_bytes"]),
            "without reference": _count(report["unreferenced_files"], report["unreferenced_bytes"]),
            **_describe_rules(report),
        }
    )


def sweep(
    keep_days: Annotated[
        float | None, typer.Option(help="Keep what was stored in the last days; by default as the rules say.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Remove artifacts that nothing refers to: no item, no result, no record. Also while a manager runs."""
    options = [] if keep_days is None else ["--keep-days", str(keep_days)]
    report = _work("sweep", data, *options, as_json=json)
    if json:
        render.print_json(report)
    else:
        removed = _count(report["removed_files"], report["removed_bytes"])
        kept = _count(report["files"] - report["removed_files"], report["size_bytes"] - report["removed_bytes"])
        render.say(f"Removed: {removed}. Kept: {kept}.")


def limit(
    quota: Annotated[
        str | None, typer.Option(help="How much artifacts may take in all, such as 500GB; 'none' for no limit.")
    ] = None,
    keep_days: Annotated[
        str | None,
        typer.Option(help="How many days what nothing refers to is kept, at least 1; 'none': until a sweep by hand."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Set the rules of the directory of artifacts; what is not given stays. They hold at once for all processes."""
    if quota is None and keep_days is None:
        raise ParameterError("Give '--quota', '--keep-days' or both; 'cuelight artifacts usage' shows the rules.")
    rules = _work("usage", data, as_json=json)
    values = {
        "--quota-bytes": rules["quota_bytes"] if quota is None else read_size(quota),
        "--keep-days": rules["keep_days"] if keep_days is None else _read_days(keep_days),
    }
    options = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    report = _work("limit", data, *options, as_json=json)
    if json:
        render.print_json(report)
    else:
        render.print_fields(_describe_rules(report))


def read_size(text: str) -> int | None:
    """Return a size in bytes; None for no limit.

    Raises:
        ParameterError: it is none.
    """
    if text == NO_LIMIT:
        return None
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ParameterError(
            f"'--quota' must be a number with {', '.join(filter(None, _UNITS))}, or '{NO_LIMIT}', not {text!r}.",
            field="--quota",
        )
    return round(float(match[1]) * _UNITS[match[2]])


def show_size(size_bytes: float) -> str:
    """Return a size in words, with three digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} TB"


def _read_days(text: str) -> float | None:
    if text == NO_LIMIT:
        return None
    try:
        return float(text)
    except ValueError:
        message = f"'--keep-days' must be a number or '{NO_LIMIT}', not {text!r}."
        raise ParameterError(message, field="--keep-days") from None


def _count(files: int, size_bytes: int) -> str:
    return f"{files} files, {show_size(size_bytes)}"


def _describe_rules(report: dict[str, Any]) -> dict[str, str]:
    quota_bytes, keep_days = report["quota_bytes"], report["keep_days"]
    return {
        "quota": "none" if quota_bytes is None else show_size(quota_bytes),
        "keep without reference": "until a sweep by hand" if keep_days is None else f"{keep_days:g} days",
    }


def _work(verb: str, data: Path | None, *options: str, as_json: bool) -> dict[str, Any]:
    return run_on_data("queue_server.retention", verb, str(find_data(data)), *options, as_json=as_json)
