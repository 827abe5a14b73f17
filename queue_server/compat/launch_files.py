"""Configuration files of ``start-re-manager``: one file or a directory of them, in sections. Knows no other source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from queue_server.protocol.errors import ParameterError

Values = dict[str, Any]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Network(_Section):
    zmq_control_addr: str | None = None
    zmq_private_key: str | None = None
    zmq_info_addr: str | None = None
    zmq_encoding: str | None = None
    zmq_publish_console: bool | None = None
    redis_addr: str | None = None
    redis_name_prefix: str | None = None


class _Startup(_Section):
    keep_re: bool | None = None
    device_max_depth: int | None = None
    ignore_invalid_plans: bool | None = None
    existing_plans_and_devices_path: str | None = None
    user_group_permissions_path: str | None = None
    startup_dir: str | None = None
    startup_profile: str | None = None
    startup_module: str | None = None
    startup_script: str | None = None
    ipython_dir: str | None = None


class _Operation(_Section):
    print_console_output: bool | None = None
    console_logging_level: Literal["VERBOSE", "NORMAL", "QUIET", "SILENT"] | None = None
    update_existing_plans_and_devices: Literal["NEVER", "ENVIRONMENT_OPEN", "ALWAYS"] | None = None
    user_group_permissions_reload: Literal["NEVER", "ON_REQUEST", "ON_STARTUP"] | None = None
    emergency_lock_key: str | None = None


class _Worker(_Section):
    use_ipython_kernel: bool | None = None
    ipython_kernel_ip: str | None = None
    ipython_matplotlib: str | None = None
    ipython_connection_file: str | None = None
    ipython_connection_dir: str | None = None
    ipython_shell_port: int | None = None
    ipython_iopub_port: int | None = None
    ipython_stdin_port: int | None = None
    ipython_hb_port: int | None = None
    ipython_control_port: int | None = None
    permitted_re_metadata_keys: list[str] | None = None


class _RunEngine(_Section):
    """Of older versions; today startup code makes the RunEngine, and subscribes to it."""

    use_persistent_metadata: bool | None = None
    kafka_server: str | None = None
    kafka_topic: str | None = None
    zmq_data_proxy_addr: str | None = None
    databroker_config: str | None = None


class _File(_Section):
    network: _Network | None = None
    startup: _Startup | None = None
    operation: _Operation | None = None
    worker: _Worker | None = None
    run_engine: _RunEngine | None = None


_OTHER_NAMES = {"update_existing_plans_and_devices": "update_existing_plans_devices"}


def read_configuration(path: Path) -> Values:
    """Return what the file, or the files of the directory, say; ``$VARIABLE`` stands for the variable's value.

    In a directory, hidden files and Python code are passed over.

    Raises:
        ParameterError: there is no such file, it has an unknown key or a wrong value, or two files have the same
            section; the message names file and key.
    """
    values: Values = {}
    sources: dict[str, Path] = {}
    for file in _find_files(path):
        for name, section in _read_file(file):
            if name in sources:
                raise ParameterError(f"Section '{name}' stands in two files, {sources[name]} and {file}.", field=name)
            sources[name] = file
            given = section.model_dump(exclude_none=True)
            values.update({_OTHER_NAMES.get(key, key): value for key, value in given.items()})
    return values


def _find_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and _is_configuration(file))
    if not path.is_file():
        raise ParameterError(f"There is no configuration file or directory {path}.", field="config")
    return [path]


def _is_configuration(file: Path) -> bool:
    return not file.name.startswith(".") and file.suffix != ".py"


def _read_file(file: Path) -> Iterator[tuple[str, _Section]]:
    try:
        content = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ParameterError(f"The configuration file {file} cannot be read: {error}", field="config") from error
    if content is not None and not isinstance(content, dict):
        raise ParameterError(f"The configuration file {file} must be a map of sections.", field="config")
    try:
        parsed = _File.model_validate(_expand(content or {}))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = "/".join(map(str, problem["loc"]))
        what = "there is no such key" if problem["type"] == "extra_forbidden" else problem["msg"]
        raise ParameterError(f"Key '{key}' of the configuration file {file}: {what}.", field=key) from error
    for name in _File.model_fields:
        section = getattr(parsed, name)
        if section is not None:
            yield name, section


def _expand(value: object) -> object:
    if isinstance(value, dict):
        return {key: _expand(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_expand(each) for each in value]
    return os.path.expandvars(value) if isinstance(value, str) else value
