"""The options of ``qserver``, from the command line and the environment. Opens no connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from queue_server.compat.qserver_forms import FORMS
from queue_server.compat.qserver_parser import ENCODING_NAME, OptionParser, read_encoding
from queue_server.compat.zmq_keys import check_key
from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import ParameterError

DEFAULT_TIMEOUT_S = 2.0
ADDRESS_NAME = "QSERVER_ZMQ_CONTROL_ADDRESS"
SERVER_KEY_NAME = "QSERVER_ZMQ_PUBLIC_KEY"


class Options(Struct, frozen=True):
    """What a command line says.

    Attributes:
        words: the command.
        address: the control socket of the manager; None where neither option nor environment names one.
        encoding: how requests are sent.
        server_key: the manager's public key, if the connection is to be encrypted.
        lock_key: the key of the lock.
        timeout_s: how long to wait for a reply, in seconds.
        deprecated: names of the given options that will go away.
    """

    words: tuple[str, ...]
    address: str | None
    encoding: Encoding
    server_key: str | None
    lock_key: str | None
    timeout_s: float
    deprecated: tuple[str, ...] = ()


def read_options(arguments: Sequence[str], program: str, environ: Mapping[str, str]) -> Options:
    """Return the options of a command line; an option wins over the environment.

    Raises:
        HelpWanted: the command line asks for help.
        ParameterError: an option is unknown, or an option or a variable has a wrong value.
    """
    given = _build_parser(program).read(arguments)
    if given.lock_key is not None and not given.lock_key:
        raise ParameterError("'--lock-key' must not be empty.", field="--lock-key")
    server_key = environ.get(SERVER_KEY_NAME) or None
    return Options(
        words=tuple(given.command),
        address=given.zmq_control_addr or given.address or environ.get(ADDRESS_NAME) or None,
        encoding=read_encoding(given.zmq_encoding, environ),
        server_key=None if server_key is None else check_key(server_key, SERVER_KEY_NAME),
        lock_key=given.lock_key,
        timeout_s=given.timeout,
        deprecated=() if given.address is None else ("--address",),
    )


def _build_parser(program: str) -> OptionParser:
    parser = OptionParser(
        prog=program,
        usage=f"{program} [options] command ...",
        description="Send one request to the manager of a queue, and print its reply.",
        epilog=_explain(program),
    )
    parser.add_argument("command", nargs="*", help="the command, as listed below")
    parser.add_argument(
        "--zmq-control-addr",
        "-a",
        metavar="ADDRESS",
        help=f"control socket of the manager; else {ADDRESS_NAME}, else tcp://localhost:60615",
    )
    parser.add_argument("--address", metavar="ADDRESS", help="deprecated name of --zmq-control-addr")
    parser.add_argument("--zmq-encoding", metavar="ENCODING", help=f"json or msgpack; else {ENCODING_NAME}, else json")
    parser.add_argument("--lock-key", "-k", metavar="KEY", help="key that locks, unlocks, and works with a lock set")
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help=f"how long to wait for the reply (default: {DEFAULT_TIMEOUT_S:g})",
    )
    return parser


def _explain(program: str) -> str:
    example = """'{"name": "count", "args": [["det1", "det2"]], "kwargs": {"num": 10}}'"""
    lines = [
        "commands:",
        *(f"  {form.usage}\n      {form.about}" for form in FORMS),
        "",
        "PLAN and FUNCTION are maps in JSON or as Python literals:",
        f"  {program} queue add plan {example}",
        "INSTRUCTION is queue-stop. POS counts from 0; negative numbers count from the back,",
        "and an item that is added at -1 becomes the last but one.",
        "",
        f"For an encrypted connection set {SERVER_KEY_NAME} to the manager's public key.",
        "exit codes: 0 done, 1 wrong command line, 2 refused by the manager, 3 no communication, 4 internal error",
    ]
    return "\n".join(lines)
