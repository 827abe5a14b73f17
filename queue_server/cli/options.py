"""The options of commands: those that every verb has, and those that several share."""

from __future__ import annotations

import getpass
import inspect
from collections.abc import Callable
from contextlib import closing
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.keys import VARIABLE, take_key
from queue_server.cli.session import COMMON, CommonOption, LaneSession, Session


def _take_key(text: str | None) -> str | None:
    return None if text is None else take_key(text)


LockKey = Annotated[
    str | None,
    typer.Option(
        "--lock-key",
        envvar=VARIABLE,
        metavar="KEY|@FILE",
        callback=_take_key,
        help="Key of the lock, if one is set; @FILE keeps it out of the list of processes.",
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the outcome. Ctrl-C stops the waiting only.")]
User = Annotated[
    str | None, typer.Option("--user", envvar="CUELIGHT_USER", help="Who asks; by default the login name.")
]
UserGroup = Annotated[str, typer.Option("--group", envvar="CUELIGHT_USER_GROUP", help="Group whose permissions apply.")]

DEFAULT_GROUP = "primary"

_LANE = CommonOption("lane", str, "--lane", "NAME", "Act in this lane; by default in the lane 'default'.")

Verb = Callable[..., int | None]
"""What does the work of a verb; it returns an exit code other than 0 if the work did not end well."""


def who(user: str | None, group: str) -> dict[str, str]:
    """Return the parameters that say who asks; without ``user`` it is the login name."""
    return {"user": user or getpass.getuser(), "user_group": group}


def claim(user: str | None) -> dict[str, str]:
    """Return the parameter that says who edits the queue; without ``user`` it is the login name."""
    return {"user": user or getpass.getuser()}


def as_command(function: Verb) -> Verb:
    """Return a command from a verb: if its first parameter is a session, with the options that all such verbs have."""
    first, *own = inspect.signature(function, eval_str=True).parameters.values()
    if first.annotation is LaneSession:
        return with_options(function, own, LaneSession)
    return with_options(function, own) if first.annotation is Session else function


def with_options(function: Verb, own: list[inspect.Parameter], kind: type[Session] = Session) -> Verb:
    """Return a command with the parameters ``own`` and those which all verbs share that have this kind of session."""
    shared = (_LANE, *COMMON) if kind is LaneSession else COMMON

    def command(**values: Any) -> int | None:
        session = kind(**{option.name: values.pop(option.name) for option in shared})
        with closing(session):
            try:
                return function(session, **values)
            except KeyboardInterrupt:
                if values.get("wait"):
                    render.say("No longer waiting; nothing was stopped. 'cuelight status' shows how it goes on.")
                raise

    signature = inspect.Signature([*own, *map(_parameter, shared)])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    return command


def _parameter(option: CommonOption) -> inspect.Parameter:
    asked = typer.Option(option.flag, metavar=option.metavar, help=option.help)
    kind: Any = bool if option.kind is bool else option.kind | None
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, asked],
        default=False if option.kind is bool else None,
    )
