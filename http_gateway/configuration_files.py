"""Configuration in the form of bluesky-httpserver: one YAML file, or a directory of them. Knows no other source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from http_gateway.auth.secret_files import read_secret
from http_gateway.auth.settings import (
    ApiAccessSettings,
    AuthenticationSettings,
    DatabaseSettings,
    ResourceAccessSettings,
)
from http_gateway.config import Place
from http_gateway.dialects.flowserv.settings import FlowservSettings
from http_gateway.dialects.ica.settings import IcaSettings
from http_gateway.sources import HOST, PORT, Entries, Entry, combine
from queue_server.protocol.errors import ParameterError

SECTIONS: Mapping[str, Mapping[str, Place]] = {
    "qserver_zmq_configuration": {
        "control_address": ("control",),
        "info_address": ("info",),
        "encoding": ("encoding",),
        "public_key": ("server_key",),
    },
    "server_configuration": {
        "custom_routers": ("custom_routers",),
        "custom_modules": ("custom_modules",),
        "finch_paths": ("finch_paths",),
        "finch_key": ("finch_key",),
        "test_routes": ("test_routes",),
    },
    **{
        section: {key: (section, key) for key in model.model_fields}
        for section, model in (
            ("authentication", AuthenticationSettings),
            ("api_access", ApiAccessSettings),
            ("resource_access", ResourceAccessSettings),
            ("database", DatabaseSettings),
            ("flowserv", FlowservSettings),
            ("ica", IcaSettings),
        )
    },
    "uvicorn": {
        "host": HOST,
        "port": PORT,
        "workers": ("workers",),
        "root_path": ("root_path",),
        "proxy_headers": ("proxy_headers",),
        "forwarded_allow_ips": ("trusted_proxies",),
        "ssl_certfile": ("tls_cert",),
        "ssl_keyfile": ("tls_key",),
        "ssl_keyfile_password": ("tls_key_password",),
        "ssl_ca_certs": ("tls_client_ca",),
        "ssl_cert_reqs": ("tls_client_check",),
        "ssl_ciphers": ("tls_ciphers",),
        "ssl_version": (),
    },
    "metrics": {"prometheus": ("metrics",)},
}
"""The sections and their keys, and where each value belongs. What belongs nowhere is accepted and has no effect."""

SECRET_FILES: Mapping[tuple[str, str], str] = {
    ("authentication", "single_user_api_key_file"): "single_user_api_key",
    ("authentication", "secret_keys_file"): "secret_keys",
    ("database", "uri_file"): "uri",
}
"""Keys of our own: a file of mode 0600 that holds the secret of another key."""

_ORIGINS = "allow_origins"
_LISTS = frozenset({"secret_keys"})
# The numbers of the module ssl, as uvicorn takes them.
_CLIENT_CHECKS = {0: "none", 1: "optional", 2: "required", "0": "none", "1": "optional", "2": "required"}
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


def read_configuration(path: Path, environ: Mapping[str, str] = os.environ) -> Entries:
    """Return what a file, or the files of a directory, say.

    Raises:
        ParameterError: a file cannot be read, a key is unknown or stands in two files, or a value names a variable that
            is not set; the message has the place, and shows no value.
    """
    entries: Entries = {}
    owners: dict[str, Path] = {}
    for file in _list_files(path.expanduser().absolute()):
        for section, content in _read_file(file).items():
            if section == _ORIGINS:
                _add_origins(entries, _expand(content, f"{section!r} in {file}", environ), file)
                continue
            if section in owners:
                raise ParameterError(f"{section!r} stands in two files: {owners[section]} and {file}.", field=section)
            owners[section] = file
            entries.update(_read_section(section, content, file, environ))
    return entries


def with_configuration(path: Path, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Place, str]]:
    """Return settings with those of the configuration at ``path`` added, and where these stand.

    What is in ``values`` already wins.

    Raises:
        ParameterError: the configuration cannot be used.
    """
    entries = read_configuration(path)
    tree, sources = combine([{place: entry for place, entry in entries.items() if place[0] not in values}])
    return {**tree, **values}, {place: source for place, source in sources.items() if place[0] not in values}


def _list_files(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        found = sorted(path.iterdir())
    except OSError as error:
        raise ParameterError(f"The configuration {path} cannot be read: {error.strerror}.", field="config") from None
    return [file for file in found if file.is_file() and not file.name.startswith(".") and file.suffix != ".py"]


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"The configuration {path} cannot be read: {error.strerror}.", field="config") from None
    except UnicodeDecodeError:
        raise ParameterError(f"The configuration {path} is not text.", field="config") from None
    except yaml.YAMLError as error:
        # The error itself would show the lines around it.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        text = getattr(error, "problem", None) or "it cannot be parsed"
        raise ParameterError(f"The configuration {path}{line} is not YAML: {text}.", field="config") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ParameterError(f"The configuration {path} must be a map of sections.", field="config")
    return cast("dict[str, Any]", content)


def _read_section(section: str, content: Any, file: Path, environ: Mapping[str, str]) -> Entries:
    known = SECTIONS.get(section)
    if known is None:
        names = ", ".join([*SECTIONS, _ORIGINS])
        raise ParameterError(f"{section!r} in {file} is not known. Known are: {names}.", field=str(section))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ParameterError(f"{section!r} in {file} must be a map of keys.", field=section)
    entries: Entries = {}
    for key, raw in cast("dict[str, Any]", content).items():
        field = f"{section}.{key}"
        source = f"{field!r} in {file}"
        value = _expand(raw, source, environ)
        target = SECRET_FILES.get((section, str(key)))
        if target is not None:
            _check_single(cast("dict[str, Any]", content), target, source)
            entries[known[target]] = Entry(_read_secret(target, value, source, file), source)
        elif key not in known:
            raise ParameterError(f"{source} is not known. Known are: {', '.join(known)}.", field=field)
        elif value is not None and known[key]:
            entries[known[key]] = Entry(_adapt(known[key], value, file), source)
    return entries


def _check_single(content: Mapping[str, Any], target: str, source: str) -> None:
    if content.get(target) is not None:
        raise ParameterError(f"{source} and {target!r} say the same; keep one of them.", field=target)


def _read_secret(target: str, value: Any, source: str, file: Path) -> str | list[str]:
    if not isinstance(value, str):
        raise ParameterError(f"{source} must be the path of a file.", field=target)
    try:
        text = read_secret(file.parent / Path(value).expanduser(), target)
    except ParameterError as error:
        raise ParameterError(f"{source}: {error.message}", field=target) from None
    if not text:
        raise ParameterError(f"{source} names a file that is empty.", field=target)
    return text.split() if target in _LISTS else text


def _adapt(place: Place, value: Any, file: Path) -> Any:
    """Return a value as the settings take it."""
    if place == ("encoding",) and isinstance(value, str):
        return value.lower()
    if place == ("tls_client_check",) and isinstance(value, str | int):
        return _CLIENT_CHECKS.get(value, value)
    if place in {("tls_cert",), ("tls_key",), ("tls_client_ca",)} and isinstance(value, str):
        return str(file.parent / Path(value).expanduser())
    if place == ("trusted_proxies",) and isinstance(value, list):
        return ",".join(map(str, cast("list[Any]", value)))
    return value


def _add_origins(entries: Entries, origins: Any, file: Path) -> None:
    if not isinstance(origins, list | None):
        raise ParameterError(f"{_ORIGINS!r} in {file} must be a list of origins.", field=_ORIGINS)
    earlier = entries.get((_ORIGINS,))
    source = f"{_ORIGINS!r} in {file}" if earlier is None else f"{earlier.source} and {file}"
    entries[_ORIGINS,] = Entry([*(earlier.value if earlier else ()), *(cast("list[Any]", origins) or ())], source)


def _expand(value: Any, source: str, environ: Mapping[str, str]) -> Any:
    """Return a value with the variables that its texts name; a name that is not set stays inside a longer text."""
    if isinstance(value, dict):
        return {key: _expand(inner, source, environ) for key, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_expand(inner, source, environ) for inner in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None and _name_in(whole) not in environ:
        raise ParameterError(f"{source} names the variable {_name_in(whole)}, which is not set.", field=_name_in(whole))
    return _REFERENCE.sub(lambda found: environ.get(_name_in(found), found[0]), value)


def _name_in(found: re.Match[str]) -> str:
    return found[1] or found[2]
