"""``cuelight call METHOD``: one command for every declared method, derived from its declaration."""

from __future__ import annotations

import inspect
import typing
from types import NoneType
from typing import Annotated, Any, Literal

import typer

from queue_server.cli import render
from queue_server.cli.options import Verb, with_options
from queue_server.cli.session import Session
from queue_server.cli.values import read_keywords, read_value
from queue_server.protocol.method import Method
from queue_server.protocol.methods import METHODS

_WORDS = "words"


def add_calls(app: typer.Typer) -> None:
    """Add a command for every method."""
    for method in METHODS.values():
        app.command(method.name, help=_help(method))(derive(method))


def derive(method: Method) -> Verb:
    """Return the command of a method: an option for every parameter, or NAME=VALUE.

    Values are checked against the declaration before anything is sent.
    """

    def call(session: Session, **given: Any) -> None:
        words = given.pop(_WORDS, None) or []
        values = {name: _read(method, name, value) for name, value in given.items() if value is not None}
        params = {**read_keywords(words), **values}
        method.parse(params)
        reply = session.request(method.name, params)
        session.show(reply, lambda: render.print_json(reply))

    call.__doc__ = method.summary
    return with_options(call, [_WORDS_PARAMETER, *(_option(method, name) for name in method.params.model_fields)])


def _help(method: Method) -> str:
    parts = [method.summary, method.notes, f"Kind {method.kind}, scope {method.scope}."]
    return "\n\n".join(part for part in parts if part)


def _option(method: Method, name: str) -> inspect.Parameter:
    field = method.params.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    is_flag = field.annotation is bool
    needed = " Required." if field.is_required() else ""
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if is_flag else flag,
        metavar=None if is_flag else _metavar(field.annotation),
        help=f"{field.description or ''}{needed}",
    )
    kind: Any = bool | None if is_flag else str | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=None)


_WORDS_PARAMETER = inspect.Parameter(
    _WORDS,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    annotation=Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Parameters; values are JSON or text.")
    ],
    default=None,
)


def _metavar(annotation: Any) -> str:
    choices = [
        choice for part in _parts(annotation) if typing.get_origin(part) is Literal for choice in typing.get_args(part)
    ]
    others = [part for part in _parts(annotation) if typing.get_origin(part) is not Literal]
    names = {int: "INTEGER", str: "TEXT", float: "NUMBER"}
    return "|".join([*map(str, choices), *(names.get(part, "JSON") for part in others)])


def _parts(annotation: Any) -> list[Any]:
    """Return the members of a union, None left out."""
    if typing.get_origin(annotation) in (None, list, dict, Literal):
        return [annotation]
    return [part for part in typing.get_args(annotation) if part is not NoneType]


def _read(method: Method, name: str, value: Any) -> Any:
    """Return the value of an option: text stays text where the declaration asks for nothing else."""
    is_text = _parts(method.params.model_fields[name].annotation) == [str]
    return value if is_text or not isinstance(value, str) else read_value(value)
