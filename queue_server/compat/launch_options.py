"""What command line and environment tell ``start-re-manager``, under the names of its settings. Checks forms only.

An option that was not given is not in the result, so that the sources can be laid over each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from queue_server.compat.qserver_parser import OptionParser
from queue_server.protocol.errors import ParameterError

UPDATE_LISTS = ("NEVER", "ENVIRONMENT_OPEN", "ALWAYS")
RELOAD_PERMISSIONS = ("NEVER", "ON_REQUEST", "ON_STARTUP")
VERBOSITY = ("VERBOSE", "NORMAL", "QUIET", "SILENT")

_SWITCH = ("ON", "OFF")
_TRUE = frozenset(("y", "yes", "t", "true", "on", "1"))
_FALSE = frozenset(("", "n", "no", "f", "false", "off", "0"))

_VARIABLES = {
    "zmq_control_addr": "QSERVER_ZMQ_CONTROL_ADDRESS_FOR_SERVER",
    "zmq_info_addr": "QSERVER_ZMQ_INFO_ADDRESS_FOR_SERVER",
    "zmq_encoding": "QSERVER_ZMQ_ENCODING_FOR_SERVER",
    "zmq_private_key": "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER",
    "emergency_lock_key": "QSERVER_EMERGENCY_LOCK_KEY_FOR_SERVER",
    "use_ipython_kernel": "QSERVER_USE_IPYTHON_KERNEL",
    "ipython_kernel_ip": "QSERVER_IPYTHON_KERNEL_IP",
    "ipython_connection_file": "QSERVER_IPYTHON_KERNEL_CONNECTION_FILE",
    "ipython_connection_dir": "QSERVER_IPYTHON_KERNEL_CONNECTION_DIR",
    "ipython_shell_port": "QSERVER_IPYTHON_KERNEL_SHELL_PORT",
    "ipython_iopub_port": "QSERVER_IPYTHON_KERNEL_IOPUB_PORT",
    "ipython_stdin_port": "QSERVER_IPYTHON_KERNEL_STDIN_PORT",
    "ipython_hb_port": "QSERVER_IPYTHON_KERNEL_HB_PORT",
    "ipython_control_port": "QSERVER_IPYTHON_KERNEL_CONTROL_PORT",
}
SECRET_VARIABLES = {name: _VARIABLES[name] for name in ("zmq_private_key", "emergency_lock_key")}

_METADATA_KEYS = "QSERVER_PERMITTED_RE_METADATA_KEYS"
_DEPRECATED_VARIABLES = {"QSERVER_ZMQ_PRIVATE_KEY": "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER"}
_DEPRECATED_OPTIONS = {
    "zmq_addr": ("zmq_control_addr", "--zmq-addr", "--zmq-control-addr"),
    "zmq_publish_console_addr": ("zmq_info_addr", "--zmq-publish-console-addr", "--zmq-info-addr"),
}
_SWITCHES = ("ignore_invalid_plans", "use_ipython_kernel", "zmq_publish_console", "print_console_output")

Values = dict[str, Any]


def read_options(arguments: Sequence[str], program: str) -> tuple[Values, list[str]]:
    """Return the options that were given, and what a person should know about them.

    Raises:
        HelpWanted: the arguments ask for help.
        ParameterError: the arguments do not fit.
    """
    given = {name: value for name, value in vars(_build_parser(program).read(arguments)).items() if value is not None}
    given.pop("help")
    notes: list[str] = []
    for old, (name, option, replacement) in _DEPRECATED_OPTIONS.items():
        if old in given:
            notes.append(f"The option {option} is deprecated; use {replacement}.")
            given.setdefault(name, given[old])
            del given[old]
    for name in _SWITCHES:
        if name in given:
            given[name] = given[name] == "ON"
    return given, notes


def read_environment(environ: Mapping[str, str]) -> tuple[Values, list[str]]:
    """Return what the environment tells, and what a person should know about it.

    Raises:
        ParameterError: a switch has neither a word for on nor one for off.
    """
    notes: list[str] = []
    found: Values = {name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)}
    for old, replacement in _DEPRECATED_VARIABLES.items():
        name = next(name for name, variable in _VARIABLES.items() if variable == replacement)
        if environ.get(old) and name not in found:
            notes.append(f"The variable {old} is deprecated; use {replacement}.")
            found[name] = environ[old]
    if environ.get(_METADATA_KEYS):
        found["permitted_re_metadata_keys"] = environ[_METADATA_KEYS].split(":")
    for name in found:
        if name.endswith("_port"):
            found[name] = _read_port(found[name], _VARIABLES[name])
    if "use_ipython_kernel" in found:
        found["use_ipython_kernel"] = _read_switch(found["use_ipython_kernel"], _VARIABLES["use_ipython_kernel"])
    return found, notes


def _read_switch(text: str, field: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ParameterError(f"'{field}' must be ON or OFF, not {text!r}.", field=field)
    return word in _TRUE


def _read_port(text: str, field: str) -> int:
    if not text.isdigit():
        raise ParameterError(f"'{field}' must be a number, not {text!r}.", field=field)
    return int(text)


def _build_parser(program: str) -> OptionParser:
    parser = OptionParser(
        prog=program,
        description="Start the manager as start-re-manager does; supervisor, manager and worker are one command.",
        epilog="An option wins over the configuration file, that over the environment, that over the default.",
    )
    _add_network(parser)
    _add_startup(parser)
    _add_operation(parser)
    _add_ipython(parser)
    return parser


def _add_network(parser: OptionParser) -> None:
    add = parser.add_argument_group("sockets and files").add_argument
    add("--config", metavar="PATH", help="configuration file, or directory of such files; else QSERVER_CONFIG")
    add("--data", metavar="DIR", help="data directory; by default one for each --redis-name-prefix")
    add("--zmq-control-addr", metavar="ADDRESS", help="control socket (default: tcp://*:60615)")
    add("--zmq-addr", metavar="ADDRESS", help="deprecated name of --zmq-control-addr")
    add("--zmq-info-addr", metavar="ADDRESS", help="socket of the notices (default: tcp://*:60625)")
    add("--zmq-publish-console-addr", metavar="ADDRESS", help="deprecated name of --zmq-info-addr")
    add("--zmq-publish-console", choices=_SWITCH, help="publish console output and status (default: OFF)")
    add("--zmq-encoding", metavar="{json,msgpack}", help="of the notices (default: json); requests may have either")
    add("--redis-addr", metavar="HOST[:PORT[/DB]]", help="accepted and not used: the queue is kept in files")
    add("--redis-name-prefix", metavar="NAME", help="name of the data directory (default: qs_default)")


def _add_startup(parser: OptionParser) -> None:
    group = parser.add_argument_group("startup code; without any of these it is simulated")
    add = group.add_argument
    code = group.add_mutually_exclusive_group()
    code.add_argument("--startup-dir", metavar="DIR", help="load *.py and *.ipy of a directory, sorted by name")
    code.add_argument("--startup-module", metavar="MODULE", help="load an installed module")
    code.add_argument("--startup-script", metavar="FILE", help="load one file")
    add("--startup-profile", metavar="NAME", help="load the startup directory of an IPython profile")
    add("--ipython-dir", metavar="DIR", help="where IPython profiles are; else IPYTHONDIR, else ~/.ipython")
    add("--existing-plans-devices", metavar="PATH", dest="existing_plans_and_devices_path", help="list file")
    add("--update-existing-plans-devices", choices=UPDATE_LISTS, help="when the list file is written")
    add("--user-group-permissions", metavar="PATH", dest="user_group_permissions_path", help="permissions file")
    add("--user-group-permissions-reload", choices=RELOAD_PERMISSIONS, help="when the permissions are read again")
    add("--ignore-invalid-plans", choices=_SWITCH, help="leave out plans that cannot be described (default: OFF)")
    add("--device-max-depth", type=int, metavar="N", help="levels of devices to list (default: 0, all)")
    add("--keep-re", action="store_const", const=True, help="deprecated and ignored")


def _add_operation(parser: OptionParser) -> None:
    group = parser.add_argument_group("operation")
    add = group.add_argument
    add("--console-output", choices=_SWITCH, dest="print_console_output", help="print console output (default: ON)")
    add("--permitted-re-metadata-keys", nargs="+", metavar="KEY", help="metadata of the RunEngine that may be read")
    verbosity = group.add_mutually_exclusive_group()
    for word, text in (("verbose", "log details"), ("quiet", "log warnings and errors"), ("silent", "log nothing")):
        verbosity.add_argument(
            f"--{word}", dest="console_logging_level", action="store_const", const=word.upper(), help=text
        )


def _add_ipython(parser: OptionParser) -> None:
    add = parser.add_argument_group("IPython kernel, which is not available: accepted and not used").add_argument
    add("--use-ipython-kernel", choices=_SWITCH, help="startup code is loaded by plain Python in any case")
    add("--ipython-kernel-ip", metavar="{localhost,auto,IP}")
    add("--ipython-matplotlib", metavar="BACKEND")
    add("--ipython-connection-file", metavar="FILE")
    add("--ipython-connection-dir", metavar="DIR")
    for name in ("shell", "iopub", "stdin", "hb", "control"):
        add(f"--ipython-{name}-port", type=int, metavar="PORT")
