"""The settings of a Cuelight system: one frozen tree, and the order of its sources.

A flag wins over an environment variable ``CUELIGHT_…``, that over the settings file, that over the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from yaml import YAMLError

from queue_server.protocol.addresses import check_address, is_local
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE, FailurePolicy
from queue_server.protocol.lane_settings import (
    LaneSettings,
    Launcher,
    ListUpdates,
    check_lanes,
    check_launchers,
    read_lanes,
    read_launchers,
    read_policies,
)
from queue_server.protocol.shared_devices import SHARED_DEVICES, CheckedPlaces
from queue_server.protocol.workflow_settings import WorkflowSettings

SETTINGS_FILE = "cuelight.yaml"

SECRET_KEY_VARIABLE = "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER"
"""The variable with the private CURVE key of the manager, for sites that have it already."""

Verbosity = Literal["verbose", "normal", "quiet", "silent"]
ConsoleOutput = Literal["all", "manager", "off"]
PermissionsReload = Literal["never", "on_request", "on_change", "on_startup"]


def default_data_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``$XDG_STATE_HOME/cuelight/default``."""
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "cuelight" / "default"


def prefixed_data_directory(prefix: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the data directory of ``cuelight re-manager`` for a prefix of names, of which each has its own.

    Raises:
        ParameterError: the prefix has no letter that a directory could be named by.
    """
    name = quote(prefix, safe=" ")
    if not name.strip("."):
        raise ParameterError(
            "'redis_name_prefix' names the data directory; it must have a letter.", field="redis_name_prefix"
        )
    return default_data_directory(environ).parent / "re-manager" / name


class Settings(WorkflowSettings):
    """What ``cuelight up`` can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    data: Path = Field(default_factory=default_data_directory, description="Data directory; one system owns it.")
    config: Path | None = Field(default=None, description=f"Directory that holds {SETTINGS_FILE}.")
    startup: str = Field(
        default="sim",
        description="What the worker loads: sim, a directory, a .py file, or a module name (module:NAME, where a "
        "path has the same name).",
    )
    lanes: dict[str, LaneSettings] = Field(
        default_factory=dict[str, LaneSettings],
        description="Further lanes beside the lane default, each with a queue and a worker of its own: the name and "
        "what its worker loads, or a map of startup, list_file, update_list_file, device_max_depth and "
        "ignore_invalid_plans, of which only the first is needed; as text: b=sim,c=/path/of/startup. The option may "
        "also be written --lane b=sim, once for each. A lane that executes processing graphs is written "
        "compute=graphs:sim, or as a map of startup, worker (graphs), processes, memory_limit_mib and scheduler.",
    )
    shared_devices: CheckedPlaces = SHARED_DEVICES
    permissions: Path | None = Field(
        default=None,
        description="File with the permissions of user groups, or the directory of user_group_permissions.yaml. "
        "A file that is named must exist; by default the one in the startup directory, if there is one.",
    )
    permissions_reload: PermissionsReload = Field(
        default="on_change",
        description="When that file replaces permissions that were set: never, on_request (permissions_reload), "
        "on_change (also at a start, if it says something else than when it was last read), or on_startup (also at "
        "every start).",
    )
    list_file: Path | None = Field(
        default=None,
        description="File with the plans and devices that are known before the environment opens, or the directory of "
        "existing_plans_and_devices.yaml; by default the one in the startup directory. It need not exist.",
    )
    update_list_file: ListUpdates = Field(
        default="environment_open",
        description="When lists that have changed are written to that file: never, environment_open, or always (also "
        "when a script or an update changes them). The files of the simulated profile are never written.",
    )
    permitted_metadata_keys: tuple[str, ...] = Field(
        default=("/",),
        description="Metadata of the RunEngine that re_metadata shows: paths such as /proposal/title, each with all "
        "below it; / is everything. In a variable, colons stand between them.",
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
    curve_workers_file: Path | None = Field(
        default=None,
        description="File, or directory of files, with the public keys of admitted workers, written as those of "
        "clients. With it a worker link over TCP is encrypted, and no other worker is heard.",
    )
    worker_key_file: Path | None = Field(
        default=None,
        description="File of mode 0600 with the private CURVE key of the workers that the manager starts.",
    )
    worker_link: str | None = Field(
        default=None,
        description="Address of the worker link: by default an ipc socket that belongs to the data directory. Other "
        "hosts reach a TCP address, which needs curve_secret_key_file, curve_workers_file and worker_key_file.",
    )
    plain_notices: bool = Field(
        default=False,
        description="Publish notices unencrypted also where other hosts can reach them; for trusted networks.",
    )
    control: str = Field(default="tcp://127.0.0.1:60615", description="Address of the control socket; port 0 is free.")
    info: str = Field(default="tcp://127.0.0.1:60625", description="Address of the notices socket; port 0 is free.")
    documents: str = Field(
        default="tcp://127.0.0.1:60635", description="Address of the documents socket; port 0 is free."
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
    on_failure: dict[str, FailurePolicy] = Field(
        default_factory=lambda: dict[str, FailurePolicy]({DEFAULT_LANE: "front"}),
        description="What happens to a failed item, for each lane: front (it goes to the front of the queue again, the "
        "default in the lane default) or hold (there too, but held until it is released; the default elsewhere). "
        "A single word is meant for the lane default; as text: default=hold,other=front.",
    )
    pause_at_stop: bool = Field(
        default=False,
        description="Let running plans pause at their next checkpoint when the manager is told to end, and wait 30 s "
        "for it; otherwise workers go on with them. Either way the next manager finds them.",
    )
    spare_manager: bool = Field(
        default=False,
        description="Keep a second manager loaded, which takes the place of one that has died without the time that "
        "loading takes, some tenths of a second. It costs the memory of one more process.",
    )
    worker_launchers: dict[str, Launcher] = Field(
        default_factory=dict[str, Launcher],
        description="Lanes whose workers are started by a launcher, a service of its own with its own user: the lane "
        "and the socket of its launcher, or the word link for one on another host, which connects to worker_link; as "
        "text: default=/run/cuelight/default.launcher,b=link. The manager itself starts those of the other lanes.",
    )
    replies_kept_days: Annotated[float, Field(ge=0.01, le=3650)] = Field(
        default=7.0, description="How long the answer to a request with an idempotency key is kept, in days."
    )
    replies_kept: Annotated[int, Field(ge=1_000, le=10_000_000)] = Field(
        default=100_000, description="How many answers to requests with an idempotency key are kept at most."
    )
    backup_interval_s: float = Field(
        default=240.0,
        ge=1.0,
        le=86400.0,
        description="Seconds from one backup of the store to the next, as long as anything changes.",
    )
    backups_kept: int = Field(
        default=24, ge=1, le=10000, description="How many backups are kept; the oldest ones are removed."
    )
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

    @property
    def startups(self) -> dict[str, LaneSettings]:
        """What the worker of each lane loads, the lane default first."""
        own = LaneSettings(
            startup=self.startup,
            list_file=self.list_file,
            update_list_file=self.update_list_file,
            device_max_depth=self.device_max_depth,
            ignore_invalid_plans=self.ignore_invalid_plans,
        )
        return {DEFAULT_LANE: own, **{name: lane.filled(own) for name, lane in self.lanes.items()}}

    @property
    def graph_lanes(self) -> frozenset[str]:
        """The lanes whose workers execute processing graphs."""
        return frozenset(name for name, lane in self.lanes.items() if lane.executes_graphs)

    def after_restart(self) -> Self:
        """Return the settings for a manager that takes the place of one that died: permissions that were set hold."""
        is_taken = self.permissions_reload in ("on_change", "on_startup")
        return self.model_copy(update={"permissions_reload": "on_request"}) if is_taken else self

    @field_validator("permitted_metadata_keys", mode="before")
    @classmethod
    def _split_keys(cls, keys: object) -> object:
        return keys.split(":") if isinstance(keys, str) else keys

    @field_validator("permitted_metadata_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(not key.startswith("/") for key in keys):
            raise ValueError("a key is a path that begins with /, such as /proposal/title")
        return keys

    @field_validator("control", "info", "documents")
    @classmethod
    def _check_address(cls, address: str, others: ValidationInfo) -> str:
        encrypted = bool(others.data.get("curve_secret_key_file")) or has_secret_key_variable()
        is_open = encrypted if others.field_name == "control" else encrypted or bool(others.data.get("plain_notices"))
        return check_address(address, is_open=is_open)

    @field_validator("worker_link")
    @classmethod
    def _check_worker_link(cls, address: str | None, others: ValidationInfo) -> str | None:
        if address is None:
            return None
        is_encrypted = bool(others.data.get("curve_secret_key_file")) or has_secret_key_variable()
        if not is_local(check_address(address, is_open=True)):
            missing = [name for name in ("curve_workers_file", "worker_key_file") if not others.data.get(name)]
            missing += [] if is_encrypted else ["curve_secret_key_file"]
            if missing:
                raise ValueError(
                    f"other hosts reach this address, which also needs the setting {' and '.join(missing)}"
                )
        if address.startswith("tcp:") and int(address.rpartition(":")[2]) == 0:
            raise ValueError("a worker must find the next manager where it left this one, so the port cannot be 0")
        return address

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
        "list_file",
        "api_key_file",
        "ready_file",
        "curve_secret_key_file",
        "curve_clients_file",
        "curve_workers_file",
        "worker_key_file",
        "http_config",
        "tls_cert",
        "tls_key",
    )
    @classmethod
    def _resolve(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("lanes", mode="before")
    @classmethod
    def _read_lanes(cls, given: object) -> object:
        return read_lanes(given)

    @field_validator("lanes")
    @classmethod
    def _check_lanes(cls, lanes: dict[str, LaneSettings]) -> dict[str, LaneSettings]:
        check_lanes(lanes)
        return lanes

    @field_validator("on_failure", mode="before")
    @classmethod
    def _read_policies(cls, given: object) -> object:
        return read_policies(given) if isinstance(given, str) else given

    @field_validator("worker_launchers", mode="before")
    @classmethod
    def _read_launchers(cls, given: object) -> object:
        return read_launchers(given)

    @field_validator("worker_launchers")
    @classmethod
    def _check_launchers(cls, launchers: dict[str, Launcher]) -> dict[str, Launcher]:
        check_launchers(launchers)
        return launchers


def load_settings(flags: Mapping[str, object]) -> Settings:
    """Return the settings from all sources; flags that are None count as not given.

    Raises:
        ParameterError: a value is wrong, a key is unknown, or the settings file is missing; the message names it.
    """
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    directory = given.get("config") or os.environ.get("CUELIGHT_CONFIG")
    if directory is not None and not (Path(str(directory)) / SETTINGS_FILE).is_file():
        raise ParameterError(f"There is no file {SETTINGS_FILE} in {directory}.", field="config")
    # A manager is told all its settings, and does without what reads them from elsewhere.
    from queue_server.sources import read_settings

    try:
        return read_settings(given)
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
