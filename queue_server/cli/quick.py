"""The short way to a status: without Typer, whose import alone takes longer than the answer of the manager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queue_server.cli.session import COMMON, Session
from queue_server.cli.status import status

_OPTIONS = {option.flag: option for option in COMMON}


def run_status(words: Sequence[str]) -> bool:
    """Show the status if ``words`` are options that it has; return False if they need the whole command."""
    values = read_options(words)
    if values is None:
        return False
    session = Session(**values)
    try:
        status(session)
    finally:
        session.close()
    return True


def read_options(words: Sequence[str]) -> dict[str, Any] | None:
    """Return the values of common options, or None if a word is anything else."""
    values: dict[str, Any] = {}
    rest = list(words)
    while rest:
        flag, separator, value = rest.pop(0).partition("=")
        option = _OPTIONS.get(flag)
        if option is None or (option.kind is bool and separator):
            return None
        if option.kind is bool:
            values[option.name] = True
            continue
        if not separator and not rest:
            return None
        try:
            values[option.name] = option.kind(value if separator else rest.pop(0))
        except ValueError:
            return None
    return values
