"""The settings of a gateway: one frozen tree, checked before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from queue_server.protocol.errors import ParameterError

DEFAULT_HTTP = "127.0.0.1:60610"


class GatewaySettings(BaseModel):
    """What a gateway can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    control: str = Field(default="tcp://127.0.0.1:60615", description="Address of the manager's control socket.")
    info: str = Field(default="tcp://127.0.0.1:60625", description="Address of the manager's notices.")
    encoding: Literal["json", "msgpack"] = Field(default="json", description="Encoding of the manager's notices.")
    http: str = Field(default=DEFAULT_HTTP, description="HOST:PORT to listen on; port 0 is free.")
    data: Path = Field(description="Directory for the accounts and the single-user key.")
    api_key_file: Path | None = Field(default=None, description="File of mode 0600 with the single-user API key.")
    allow_anonymous: bool = Field(default=False, description="Admit callers without credential to the status.")
    allow_origins: tuple[str, ...] = Field(default=(), description="Origins of other sites whose pages may call.")
    timeout_s: float = Field(default=2.0, gt=0, le=60, description="How long a request waits for the manager.")
    query_keys: bool = Field(default=False, description="Accept API keys in the query of an address.")
    most_body_bytes: int = Field(default=32 * 1024**2, gt=0, description="Largest body of a request.")
    test_routes: bool = Field(default=False, description="Offer the routes that freeze manager or gateway on purpose.")
    serve_docs: bool = Field(default=True, description="Serve the pages of the API's documentation.")
    verbosity: Literal["verbose", "normal", "quiet", "silent"] = Field(
        default="normal", description="How much is logged."
    )
    console_output: Literal["all", "manager", "off"] = Field(default="manager", description="What is printed.")

    @field_validator("http")
    @classmethod
    def _check_http(cls, value: str) -> str:
        host, _, port = value.removeprefix("http://").rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("an address has the form HOST:PORT, such as 127.0.0.1:60610")
        return f"{host}:{port}"

    @property
    def delegates(self) -> bool:
        """Whether the manager is told for whom is asked; only its private socket accepts that."""
        return self.control.startswith("ipc://")


def read_settings(values: dict[str, Any]) -> GatewaySettings:
    """Return the settings in ``values``.

    Raises:
        ParameterError: a value is wrong or a name unknown; the message names it.
    """
    try:
        return GatewaySettings(**values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(map(str, problem["loc"]))
        text = problem["msg"].removeprefix("Value error, ")
        raise ParameterError(
            f"Setting {name!r} of the gateway: {text}, not {problem['input']!r}.", field=name
        ) from error
