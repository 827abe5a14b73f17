"""Where a client finds its manager: arguments, environment, ready file, default. Connects to nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from queue_server.protocol.errors import CommunicationError, ParameterError

DEFAULT_CONTROL = "tcp://127.0.0.1:60615"
DEFAULT_INFO = "tcp://127.0.0.1:60625"
DEFAULT_HTTP = "http://127.0.0.1:60610"

_CONTROL_NAMES = ("CUELIGHT_CONTROL", "QSERVER_ZMQ_CONTROL_ADDRESS")
_INFO_NAMES = ("CUELIGHT_INFO", "QSERVER_ZMQ_INFO_ADDRESS")
_HTTP_SCHEMES = ("http", "https")
_READY_FILE_NAME = "CUELIGHT_READY_FILE"


class Addresses(Struct, frozen=True):
    """The two sockets of a manager, or a gateway; ``info`` is None where only the other side can tell it."""

    control: str
    info: str | None


def find_addresses(
    control: str | None = None, info: str | None = None, environ: Mapping[str, str] = os.environ
) -> Addresses:
    """Return the addresses to connect to.

    For each address the first source that has one wins: the argument, ``CUELIGHT_CONTROL`` or
    ``CUELIGHT_INFO``, the stock name ``QSERVER_ZMQ_…_ADDRESS``, the ready file that ``CUELIGHT_READY_FILE``
    names, the default. Ready file and default give ``info`` only for their own ``control``, because the two
    belong together; so do the variables, where they name another ``control`` than the argument.

    Raises:
        ParameterError: an address does not begin with tcp:// or ipc:// (``control`` also with http:// or https://);
            the message names its source.
        CommunicationError: the ready file is missing or is none.
    """
    ready: Mapping[str, str] = {}
    chosen = _first("control", control, _CONTROL_NAMES, environ)
    if chosen is not None and is_http(chosen):
        return Addresses(chosen.rstrip("/"), None)
    named = _first("control", None, _CONTROL_NAMES, environ)
    is_other = named is not None and named != chosen
    chosen_info = _first("info", info, () if is_other else _INFO_NAMES, environ)
    if environ.get(_READY_FILE_NAME) and (chosen is None or chosen_info is None):
        ready = read_ready_file(Path(environ[_READY_FILE_NAME]), required=chosen is None)
    chosen = chosen or ready.get("control") or DEFAULT_CONTROL
    if chosen_info is None and ready.get("control") == chosen:
        chosen_info = ready.get("info")
    if chosen_info is None and chosen == DEFAULT_CONTROL:
        chosen_info = DEFAULT_INFO
    return Addresses(chosen, chosen_info)


def read_ready_file(path: Path, *, required: bool = True) -> dict[str, Any]:
    """Return what a running system wrote about itself; an empty map if a file not required is missing.

    Raises:
        CommunicationError: the file is missing or cannot be read; the message says what to do.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not required:
            return {}
        raise CommunicationError(
            f"There is no ready file {path}, so no manager is up there. Start one with: cuelight up --ready-file {path}"
        ) from error
    except (OSError, ValueError) as error:
        raise CommunicationError(f"The ready file {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "control" not in content:
        raise CommunicationError(f"The file {path} is not the ready file of a manager: it names no control address.")
    return cast("dict[str, Any]", content)


def is_http(address: str) -> bool:
    """Return whether ``address`` is that of a gateway."""
    return address.partition("://")[0] in _HTTP_SCHEMES


def is_local(address: str) -> bool:
    """Return whether ``address`` leads to this host only: ipc, localhost, or the loopback interface."""
    scheme, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].removeprefix("[").removesuffix("]")
    if scheme == "ipc" or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _first(what: str, given: str | None, names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    sources = [(what, given), *((name, environ.get(name)) for name in names)]
    for source, address in sources:
        if address:
            return _check(source, address)
    return None


def _check(source: str, address: str) -> str:
    scheme, separator, rest = address.partition("://")
    allowed = ("tcp", "ipc") if source in ("info", *_INFO_NAMES) else ("tcp", "ipc", *_HTTP_SCHEMES)
    if scheme in allowed and separator and rest:
        return address
    gateway = f", {DEFAULT_HTTP}" if "http" in allowed else ""
    raise ParameterError(
        f"'{source}' must be an address such as {DEFAULT_CONTROL}{gateway} or ipc:///path/of/socket, not {address!r}.",
        field=source,
    )
