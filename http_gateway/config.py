"""The settings of a gateway: one frozen tree, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator

from http_gateway.auth.settings import AccountSettings
from http_gateway.dialects.flowserv.settings import FlowservSettings
from http_gateway.dialects.ica.settings import IcaSettings
from http_gateway.dialects.scanhub.settings import ScannerSettings
from queue_server.protocol.curve_keys import check_key
from queue_server.protocol.errors import ParameterError

DEFAULT_HTTP = "127.0.0.1:60610"

Place = tuple[str | int, ...]
"""Where a value stands in the tree of settings."""


class GatewaySettings(AccountSettings):
    """What a gateway can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    control: str = Field(default="tcp://127.0.0.1:60615", description="Address of the manager's control socket.")
    info: str = Field(default="tcp://127.0.0.1:60625", description="Address of the manager's notices.")
    worker_link: str | None = Field(
        default=None,
        description="Address at which the manager listens for workers; with it the gateway serves scanners.",
    )
    worker_key_file: Path | None = Field(
        default=None,
        description="File of mode 0600 with the private CURVE key of a worker, where the manager encrypts worker_link.",
    )
    manager_key_file: Path | None = Field(
        default=None, description="File with the public CURVE key of the manager, beside worker_key_file."
    )
    scanners: ScannerSettings = Field(default=ScannerSettings(), description="How long scanners are waited for.")
    ica: IcaSettings = Field(default=IcaSettings(), description="Projects of the ICA dialect, and sizes of batches.")
    flowserv: FlowservSettings = Field(
        default=FlowservSettings(), description="Who sees what of the flowserv dialect, and who may register."
    )
    encoding: Literal["json", "msgpack"] = Field(default="json", description="Encoding of the manager's notices.")
    server_key: str | None = Field(
        default=None,
        description="Public CURVE key of a manager whose control socket is encrypted and whose notices are not, as "
        "bluesky-queueserver has them.",
    )
    http: str = Field(default=DEFAULT_HTTP, description="HOST:PORT to listen on; port 0 is free.")
    workers: int = Field(default=1, ge=1, le=64, description="How many processes serve.")
    tls_cert: Path | None = Field(
        default=None, description="File with the certificate and its chain (PEM); read again when it has changed."
    )
    tls_key: Path | None = Field(
        default=None, description="File with the private key of the certificate (PEM), closed to other users."
    )
    tls_key_password: SecretStr | None = Field(default=None, description="Password of an encrypted private key.")
    tls_client_ca: Path | None = Field(
        default=None, description="File with the authorities (PEM) whose certificates clients may show."
    )
    tls_client_check: Literal["none", "optional", "required"] = Field(
        default="none", description="Whether a client must show a certificate."
    )
    tls_ciphers: str | None = Field(default=None, description="Ciphers of TLS 1.2, in the notation of OpenSSL.")
    root_path: str = Field(default="", description="Path below which a proxy shows the gateway.")
    proxy_headers: bool = Field(
        default=True, description="Believe trusted proxies who the client is, and whether it used TLS."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1", description="Addresses of proxies, separated by commas; * is everybody."
    )
    data: Path = Field(description="Directory for the accounts and the single-user key.")
    api_key_file: Path | None = Field(default=None, description="File of mode 0600 with the single-user API key.")
    allow_anonymous: bool = Field(default=False, description="Admit callers without credential to the status.")
    allow_origins: tuple[str, ...] = Field(default=(), description="Origins of other sites whose pages may call.")
    timeout_s: float = Field(default=2.0, gt=0, le=60, description="How long a request waits for the manager.")
    query_keys: bool = Field(default=False, description="Accept API keys in the query of an address.")
    most_body_bytes: int = Field(default=32 * 1024**2, gt=0, description="Largest body of a request.")
    test_routes: bool = Field(default=False, description="Offer the routes that freeze manager or gateway on purpose.")
    finch_paths: bool = Field(default=False, description="Serve the bluesky dialect below /api/qserver too, for Finch.")
    finch_key: str = Field(
        default="test",
        description="The key that Finch sends unless its page names another: on its paths a login's cookie counts "
        "before this one.",
    )
    custom_routers: tuple[str, ...] = Field(
        default=(), description="Routers of the site, as module.router, served below /api for everybody known."
    )
    custom_modules: tuple[str, ...] = Field(default=(), description="Modules of the site, such as for spreadsheets.")
    metrics: bool = Field(default=True, description="Serve the figures for Prometheus at /metrics.")
    open_metrics: bool = Field(default=False, description="Show these figures to callers without credential too.")
    serve_docs: bool = Field(default=True, description="Serve the pages of the API's documentation.")
    verbosity: Literal["verbose", "normal", "quiet", "silent"] = Field(
        default="normal", description="How much is logged."
    )
    console_output: Literal["all", "manager", "off"] = Field(default="manager", description="What is printed.")

    @field_validator("server_key")
    @classmethod
    def _check_server_key(cls, value: str | None) -> str | None:
        try:
            return check_key(value, "server_key").decode() if value else None
        except ParameterError as error:
            raise ValueError(error.message) from None

    @field_validator("http")
    @classmethod
    def _check_http(cls, value: str) -> str:
        host, _, port = value.removeprefix("http://").rpartition(":")
        if not host or "/" in host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError("an address has the form HOST:PORT, such as 127.0.0.1:60610")
        return f"{host}:{port}"

    @property
    def delegates(self) -> bool:
        """Whether the manager is told for whom is asked; only its private socket accepts that."""
        return self.control.startswith("ipc://")


