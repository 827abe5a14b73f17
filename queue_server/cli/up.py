"""The verb ``up``: its options are the settings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.config import Settings, load_settings

_REPEATABLE = ("lanes",)
_FORMS = {"lanes": (("--lanes", "--lane"), "NAME=STARTUP")}


def up(**flags: Any) -> int:
    """Start supervisor and manager in the foreground, until Ctrl-C or SIGTERM.

    Every option is also an environment variable CUELIGHT_… and a key of the settings file cuelight.yaml in the
    directory --config; an option wins over the variable, that over the file.
    """
    from queue_server import supervisor

    return supervisor.run(load_settings(join_repeated(flags)))


def join_repeated(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags, with those that may be given several times as one text each, or None."""
    joined = {name: ",".join(flags.get(name) or ()) or None for name in _REPEATABLE}
    return {**flags, **joined}


def _option(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    flags, metavar = _FORMS.get(name, ((f"--{name.replace('_', '-')}",), name.upper()))
    option = typer.Option(*flags, metavar=metavar, help=field.description)
    kind: Any = list[str] | None if name in _REPEATABLE else str | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=None)


_options = [_option(name) for name in Settings.model_fields]
up.__signature__ = inspect.Signature(_options)  # type: ignore[attr-defined]
up.__annotations__ = {option.name: option.annotation for option in _options}
