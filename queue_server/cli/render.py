"""How results are printed: JSON for machines, tables and lines for people. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TextIO

Row = Sequence[str]
Colour = Literal["yellow", "red", "green"]

_COLOURS: dict[Colour, int] = {"red": 31, "green": 32, "yellow": 33}


def print_json(value: object) -> None:
    """Print one JSON document."""
    _write(sys.stdout, json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_line(text: str) -> None:
    """Print a line of data."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """Tell a person something, beside the data."""
    _write(sys.stderr, text)


def print_fields(fields: Mapping[str, str]) -> None:
    """Print names and values below each other; empty values are left out."""
    width = max(map(len, fields))
    for name, value in fields.items():
        if value:
            _write(sys.stdout, f"{name:<{width}}  {value}")


def print_table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a table: drawn on a terminal, plain columns elsewhere."""
    rows = list(rows)
    if on_terminal():
        _draw(columns, rows)
        return
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
    for row in (columns, *rows):
        _write(sys.stdout, "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def paint(text: str, colour: Colour) -> str:
    """Return ``text`` in a colour, where somebody can see it."""
    if not on_terminal() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def on_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def show_time(seconds: float) -> str:
    """Return a time since 1970-01-01 UTC in the local time zone, or an empty string for 0."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def show_duration(seconds: float) -> str:
    """Return a duration in the largest units that fit: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def last_line(text: str) -> str:
    """Return the last line of a text that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def first_line(text: str) -> str:
    """Return the first line of a text that is not blank."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def field_in(value: Any, path: str) -> Any:
    """Return the part of a reply that a dotted path names, or None."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    # Data and talk keep their order where both go to the same file.
    stream.flush()


def _draw(columns: Sequence[str], rows: Iterable[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # a uid that is cut off is of no use
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
