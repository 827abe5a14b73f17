"""``qserver-console-monitor``: prints the console output that a manager publishes. Sends nothing to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence

import click
from msgspec import Struct

from queue_server.client import RunControl
from queue_server.client.addresses import DEFAULT_CONTROL, DEFAULT_INFO, find_addresses
from queue_server.client.notices import CONSOLE_TOPIC
from queue_server.compat.qserver_parser import ENCODING_NAME, HelpWanted, OptionParser, read_encoding
from queue_server.protocol.errors import CuelightError

ADDRESS_NAME = "QSERVER_ZMQ_INFO_ADDRESS"


class Options(Struct, frozen=True):
    """What a command line says: the socket to listen to, and whether it was named by the deprecated option."""

    address: str
    deprecated: bool = False


def main(arguments: Sequence[str] | None = None, *, program: str = "qserver-console-monitor") -> int:
    """Print console output until Ctrl-C, or until nobody reads it; return 0, or 1 for wrong options."""
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments, program, os.environ)
        if options.deprecated:
            click.echo(f"{program}: --zmq-subscribe-addr is deprecated; use --zmq-info-addr.", err=True)
        # The address of the control socket is not used, but without one the environment would be searched for it.
        with (
            RunControl(DEFAULT_CONTROL, options.address) as run_control,
            run_control.notices([CONSOLE_TOPIC]) as notices,
        ):
            click.echo(f"{program}: listening to {options.address}, topic {CONSOLE_TOPIC}; Ctrl-C ends it.", err=True)
            show(notices.console())
    except HelpWanted as wanted:
        click.echo(str(wanted))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # What is still buffered has no reader either; Python would complain about it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CuelightError as error:
        click.echo(f"{program}: {error.message}", err=True)
        return 1
    return 0


def read_options(arguments: Sequence[str], program: str, environ: Mapping[str, str]) -> Options:
    """Return the options of a command line; an option wins over the environment.

    Raises:
        HelpWanted: the command line asks for help.
        ParameterError: an option is unknown, or an option or a variable has a wrong value.
    """
    parser = OptionParser(prog=program, description="Print the console output that a manager publishes.")
    parser.add_argument(
        "--zmq-info-addr",
        metavar="ADDRESS",
        help=f"socket of the notices; else {ADDRESS_NAME}, else tcp://localhost:60625",
    )
    parser.add_argument("--zmq-subscribe-addr", metavar="ADDRESS", help="deprecated name of --zmq-info-addr")
    parser.add_argument(
        "--zmq-encoding",
        metavar="ENCODING",
        help=f"json or msgpack; else {ENCODING_NAME}. Checked, but not needed: both are recognised",
    )
    given = parser.read(arguments)
    read_encoding(given.zmq_encoding, environ)
    named = given.zmq_info_addr or given.zmq_subscribe_addr or environ.get(ADDRESS_NAME)
    address = find_addresses(DEFAULT_CONTROL, named, environ).info if named else None
    if address is None:
        address = find_addresses(environ=environ).info or DEFAULT_INFO
    return Options(address, deprecated=given.zmq_subscribe_addr is not None)


def show(chunks: Iterable[str]) -> None:
    """Print text as it comes, without waiting for the end of a line."""
    for chunk in chunks:
        click.echo(chunk, nl=False)
