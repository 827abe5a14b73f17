"""The verbs about the installation: down, version."""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import Annotated

import typer

from queue_server import __version__
from queue_server.cli import render


def down(
    data: Annotated[
        Path | None,
        typer.Option(envvar="CUELIGHT_DATA", help="Data directory of the system; by default the one of 'cuelight up'."),
    ] = None,
    workers: Annotated[bool, typer.Option("--workers", help="End workers too, with the plans they run.")] = False,
) -> int:
    """End what 'cuelight up' has started; without --workers a running plan goes on in its worker."""
    from queue_server import supervisor
    from queue_server.config import default_data_directory

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return supervisor.stop((data or default_data_directory()).expanduser().absolute(), workers=workers)


def version(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Show the version of Cuelight and of the Python it runs on."""
    found = {"cuelight": __version__, "python": platform.python_version(), "platform": platform.platform()}
    render.print_json(found) if json else render.print_fields(found)
