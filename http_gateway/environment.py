"""The environment variables of bluesky-httpserver, and those that look like them and change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from http_gateway.config import Place
from http_gateway.sources import Entries, Entry, Findings
from queue_server.protocol.errors import ParameterError

CONFIGURATION_NAME = "QSERVER_HTTP_SERVER_CONFIG"
PREFIX = "QSERVER_HTTP_SERVER_"

_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class _Variable:
    """Names in order of preference, all but the first deprecated; where its value belongs; how it is written."""

    names: tuple[str, ...]
    place: Place
    read: Callable[[str], Any] = str


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("must be 1, 0, true or false")
    return _BOOLEANS[text.lower()]


def _whole(text: str) -> int:
    if not re.fullmatch("[0-9]+", text.strip()):
        raise ValueError("must be a whole number")
    return int(text)


def _words(separators: str) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        return [word.strip() for word in re.split(separators, text) if word.strip()]

    return split


def _lower(text: str) -> str:
    return text.lower()


_VARIABLES = (
    _Variable(
        ("QSERVER_ZMQ_CONTROL_ADDRESS", "QSERVER_ZMQ_ADDRESS_CONTROL", "QSERVER_ZMQ_ADDRESS"),
        ("control",),
    ),
    _Variable(("QSERVER_ZMQ_INFO_ADDRESS", "QSERVER_ZMQ_ADDRESS_CONSOLE"), ("info",)),
    _Variable(("QSERVER_ZMQ_ENCODING",), ("encoding",), _lower),
    _Variable(("QSERVER_ZMQ_PUBLIC_KEY",), ("server_key",)),
    _Variable((f"{PREFIX}SINGLE_USER_API_KEY",), ("authentication", "single_user_api_key")),
    _Variable((f"{PREFIX}ALLOW_ANONYMOUS_ACCESS",), ("authentication", "allow_anonymous_access"), _boolean),
    _Variable((f"{PREFIX}ALLOW_ORIGINS",), ("allow_origins",), _words(r"\s+")),
    _Variable((f"{PREFIX}SERVER_SECRET_KEYS",), ("authentication", "secret_keys"), _words(";")),
    _Variable((f"{PREFIX}ACCESS_TOKEN_MAX_AGE",), ("authentication", "access_token_max_age"), _whole),
    _Variable((f"{PREFIX}REFRESH_TOKEN_MAX_AGE",), ("authentication", "refresh_token_max_age"), _whole),
    _Variable((f"{PREFIX}SESSION_MAX_AGE",), ("authentication", "session_max_age"), _whole),
    _Variable((f"{PREFIX}DATABASE_URI",), ("database", "uri")),
    _Variable((f"{PREFIX}DATABASE_POOL_SIZE",), ("database", "pool_size"), _whole),
    _Variable((f"{PREFIX}DATABASE_POOL_PRE_PING",), ("database", "pool_pre_ping"), _boolean),
    _Variable((f"{PREFIX}RESPONSE_BYTESIZE_LIMIT",), (), _whole),
    _Variable(("QSERVER_HTTP_CUSTOM_ROUTERS",), ("custom_routers",), _words("[:,]")),
    _Variable(("QSERVER_CUSTOM_MODULES", "QSERVER_CUSTOM_MODULE"), ("custom_modules",), _words("[:,]")),
)

_KNOWN = frozenset({CONFIGURATION_NAME, *(name for variable in _VARIABLES for name in variable.names)})

# These have the prefix, and are meant for clients.
_OF_CLIENTS = frozenset({f"{PREFIX}URI", f"{PREFIX}API_KEY", f"{PREFIX}API_KEYFILE"})

STRAY_NAMES = (
    "ALLOW_ANONYMOUS_ACCESS",
    "ALLOW_ORIGINS",
    "SINGLE_USER_API_KEY",
    "SECRET_KEYS",
    "SERVER_SECRET_KEYS",
    "ACCESS_TOKEN_MAX_AGE",
    "REFRESH_TOKEN_MAX_AGE",
    "SESSION_MAX_AGE",
    "RESPONSE_BYTESIZE_LIMIT",
    "DATABASE_URI",
    "DATABASE_POOL_SIZE",
    "DATABASE_POOL_PRE_PING",
    "WEB_CONCURRENCY",
    "FORWARDED_ALLOW_IPS",
)
"""Variables without prefix that bluesky-httpserver or its server reads; here they change nothing."""


def read_environment(environ: Mapping[str, str]) -> Findings:
    """Return what the variables say. An empty variable counts as not set.

    Raises:
        ParameterError: a value has a wrong form; the message names the variable and does not repeat the value.
    """
    entries: Entries = {}
    notes: list[str] = []
    for variable in _VARIABLES:
        given = [name for name in variable.names if environ.get(name, "").strip()]
        if not given:
            continue
        value = _read(variable, given[0], environ)
        if variable.place:
            entries[variable.place] = Entry(value, f"The variable {given[0]}")
        notes += _explain_names(variable, given)
    return Findings(entries, (*notes, *_explain_strays(environ)))


def _read(variable: _Variable, name: str, environ: Mapping[str, str]) -> Any:
    try:
        return variable.read(environ[name].strip())
    except ValueError as error:
        raise ParameterError(f"The variable {name} {error}.", field=name) from None


def _explain_names(variable: _Variable, given: list[str]) -> Iterator[str]:
    newest = variable.names[0]
    if not variable.place:
        yield f"The variable {given[0]} has no effect: replies of the manager are passed on whole."
    if given[0] != newest:
        yield f"The variable {given[0]} is deprecated; use {newest}."
    for name in given[1:]:
        yield f"The variable {name} is deprecated and ignored, because {given[0]} is set."


def _explain_strays(environ: Mapping[str, str]) -> Iterator[str]:
    strays = [name for name in STRAY_NAMES if name in environ]
    strays += sorted(name for name in environ if name.startswith("UVICORN_"))
    if strays:
        yield (
            f"Ignored, because the gateway reads no variable without its prefix: {', '.join(strays)}. Its variables "
            f"begin with {PREFIX}"
        )
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in _KNOWN | _OF_CLIENTS)
    if unknown:
        yield f"Ignored, because the gateway knows no variable of this name: {', '.join(unknown)}"
