"""``qserver``: sends the request that its command line describes and prints the reply.

Exit codes: 0 done, 1 wrong command line, 2 refused, 3 no communication, 4 internal error.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from queue_server.client import RunControl
from queue_server.clock import Clock, SystemClock
from queue_server.compat import qserver_output as output
from queue_server.compat.qserver_forms import Command, read_command
from queue_server.compat.qserver_options import Options, read_options
from queue_server.compat.qserver_parser import HelpWanted
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError

DONE = 0
WRONG_PARAMETER = 1
REFUSED = 2
NO_COMMUNICATION = 3
EXCEPTION = 4
INTERRUPTED = 130

MONITOR_PERIOD_S = 1.0

_log = logging.getLogger(__name__)


class Requester(Protocol):
    """What carries a request to the manager."""

    def send_request(self, *, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the reply, also if it is a refusal."""
        ...


Connect = Callable[[Options], AbstractContextManager[Requester]]


class Surroundings(Struct, frozen=True):
    """What the program finds outside itself."""

    connect: Connect
    environ: Mapping[str, str]
    clock: Clock
    wait: Callable[[float], object]


def main(arguments: Sequence[str] | None = None, *, program: str = "qserver") -> int:
    """Run ``qserver`` with the arguments behind its name, by default those of this process; return the exit code."""
    surroundings = Surroundings(connect, os.environ, SystemClock(), threading.Event().wait)
    try:
        return run(sys.argv[1:] if arguments is None else arguments, surroundings, program)
    except Exception as error:
        _log.exception("%s failed unexpectedly", program)
        raise SystemExit(EXCEPTION) from error


def run(arguments: Sequence[str], surroundings: Surroundings, program: str = "qserver") -> int:
    """Do what the arguments say; return the exit code."""
    try:
        options = read_options(arguments, program, surroundings.environ)
        output.show_arguments(options.words)
        for name in options.deprecated:
            output.say(program, f"{name} is deprecated; use --zmq-control-addr.")
        command = read_command(options.words, options.lock_key)
        with surroundings.connect(options) as requester:
            carry_out = _monitor if command.repeats else _ask
            return carry_out(command, requester, surroundings)
    except HelpWanted as wanted:
        output.show_line(str(wanted))
        return DONE
    except CuelightError as error:
        output.say(program, error.message)
        return _exit_code_of(error)
    except KeyboardInterrupt:
        output.say(program, "Interrupted; the manager may still carry the request out.")
        return INTERRUPTED


def connect(options: Options) -> AbstractContextManager[Requester]:
    """Return the connection to the manager, encrypted if its key is known; nothing is sent yet.

    Without a key file of its own (``CUELIGHT_CLIENT_KEY_FILE``) the client has the key pair that all clients of
    bluesky-queueserver share.

    Raises:
        ParameterError: an option has a wrong value.
    """
    return RunControl(
        options.address,
        timeout_s=options.timeout_s,
        request_fail_exceptions=False,
        encoding=options.encoding,
        server_key=options.server_key,
    )


def _ask(command: Command, requester: Requester, surroundings: Surroundings) -> int:
    try:
        reply = requester.send_request(method=command.method, params=command.params)
    except CommunicationError as error:
        output.show_silence(error.message, surroundings.clock.wall())
        return NO_COMMUNICATION
    output.show_reply(reply, surroundings.clock.wall())
    return REFUSED if reply.get("success") is False else DONE


def _monitor(command: Command, requester: Requester, surroundings: Surroundings) -> int:
    # It shows whether the manager answers, which no stream of notices can: managers may publish nothing at all.
    output.show_line("Asking once per second; Ctrl-C ends it.")
    try:
        while True:
            _ask(command, requester, surroundings)
            surroundings.wait(MONITOR_PERIOD_S)
    except KeyboardInterrupt:
        output.show_line("Stopped.")
        return DONE


def _exit_code_of(error: CuelightError) -> int:
    if isinstance(error, ParameterError):
        return WRONG_PARAMETER
    return NO_COMMUNICATION if isinstance(error, CommunicationError) else EXCEPTION
