"""The verbs ``cuelight user`` and ``cuelight key``: accounts, roles and API keys, changed in the database itself.

The database is that of the data directory, unless QSERVER_HTTP_SERVER_DATABASE_URI names another one.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
from pydantic import SecretStr
from sqlalchemy import Connection

from http_gateway.auth import api_keys, local_accounts, people, sessions
from http_gateway.auth.providers import is_name
from http_gateway.auth.scopes import ALL_SCOPES
from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import open_store
from queue_server.protocol.errors import CuelightError, NotFoundError, ParameterError

_DONE, _WRONG = 0, 1
_DATABASE_VARIABLE = "QSERVER_HTTP_SERVER_DATABASE_URI"
_LIFE = re.compile(r"(\d+)(s|m|h|d)?")
_UNITS_S = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

T = TypeVar("T")

_Name = Annotated[str, typer.Argument(help="Name of the account, as its provider knows it.")]
_Provider = Annotated[str, typer.Option(help="Name of the provider, as in 'authentication.providers'.")]
_Data = Annotated[Path | None, typer.Option("--data", envvar="CUELIGHT_DATA", help="Data directory of the gateway.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _run_on(data: Path | None, work: Callable[[Connection], T]) -> T:
    directory = data or _default_directory()
    # Only from the environment: an address may hold a password, and command lines can be seen by everybody.
    address = os.environ.get(_DATABASE_VARIABLE)
    if not address and not directory.is_dir():
        raise ParameterError(f"There is no data directory {directory}; name it with --data.", field="data")
    uri = SecretStr(address) if address else None
    with closing(open_store(DatabaseSettings(uri=uri), directory)) as store:
        return store.run(work)


user_app = typer.Typer(help="Accounts: who may log in, and with which roles.", no_args_is_help=True)
key_app = typer.Typer(help="API keys of accounts.", no_args_is_help=True)


@user_app.command("add")
def add_user(
    name: _Name,
    role: Annotated[list[str] | None, typer.Option(help="Role, such as user, expert, admin; may be repeated.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File that holds the password; without it the password is asked for.")
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A program without a password, for API keys only.")
    ] = False,
    data: _Data = None,
) -> None:
    """Add a local account with a password, or an account of a program."""
    _check_name(name)
    provider = people.SERVICE_PROVIDER if service else local_accounts.PROVIDER
    hashed = None if service else local_accounts.PasswordHashes().make(_read_password(password_file))

    def add(connection: Connection) -> None:
        if people.find_by_name(connection, provider, name) or local_accounts.read_hash(connection, name):
            raise ParameterError(f"There is an account {name!r} already.", field="name")
        kind: people.Kind = "service" if service else "user"
        person = people.add_person(connection, people.ProvenIdentity(name, provider), _now(), kind)
        people.set_roles(connection, person.uuid, _read_roles(role))
        if hashed is not None:
            local_accounts.add_account(connection, name, hashed, _now())

    _run_on(data, add)
    typer.echo(f"Added {name}.", err=True)


@user_app.command("password")
def set_password(
    name: _Name,
    password_file: Annotated[Path | None, typer.Option(help="File that holds the password.")] = None,
    data: _Data = None,
) -> None:
    """Change the password of a local account, and end its sessions."""
    hashed = local_accounts.PasswordHashes().make(_read_password(password_file))

    def change(connection: Connection) -> None:
        if not local_accounts.rewrite_hash(connection, name, hashed):
            raise NotFoundError(f"There is no local account {name!r}.")
        person = people.find_by_name(connection, local_accounts.PROVIDER, name)
        for session in sessions.list_sessions(connection, person.uuid) if person is not None else ():
            sessions.revoke_session(connection, session.uuid)

    _run_on(data, change)
    typer.echo(f"Changed the password of {name}; open sessions have ended.", err=True)


@user_app.command("roles")
def set_roles(
    name: _Name,
    roles: Annotated[list[str] | None, typer.Argument(help="The roles; none takes all away.")] = None,
    provider: _Provider = local_accounts.PROVIDER,
    data: _Data = None,
) -> None:
    """Give an account exactly these roles, beside those that the policy of the site gives. They count at once."""
    _check_name(name)

    def change(connection: Connection) -> None:
        person = people.find_by_name(connection, provider, name)
        if person is None:
            # So that a person has their roles before their first login at a provider elsewhere.
            person = people.add_person(connection, people.ProvenIdentity(name, provider), _now())
        people.set_roles(connection, person.uuid, _read_roles(roles))

    _run_on(data, change)


@user_app.command("remove")
def remove_user(name: _Name, provider: _Provider = local_accounts.PROVIDER, data: _Data = None) -> None:
    """Remove an account with its sessions and keys, at once."""

    def remove(connection: Connection) -> None:
        person = _find(connection, provider, name)
        people.remove_person(connection, person.uuid)
        if provider == local_accounts.PROVIDER:
            local_accounts.remove_account(connection, name)

    _run_on(data, remove)
    typer.echo(f"Removed {name}.", err=True)


@user_app.command("list")
def list_users(as_json: _AsJson = False, data: _Data = None) -> None:
    """Show all accounts."""
    found = _run_on(data, people.list_people)
    rows = [
        {
            "name": person.name,
            "provider": person.identities[0].provider if person.identities else "",
            "kind": person.kind,
            "roles": sorted(person.roles),
            "uuid": person.uuid,
            "latest_login": _show_time(max((entry.latest_login or 0 for entry in person.identities), default=0)),
        }
        for person in found
    ]
    _show(rows, as_json)


@key_app.command("add")
def add_key(
    name: _Name,
    expires: Annotated[str, typer.Option(help="Life, such as 12h, 30d, or 'never'.")] = "30d",
    scope: Annotated[
        list[str] | None, typer.Option(help="Scope; may be repeated. Without any those of the owner.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    provider: _Provider = local_accounts.PROVIDER,
    data: _Data = None,
) -> None:
    """Make an API key and print it; it cannot be shown again."""
    scopes = sorted({word.lower() for word in scope or ()})
    unknown = [word for word in scopes if word not in ALL_SCOPES]
    if unknown:
        raise ParameterError(f"There are no scopes {unknown}; use some of {sorted(ALL_SCOPES)}.", field="scope")
    life_s = _read_life(expires)

    def make(connection: Connection) -> tuple[api_keys.ApiKey, str]:
        person = _find(connection, provider, name)
        chosen = scopes or [api_keys.INHERIT]
        return api_keys.add_key(connection, person.uuid, chosen, now=_now(), life_s=life_s, note=note)

    _, secret = _run_on(data, make)
    typer.echo(secret)


@key_app.command("list")
def list_keys(
    name: _Name,
    provider: _Provider = local_accounts.PROVIDER,
    as_json: _AsJson = False,
    data: _Data = None,
) -> None:
    """Show the API keys of an account; their secrets are not kept."""
    found = _run_on(data, lambda c: api_keys.list_keys(c, _find(c, provider, name).uuid))
    rows = [
        {
            "first_eight": key.first_eight,
            "expires": _show_time(key.expires) or "never",
            "scopes": list(key.scopes),
            "latest_activity": _show_time(key.latest_activity),
            "note": key.note or "",
        }
        for key in found
    ]
    _show(rows, as_json)


@key_app.command("remove")
def remove_key(
    name: _Name,
    first_eight: Annotated[str, typer.Argument(help="The first eight digits of the key.")],
    provider: _Provider = local_accounts.PROVIDER,
    data: _Data = None,
) -> None:
    """Remove an API key, at once."""

    def remove(connection: Connection) -> None:
        if not api_keys.delete_key(connection, _find(connection, provider, name).uuid, first_eight):
            raise NotFoundError(f"{name} has no key that begins with {first_eight!r}.")

    _run_on(data, remove)
    typer.echo(f"Removed the key {first_eight}.", err=True)


def run_user(arguments: Sequence[str] | None = None, *, program: str = "cuelight user") -> int:
    """Run ``cuelight user``; return its exit code."""
    return _run(user_app, arguments, program)


def run_key(arguments: Sequence[str] | None = None, *, program: str = "cuelight key") -> int:
    """Run ``cuelight key``; return its exit code."""
    return _run(key_app, arguments, program)


def _run(app: typer.Typer, arguments: Sequence[str] | None, program: str) -> int:
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name=program)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _WRONG
    except CuelightError as error:
        typer.echo(f"Error: {error.message}", err=True)
        return error.exit_code
    return _DONE


def _default_directory() -> Path:
    state_home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state_home) / "cuelight" / "default"


def _find(connection: Connection, provider: str, name: str) -> people.Person:
    person = people.find_by_name(connection, provider, name)
    if person is None and provider == local_accounts.PROVIDER:
        person = people.find_by_name(connection, people.SERVICE_PROVIDER, name)
    if person is None:
        raise NotFoundError(f"There is no account {name!r} of the provider {provider!r}.")
    return person


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ParameterError(
            "A name has up to 128 visible characters in the composed form (NFC), none of them a quote, '<' or '>'.",
            field="name",
        )


def _read_roles(roles: Sequence[str] | None) -> frozenset[str]:
    return frozenset(role.lower() for role in roles or ())


def _read_password(path: Path | None) -> str:
    if path is not None:
        try:
            password = path.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"The password in {path} cannot be read.", field="password_file") from error
    else:
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    if len(password) < local_accounts.SHORTEST_PASSWORD:
        raise ParameterError(
            f"A password needs {local_accounts.SHORTEST_PASSWORD} characters at least.", field="password_file"
        )
    return password


def _read_life(text: str) -> float | None:
    if text == "never":
        return None
    match = _LIFE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ParameterError(f"{text!r} is no life of a key; write 90m, 12h, 30d or 'never'.", field="expires")
    return int(match[1]) * _UNITS_S[match[2]]


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _show_time(time: float | None) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo("  ".join(_show_cell(cell) for cell in row.values()))


def _show_cell(cell: Any) -> str:
    return ", ".join(cast("list[str]", cell)) if isinstance(cell, list) else str(cell)
