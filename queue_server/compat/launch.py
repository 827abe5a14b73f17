"""``start-re-manager``: the whole system, started with the options, variables and files of bluesky-queueserver."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

import click

from queue_server import logs, supervisor
from queue_server.compat.launch_options import SECRET_VARIABLES
from queue_server.compat.launch_settings import Wishes, make_settings, read_wishes, save_settings
from queue_server.compat.qserver_parser import HelpWanted
from queue_server.config import Settings
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

SAVE_VARIABLE = "QSERVER_SETTINGS_SAVE_TO_FILE"


def main(arguments: Sequence[str] | None = None, *, program: str = "start-re-manager") -> int:
    """Serve until SIGTERM, Ctrl-C or ``manager_stop``; return the exit code, 1 for settings that cannot be used.

    Everything is written to standard output.
    """
    try:
        wishes = read_wishes(list(sys.argv[1:] if arguments is None else arguments), program, os.environ)
        pass_secrets(wishes, os.environ)
        settings, notes = make_settings(wishes)
    except HelpWanted as wanted:
        click.echo(str(wanted))
        return 0
    except CuelightError as error:
        click.echo(f"{program}: {error.message}")
        return 1
    logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
    for note in notes:
        _log.warning("%s", note)
    _save(wishes, settings)
    return supervisor.run(settings)


def pass_secrets(wishes: Wishes, environ: MutableMapping[str, str]) -> None:
    """Put the secrets where the manager process looks for them, and where no command line and no log shows them."""
    for name, variable in SECRET_VARIABLES.items():
        if wishes.given.get(name):
            environ[variable] = wishes.given[name]


def _save(wishes: Wishes, settings: Settings) -> None:
    target = os.environ.get(SAVE_VARIABLE)
    if not target:
        return
    path = Path(target).expanduser().absolute()
    try:
        save_settings(path, wishes, settings)
        _log.info("The settings are saved to %s", path)
    except OSError as error:
        _log.error("The settings cannot be saved to %s: %s", path, error)
