"""The verb ``up``: its options are the settings."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from queue_server.config import Settings, load_settings


def up(**flags: Any) -> int:
    """Start supervisor and manager in the foreground, until Ctrl-C or SIGTERM.

    Every option is also an environment variable CUELIGHT_… and a key of the settings file cuelight.yaml in the
    directory --config; an option wins over the variable, that over the file.
    """
    from queue_server import supervisor

    return supervisor.run(load_settings(flags))


def _option(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    option = typer.Option(f"--{name.replace('_', '-')}", metavar=name.upper(), help=field.description)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str | None, option], default=None
    )


_options = [_option(name) for name in Settings.model_fields]
up.__signature__ = inspect.Signature(_options)  # type: ignore[attr-defined]
up.__annotations__ = {option.name: option.annotation for option in _options}
