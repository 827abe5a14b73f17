"""The settings of a Cuelight system: one frozen tree, and the order of its sources.

A flag wins over an environment variable ``CUELIGHT_…``, that over the settings file, that over the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError

from queue_server.protocol.errors import ParameterError

SETTINGS_FILE = "cuelight.yaml"

SECRET_KEY_VARIABLE = "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER"
"""The variable with the private CURVE key of the manager, for sites that have it already."""

Verbosity = Literal["verbose", "normal", "quiet", "silent"]
ConsoleOutput = Literal["all", "manager", "off"]


def default_data_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``$XDG_STATE_HOME/cuelight/default``."""
    state_home = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state_home) / "cuelight" / "default"


class Settings(BaseSettings):
    """What ``cuelight up`` can be told."""

    model_config = SettingsConfigDict(env_prefix="CUELIGHT_", extra="forbid", frozen=True)

    data: Path = Field(default_factory=default_data_directory, description="Data directory; one system owns it.")
    config: Path | None = Field(default=None, description=f"Directory that holds {SETTINGS_FILE}.")
    startup: str = Field(
        default="sim", description="What the worker loads: sim, a directory, a .py file, or a module name."
    )
    permissions: Path | None = Field(
        default=None, description="File user_group_permissions.yaml; by default the one in the startup directory."
    )
    # Declared before the addresses, because these decide which addresses may be bound.
    curve_secret_key_file: Path | None = Field(
        default=None,
        description=f"File of mode 0600 with the private CURVE key of the manager; without it {SECRET_KEY_VARIABLE}. "
        "With a key the control socket is encrypted, and so are notices on an address that other hosts can reach.",
    )
    curve_clients_file: Path | None = Field(
        default=None,
        description="File, or directory of files, with the public keys of admitted clients: one per line, a name "
        "behind it. Read again when it has changed.",
    )
    curve_accept_stock_key: bool | None = Field(
        default=None,
        description="Admit the one key that all clients of bluesky-queueserver share, which identifies nobody; "
        f"by default only where the key of the manager comes from {SECRET_KEY_VARIABLE}.",
    )
    plain_notices: bool = Field(
        default=False,
        description="Publish notices unencrypted also where other hosts can reach them; for trusted networks.",
    )
    control: str = Field(default="tcp://127.0.0.1:60615", description="Address of the control socket; port 0 is free.")
    info: str = Field(default="tcp://127.0.0.1:60625", description="Address of the notices socket; port 0 is free.")
    documents: str = Field(
        default="tcp://127.0.0.1:60635", description="Address of the documents socket, served once documents are."
    )
    http: str = Field(default="127.0.0.1:60610", description="HOST:PORT of the HTTP gateway, or off; port 0 is free.")
    http_workers: int = Field(default=1, ge=1, le=64, description="How many processes the gateway has.")
    http_config: Path | None = Field(
        default=None,
        description="Accounts, providers and policies of the gateway: a configuration file of bluesky-httpserver, or a "
        "directory of such files.",
    )
    tls_cert: Path | None = Field(
        default=None, description="Certificate of the gateway with its chain (PEM); read again when it has changed."
    )
    tls_key: Path | None = Field(
        default=None, validate_default=True, description="Private key of that certificate (PEM)."
    )
    api_key_file: Path | None = Field(default=None, description="File of mode 0600 with the single-user API key.")
    ready_file: Path | None = Field(default=None, description="Written once every socket answers.")
    manager_name: str = Field(
        default="RE Manager v0.0.25", description="First words of the status message; clients read the version from it."
    )
    encoding: str = Field(default="json", pattern="^(json|msgpack)$", description="Encoding of the notices.")
    script_upload: bool = Field(default=False, description="Accept scripts for the namespace of the worker.")
    test_methods: bool = Field(default=False, description="Offer manager_kill, which freezes the manager on purpose.")
    device_max_depth: int = Field(default=0, ge=0, description="Levels of sub-devices to describe; 0 means all.")
    ignore_invalid_plans: bool = Field(
        default=False, description="Leave out plans that cannot be described, instead of not opening the environment."
    )
    publish_console: bool = Field(
        default=True, description="Publish notices: console output, status, events and progress."
    )
    console_output: ConsoleOutput = Field(
        default="manager",
        description="What is printed: the log of the manager, also what workers print (all), or only errors (off).",
    )
    verbosity: Verbosity = Field(default="normal", description="How much the manager logs: verbose to silent.")

    @property
    def is_encrypted(self) -> bool:
        """Whether the control socket is encrypted."""
        return self.curve_secret_key_file is not None or has_secret_key_variable()

    @field_validator("control", "info", "documents")
    @classmethod
    def _check_address(cls, address: str, others: ValidationInfo) -> str:
        encrypted = bool(others.data.get("curve_secret_key_file")) or has_secret_key_variable()
        is_open = encrypted if others.field_name == "control" else encrypted or bool(others.data.get("plain_notices"))
        return check_address(address, is_open=is_open)

    @field_validator("http")
    @classmethod
    def _check_http(cls, address: str) -> str:
        host, _, port = address.removeprefix("http://").rpartition(":")
        if address != "off" and not (
            host and "/" not in host and port.isascii() and port.isdigit() and int(port) <= 65535
        ):
            raise ValueError("write HOST:PORT, such as 127.0.0.1:60610, or off")
        return address.removeprefix("http://")

    @field_validator("tls_key")
    @classmethod
    def _check_tls(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if (key is None) != (others.data.get("tls_cert") is None):
            raise ValueError("tls_cert and tls_key go together: name both files, or none")
        return key

    @field_validator(
        "data",
        "config",
        "permissions",
        "api_key_file",
        "ready_file",
        "curve_secret_key_file",
        "curve_clients_file",
        "http_config",
        "tls_cert",
        "tls_key",
    )
    @classmethod
    def _resolve(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of weight: flags, environment, settings file."""
        flags: dict[str, Any] = init_settings()
        directory = flags.get("config") or os.environ.get("CUELIGHT_CONFIG")
        if directory is None:
            return init_settings, env_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, Path(directory) / SETTINGS_FILE)


def load_settings(flags: Mapping[str, object]) -> Settings:
    """Return the settings from all sources; flags that are None count as not given.

    Raises:
        ParameterError: a value is wrong, a key is unknown, or the settings file is missing; the message names it.
    """
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    directory = given.get("config") or os.environ.get("CUELIGHT_CONFIG")
    if directory is not None and not (Path(str(directory)) / SETTINGS_FILE).is_file():
        raise ParameterError(f"There is no file {SETTINGS_FILE} in {directory}.", field="config")
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(map(str, problem["loc"]))
        raise ParameterError(
            f"Setting {name!r}: {problem['msg'].removeprefix('Value error, ')}, not {problem['input']!r}.", field=name
        ) from error
    except YAMLError as error:
        raise ParameterError(f"{SETTINGS_FILE} in {directory} is not YAML: {error}", field="config") from error
    except (TypeError, ValueError) as error:
        message = f"{SETTINGS_FILE} in {directory} must be a map from names of settings to values."
        raise ParameterError(message, field="config") from error


def has_secret_key_variable(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment has a private CURVE key for the manager."""
    return bool(environ.get(SECRET_KEY_VARIABLE))


def check_address(address: str, *, is_open: bool = False) -> str:
    """Return ``address`` if it may be bound: ipc, TCP on the loopback interface, or with ``is_open`` any TCP.

    Raises:
        ValueError: the form is wrong, or the address could be reached from other hosts.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "ipc" and rest:
        return address
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("an address has the form tcp://HOST:PORT or ipc://PATH")
    if not is_open and not _is_loopback(host):
        raise ValueError("only loopback addresses can be bound without encryption; use tcp://127.0.0.1:PORT")
    return address


def is_local(address: str) -> bool:
    """Return whether only this host can reach ``address``, which has a form that can be bound."""
    scheme, _, rest = address.partition("://")
    return scheme == "ipc" or _is_loopback(rest.rpartition(":")[0])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
