"""What ``qserver`` prints, in the layout that scripts know: arguments, time, reply. Data on stdout, talk on stderr."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

# Descriptions of plans and devices fill screens; their names are what a person looks for.
_LONG_MAPS = ("plans_allowed", "plans_existing", "devices_allowed", "devices_existing")


def show_arguments(words: tuple[str, ...]) -> None:
    """Print the command."""
    click.echo(f"Arguments: {list(words)}")


def show_reply(reply: Mapping[str, Any], wall_s: float) -> None:
    """Print a reply that came at ``wall_s`` (seconds since 1970-01-01 UTC)."""
    shortened = {name: _shorten(name, value) for name, value in reply.items()}
    click.echo(f"{_show_time(wall_s)} - MESSAGE: \n{pprint.pformat(shortened, sort_dicts=False)}")


def show_silence(text: str, wall_s: float) -> None:
    """Print that no reply came, and why."""
    click.echo(f"{_show_time(wall_s)} - ERROR: {text}")


def show_line(text: str) -> None:
    """Print a line of data."""
    click.echo(text)


def say(program: str, text: str) -> None:
    """Tell a person something, beside the data."""
    click.echo(f"{program}: {text}", err=True)


def _shorten(name: str, value: Any) -> Any:
    return dict.fromkeys(value, "{...}") if name in _LONG_MAPS and isinstance(value, Mapping) else value


def _show_time(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s).astimezone().strftime("%H:%M:%S")