def read_settings(values: dict[str, Any], sources: Mapping[Place, str] | None = None) -> GatewaySettings:
    """Return the settings in ``values``; ``sources`` says in words from where they are.

    Raises:
        ParameterError: a value is wrong or a name unknown; the message names it and never shows a secret.
    """
    try:
        settings = GatewaySettings(**values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        # Without what pydantic says of its own, which shows the values.
        raise _explain(problem["loc"], problem["type"], problem["msg"], problem["input"], sources or {}) from None
    for pair in (("tls_cert", "tls_key"), ("worker_key_file", "manager_key_file")):
        given = [name for name in pair if getattr(settings, name) is not None]
        if len(given) == 1:
            [missing] = {*pair} - {*given}
            name = _name((given[0],), sources or {})
            raise ParameterError(f"{name} needs the setting {missing!r} too.", field=missing)
    return settings


def _explain(place: Place, kind: str, text: str, given: object, sources: Mapping[Place, str]) -> ParameterError:
    name = _name(place, sources)
    field = ".".join(map(str, place))
    if kind == "extra_forbidden":
        return ParameterError(f"{name} is not a setting of the gateway.", field=field)
    text = text.removeprefix("Value error, ").removesuffix(".")
    shown = f", not {given!r}" if _is_shown(place) and isinstance(given, str | int | float) else ""
    return ParameterError(f"{name}: {text}{shown}.", field=field)


def _name(place: Place, sources: Mapping[Place, str]) -> str:
    """Return how a person finds a setting: by its source if that is known, else by its own name."""
    for length in range(len(place), 0, -1):
        source = sources.get(place[:length])
        if source is not None:
            rest = ".".join(map(str, place[length:]))
            return f"{source}, at {rest!r}" if rest else source
    return f"Setting {'.'.join(map(str, place))!r} of the gateway"


def _is_shown(place: Place) -> bool:
    """Return whether a wrong value may be shown: plain values that no secret has to do with."""
    if len(place) != 1 or not isinstance(place[0], str):
        return False
    field = GatewaySettings.model_fields.get(place[0])
    annotation: Any = None if field is None else field.annotation
    return annotation in {str, int, float, bool} or get_origin(annotation) is Literal
