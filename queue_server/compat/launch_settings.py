"""Turns what the sources of ``start-re-manager`` say into our settings, and says in words what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from queue_server.compat.launch_files import read_configuration
from queue_server.compat.launch_options import read_environment, read_options
from queue_server.compat.launch_startup import Startup, find_list_file, find_permissions, find_startup
from queue_server.config import Settings, check_address, is_local, load_settings, prefixed_data_directory
from queue_server.protocol.curve_keys import check_key
from queue_server.protocol.errors import ParameterError

DEFAULTS: Mapping[str, Any] = {
    "zmq_control_addr": "tcp://*:60615",
    "zmq_info_addr": "tcp://*:60625",
    "zmq_encoding": "json",
    "zmq_publish_console": False,
    "zmq_private_key": None,
    "redis_addr": "localhost",
    "redis_name_prefix": "qs_default",
    "device_max_depth": 0,
    "ignore_invalid_plans": False,
    "existing_plans_and_devices_path": None,
    "user_group_permissions_path": None,
    "startup_dir": None,
    "startup_module": None,
    "startup_script": None,
    "startup_profile": None,
    "ipython_dir": None,
    "use_ipython_kernel": False,
    "permitted_re_metadata_keys": ["/"],
    "print_console_output": True,
    "console_logging_level": "NORMAL",
    "update_existing_plans_devices": "ENVIRONMENT_OPEN",
    "user_group_permissions_reload": "ON_STARTUP",
    "emergency_lock_key": None,
}

MANAGER_NAME = "RE Manager v0.0.25"

_OF_THE_KERNEL = (
    "ipython_kernel_ip",
    "ipython_matplotlib",
    "ipython_connection_file",
    "ipython_connection_dir",
    "ipython_shell_port",
    "ipython_iopub_port",
    "ipython_stdin_port",
    "ipython_hb_port",
    "ipython_control_port",
)
_OF_THE_RUN_ENGINE = (
    "use_persistent_metadata",
    "kafka_server",
    "kafka_topic",
    "zmq_data_proxy_addr",
    "databroker_config",
)
_WITHOUT_EFFECT = {
    "redis_addr": "is not used: the queue is kept in the data directory.",
    "keep_re": "is deprecated and has no effect.",
    **dict.fromkeys(_OF_THE_KERNEL, "is not used: the IPython kernel is not available."),
    **dict.fromkeys(
        _OF_THE_RUN_ENGINE, "has no effect: startup code makes the RunEngine and decides where its documents go."
    ),
}
_SECRETS = ("zmq_private_key", "emergency_lock_key")


class Wishes(Struct, frozen=True):
    """What all sources say together.

    Attributes:
        given: the values that some source has, by the names of start-re-manager.
        startup: the startup code.
        notes: what a person should know about the sources.
    """

    given: Mapping[str, Any]
    startup: Startup
    notes: tuple[str, ...] = ()

    def value(self, name: str) -> Any:
        """Return what was given, or else the default."""
        value = self.given.get(name)
        return DEFAULTS.get(name) if value is None else value


def read_wishes(arguments: list[str], program: str, environ: Mapping[str, str]) -> Wishes:
    """Return what default, environment, configuration files and options say; a later one wins.

    Raises:
        HelpWanted: the arguments ask for help.
        ParameterError: a source has a wrong or an unknown word, or names two places for startup code.
    """
    options, notes = read_options(arguments, program)
    of_environment, more_notes = read_environment(environ)
    path = options.pop("config", None) or environ.get("QSERVER_CONFIG")
    of_files = read_configuration(Path(path).expanduser().absolute()) if path else {}
    given = {**of_environment, **of_files, **options}
    if given.get("zmq_private_key"):
        check_key(given["zmq_private_key"], "zmq_private_key")
    startup = find_startup(of_files, options, environ)
    return Wishes(given, startup, (*notes, *more_notes))


def make_settings(wishes: Wishes) -> tuple[Settings, list[str]]:
    """Return the settings, and what a person should know about them.

    What start-re-manager has no word for comes from our own variables and settings file.

    Raises:
        ParameterError: a value cannot be used; the message names it.
    """
    flags = _flags(wishes)
    base = load_settings(flags)
    weak: dict[str, Any] = {"data": _data_directory(wishes), "manager_name": MANAGER_NAME}
    # What the clients of start-re-manager expect to be offered.
    weak |= {"test_methods": True, "script_upload": True, "http": "off"}
    # They know nothing of this socket, and may run several managers on a host.
    weak |= {"documents": "tcp://127.0.0.1:0"}
    weak = {name: value for name, value in weak.items() if name not in base.model_fields_set}
    notes = [*wishes.notes, *_explain(wishes)]
    for setting, name, is_open, is_served in (
        ("control", "zmq_control_addr", base.is_encrypted, True),
        # The subscribers of bluesky-queueserver cannot decrypt, so that the notices stay on this host.
        ("info", "zmq_info_addr", base.plain_notices, base.publish_console),
    ):
        if name in wishes.given or setting not in base.model_fields_set:
            flags[setting], note = _narrow(wishes.value(name), name, is_open=is_open)
            notes += [note] if note and is_served else []
    return load_settings(flags | weak), notes


def save_settings(path: Path, wishes: Wishes, settings: Settings) -> None:
    """Write the settings in effect as YAML, by the names of start-re-manager and by ours; secrets are masked.

    Raises:
        OSError: the file cannot be written.
    """
    names = [*DEFAULTS, *_OF_THE_KERNEL]
    values = {name: wishes.value(name) for name in names} | {
        "zmq_control_addr": settings.control,
        "zmq_info_addr": settings.info,
        "zmq_encoding": settings.encoding,
        "zmq_publish_console": settings.publish_console,
        "device_max_depth": settings.device_max_depth,
        "startup_dir": _text(wishes.startup.directory),
        "startup_script": _text(wishes.startup.script),
        "startup_module": wishes.startup.module,
        "user_group_permissions_path": _text(settings.permissions),
        "existing_plans_and_devices_path": _text(settings.list_file),
        "demo_mode": settings.startup == "sim",
    }
    masked = {name: "*******" for name in _SECRETS if values[name]}
    content = values | masked | {"cuelight": settings.model_dump(mode="json")}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def _flags(wishes: Wishes) -> dict[str, Any]:
    given = wishes.given
    flags: dict[str, Any] = {
        "data": given.get("data"),
        "encoding": wishes.value("zmq_encoding").lower(),
        "publish_console": wishes.value("zmq_publish_console"),
        "startup": wishes.startup.setting,
        "permissions": find_permissions(given.get("user_group_permissions_path"), wishes.startup),
        "permissions_reload": wishes.value("user_group_permissions_reload").lower(),
        "list_file": find_list_file(given.get("existing_plans_and_devices_path"), wishes.startup),
        "update_list_file": wishes.value("update_existing_plans_devices").lower(),
        "permitted_metadata_keys": [key for key in wishes.value("permitted_re_metadata_keys") if _is_path(key)],
        "device_max_depth": wishes.value("device_max_depth"),
        "ignore_invalid_plans": wishes.value("ignore_invalid_plans"),
        "console_output": "all" if wishes.value("print_console_output") else "off",
        "verbosity": wishes.value("console_logging_level").lower(),
    }
    if "redis_name_prefix" in given and flags["data"] is None:
        flags["data"] = _data_directory(wishes)
    return {name: value for name, value in flags.items() if value is not None}


def _data_directory(wishes: Wishes) -> Path:
    return prefixed_data_directory(wishes.value("redis_name_prefix"))


def _narrow(address: str, name: str, *, is_open: bool) -> tuple[str, str | None]:
    try:
        check_address(address, is_open=True)
    except ValueError as error:
        raise ParameterError(f"'{name}': {error}, not {address!r}.", field=name) from error
    if is_open or is_local(address):
        return address, None
    port = address.rpartition(":")[2]
    narrowed = f"tcp://127.0.0.1:{port}"
    return narrowed, f"'{name}' is {narrowed} instead of {address}: without encryption only this host may connect."


def _explain(wishes: Wishes) -> Iterator[str]:
    yield from (f"'{name}' {why}" for name, why in _WITHOUT_EFFECT.items() if name in wishes.given)
    if wishes.given.get("use_ipython_kernel"):
        yield "'use_ipython_kernel': the IPython kernel is not available; plain Python runs the startup code."
    startup = wishes.startup
    if startup.directory is None and startup.beside is not None:
        yield "The IPython profile is not loaded, since other startup code is named; only the files beside it are used."
    for key in wishes.value("permitted_re_metadata_keys"):
        if not _is_path(key):
            yield f"'permitted_re_metadata_keys': {key!r} names nothing, since it does not begin with a slash."


def _is_path(key: str) -> bool:
    return key.startswith("/")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
