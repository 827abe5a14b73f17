"""``cuelight gateway``: a gateway on its own, in front of any manager, with the options of start-bluesky-httpserver."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from http_gateway.config import GatewaySettings, Place, read_settings
from http_gateway.configuration_files import read_configuration
from http_gateway.environment import CONFIGURATION_NAME, read_environment
from http_gateway.processes import run
from http_gateway.server import Listener
from http_gateway.sources import HOST, PORT, Entries, Entry, combine
from queue_server import logs
from queue_server.protocol.errors import CuelightError, ParameterError
from queue_server.systemd import ServiceUnit

_log = logging.getLogger(__name__)

_OPTIONS: tuple[tuple[str, Place, str], ...] = (
    ("--host", HOST, "interface to listen on; by default 127.0.0.1"),
    ("--port", PORT, "port to listen on; by default 60610, and 0 is a free one"),
    ("--control", ("control",), "control socket of the manager; by default tcp://127.0.0.1:60615"),
    ("--info", ("info",), "notices of the manager; by default tcp://127.0.0.1:60625"),
    ("--encoding", ("encoding",), "encoding of the notices: json or msgpack"),
    ("--server-key", ("server_key",), "public CURVE key of the manager"),
    ("--tls-cert", ("tls_cert",), "certificate with its chain (PEM); read again when it has changed"),
    ("--tls-key", ("tls_key",), "private key of the certificate (PEM)"),
    ("--workers", ("workers",), "how many processes serve; by default 1"),
    ("--data", ("data",), "directory for accounts and keys; by default $XDG_STATE_HOME/cuelight/gateway"),
    ("--api-key-file", ("api_key_file",), "file of mode 0600 with the single-user API key"),
    ("--verbosity", ("verbosity",), "verbose, normal, quiet or silent"),
)
_PATHS = frozenset({"tls_cert", "tls_key", "data", "api_key_file"})


class HelpWanted(Exception):
    """The command line asks for help, which is the message."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the sources say together: plain values for the processes, the settings they make, and remarks."""

    values: Mapping[str, Any]
    settings: GatewaySettings
    notes: tuple[str, ...]
    ready_file: Path | None = None


class _Parser(argparse.ArgumentParser):
    """Raises what others print before they end the process."""

    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message[:1].upper()}{message[1:]}.\n{self.format_usage().rstrip()}")


def main(arguments: Sequence[str] | None = None, *, program: str = "start-bluesky-httpserver") -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code, 1 for settings that cannot be used."""
    try:
        wishes = read_wishes(list(sys.argv[1:] if arguments is None else arguments), program, os.environ)
        settings = wishes.settings
        logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
        for note in wishes.notes:
            _log.warning("%s", note)
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(_serve(wishes))
    except HelpWanted as wanted:
        click.echo(str(wanted), nl=False)
    except CuelightError as error:
        click.echo(f"{program}: {error.message}", err=True)
        return error.exit_code
    except OSError as error:
        click.echo(f"{program}: {error.strerror or error}", err=True)
        return 3
    return 0


def read_wishes(arguments: Sequence[str], program: str, environ: Mapping[str, str]) -> Wishes:
    """Return what environment, configuration files and options say; a later one wins, value by value.

    Raises:
        HelpWanted: the arguments ask for help.
        ParameterError: a source has a wrong or an unknown word; the message names it and its source.
    """
    given = _parse(arguments, program)
    of_environment = read_environment(environ)
    path = given.config_path or environ.get(CONFIGURATION_NAME)
    of_files = read_configuration(Path(path), environ) if path else {}
    values, sources = combine([_defaults(environ), of_environment.entries, of_files, _options(given)])
    settings = read_settings(values, sources)
    ready_file = Path(given.ready_file).expanduser().absolute() if given.ready_file else None
    return Wishes(values, settings, of_environment.notes, ready_file)


def _defaults(environ: Mapping[str, str]) -> Entries:
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return {("data",): Entry(str(Path(state) / "cuelight" / "gateway"), "The default data directory")}


def _options(given: argparse.Namespace) -> Entries:
    entries: Entries = {}
    for option, place, _ in _OPTIONS:
        value = getattr(given, option.strip("-").replace("-", "_"))
        if value is not None:
            shown = str(Path(value).expanduser().absolute()) if place[0] in _PATHS else value
            entries[place] = Entry(shown, f"The option {option}")
    if given.public:
        entries["authentication", "allow_anonymous_access"] = Entry(True, "The option --public")
    return entries


def _parse(arguments: Sequence[str], program: str) -> argparse.Namespace:
    parser = _Parser(
        prog=program,
        add_help=False,
        allow_abbrev=False,
        description="Serve HTTP and WebSockets in front of a manager.",
        epilog="The variables and configuration files of bluesky-httpserver are read too; "
        f"{CONFIGURATION_NAME} names a file. An option wins over a file, that over a variable.",
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this help")
    for option, _, text in _OPTIONS:
        parser.add_argument(option, help=text)
    parser.add_argument("--public", action="store_true", help="admit callers without any credential to the status")
    parser.add_argument("--config-path", "--config_path", help="configuration file, or a directory of such files")
    parser.add_argument("--ready-file", help="written once the gateway serves: its addresses as JSON, mode 0600")
    given = parser.parse_args(arguments)
    if given.help:
        raise HelpWanted(parser.format_help())
    return given


async def _serve(wishes: Wishes) -> None:
    stop = asyncio.Event()
    unit = ServiceUnit.take()

    def end() -> None:
        unit.tell_stopping()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)

    def ready(http: str, url: str) -> None:
        _log.info("The gateway serves %s", url)
        unit.tell_ready(f"serves {url}")
        if wishes.ready_file is not None:
            _write_ready_file(wishes.ready_file, {"http": url, "address": http, "pid": os.getpid()})

    try:
        await run(wishes.values, Listener(ready, unit.tell_alive), stop)
    finally:
        unit.close()
        if wishes.ready_file is not None:
            wishes.ready_file.unlink(missing_ok=True)


def _write_ready_file(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(json.dumps(content) + "\n")
    temporary.replace(path)
