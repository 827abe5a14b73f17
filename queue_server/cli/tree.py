"""The verbs and their groups: which there are, and how the one that is wanted becomes a Typer command."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer

from queue_server.cli import render
from queue_server.cli.options import as_command
from queue_server.cli.programs import find_program, list_programs
from queue_server.protocol.errors import ParameterError

Path = tuple[str, ...]

# Verb → the function that does it. A module is imported only when its verb is wanted, because a status must be
# there at once, and not every verb needs the declarations or the settings.
VERBS: dict[Path, str] = {
    ("up",): "up:up",
    ("down",): "service:down",
    ("demo",): "demo.command:demo",
    ("demo-data",): "demo.data:demo_data",
    ("status",): "status:status",
    ("lanes",): "lanes:lanes",
    ("env", "open"): "environment:open_environment",
    ("env", "close"): "environment:close_environment",
    ("env", "update"): "tasks:update_environment",
    ("env", "destroy"): "environment:destroy_environment",
    ("execute",): "items:execute",
    ("queue", "add"): "items:add",
    ("queue", "add-batch"): "items:add_batch",
    ("queue", "list"): "queue:list_queue",
    ("queue", "get"): "items:get",
    ("queue", "update"): "items:update",
    ("queue", "move"): "items:move",
    ("queue", "move-batch"): "batches:move",
    ("queue", "remove"): "items:remove",
    ("queue", "remove-batch"): "batches:remove",
    ("queue", "hold"): "items:hold",
    ("queue", "release"): "items:release",
    ("queue", "clear"): "queue:clear",
    ("queue", "undo"): "undo:undo",
    ("queue", "start"): "queue:start",
    ("queue", "stop"): "queue:stop",
    ("queue", "autostart"): "queue:autostart",
    ("queue", "mode"): "queue:mode",
    ("batch", "create"): "batch:create",
    ("batch", "list"): "batch:list_batches",
    ("batch", "show"): "batch:show",
    ("batch", "items"): "batch:items",
    ("batch", "cancel"): "batch:cancel",
    ("batch", "hold"): "batch:hold",
    ("batch", "resume"): "batch:resume",
    ("batch", "retry"): "batch:retry",
    ("workflow", "list"): "workflow:list_workflows",
    ("workflow", "show"): "workflow:show",
    ("workflow", "add"): "workflow:add",
    ("workflow", "remove"): "workflow:remove",
    ("workflow", "reload"): "workflow:reload",
    ("workflow", "submit"): "workflow:submit",
    ("workflow", "rank"): "workflow:rank",
    ("validate",): "validation:validate",
    ("pause",): "run:pause",
    ("resume",): "run:resume",
    ("stop",): "run:stop",
    ("abort",): "run:abort",
    ("halt",): "run:halt",
    ("estop",): "estop:stop",
    ("estop", "reset"): "estop:reset",
    ("runs",): "run:runs",
    ("runs", "list"): "runs:list_runs",
    ("runs", "show"): "runs:show",
    ("runs", "documents"): "runs:print_documents",
    ("runs", "table"): "runs:print_table",
    ("runs", "export"): "runs:export",
    ("runs", "index"): "runs:index",
    ("metadata",): "tasks:metadata",
    ("history",): "history:show",
    ("history", "clear"): "history:clear",
    ("history", "resolve"): "history:resolve",
    ("plans",): "catalog:plans",
    ("devices",): "catalog:devices",
    ("device", "list"): "devices:list_devices",
    ("device", "show"): "devices:show",
    ("device", "create"): "devices:create",
    ("device", "import-token"): "devices:import_token",
    ("device", "rotate-token"): "devices:rotate_token",
    ("device", "revoke-token"): "devices:revoke_token",
    ("device", "parameter"): "devices:set_parameter",
    ("device", "delete"): "devices:delete",
    ("device", "read"): "device_access:read",
    ("device", "locate"): "device_access:locate",
    ("device", "set"): "device_access:set_device",
    ("device", "stop"): "device_access:stop",
    ("script", "upload"): "tasks:upload_script",
    ("function", "call"): "tasks:call_function",
    ("task", "status"): "tasks:show_status",
    ("task", "result"): "tasks:show_result",
    ("permissions",): "permissions:show",
    ("permissions", "set"): "permissions:replace",
    ("permissions", "reload"): "permissions:reload",
    ("lock",): "locks:lock",
    ("lock", "info"): "locks:show",
    ("unlock",): "locks:unlock",
    ("clear-lock",): "offline:clear_lock",
    ("config",): "catalog:config",
    ("log",): "events:events",
    ("events",): "events:events",
    ("documents",): "documents:documents",
    ("manager", "stop"): "service:stop_manager",
    ("kernel", "interrupt"): "service:interrupt_kernel",
    ("backup",): "backup:backup",
    ("restore",): "backup:restore",
    ("verify",): "backup:verify",
    ("export",): "backup:export",
    ("artifacts", "list"): "artifact_names:list_artifacts",
    ("artifacts", "get"): "artifact_names:get",
    ("artifacts", "register"): "artifact_names:register",
    ("artifacts", "unregister"): "artifact_names:unregister",
    ("artifacts", "usage"): "artifacts:usage",
    ("artifacts", "sweep"): "artifacts:sweep",
    ("artifacts", "limit"): "artifacts:limit",
    ("import",): "backup:take_in",
    ("doctor",): "doctor.command:doctor",
    ("version",): "service:version",
}

_GROUPS = {
    "estop": "STOP ALL MOTION (software), or release what was stopped; not a safety-rated function.",
    "env": "Open, close, update or destroy the worker environment.",
    "queue": "Look at the queue, change it, start and stop it.",
    "batch": "Create items together, look at them, cancel, hold, resume or retry them as a whole.",
    "runs": "Show the runs of the running plan; list recorded runs, show them, write their documents and tables.",
    "history": "Show what has run, clear it, or tell how an item ended whose outcome is unknown.",
    "workflow": "Look at workflows, add them, submit them with arguments, and rank their results.",
    "script": "Run scripts in the worker's namespace.",
    "function": "Call functions of the worker's namespace.",
    "task": "Ask how scripts, functions and updates have ended.",
    "permissions": "Show what the user groups may do, replace it, or read it again.",
    "device": "Look after scanners, their tokens and parameters; read, set and stop devices of workers.",
    "lock": "Lock environment and queue, or show who has locked them.",
    "manager": "End the manager.",
    "artifacts": "List stored files and register some; show how much they take, sweep them, set a quota.",
    "kernel": "Interrupt the IPython kernel.",
    "call": "Send any request; see 'call METHOD --help' for its parameters.",
}
_CALL = "call"


def run_tree(words: Sequence[str]) -> int:
    """Run the verb that the words of a command line name and return its exit code.

    Raises:
        CuelightError: the verb failed.
    """
    program = None if _is_known(words) else find_program(words[0])
    if program is not None:
        return program(words[1:])
    try:
        result = build(choose(words))(args=list(words), prog_name="cuelight", standalone_mode=False)
    except typer.TyperException as error:
        if error.format_message():  # without a message its help was shown already
            render.say(_usage_of(error) + f"Error: {error.format_message()}")
        return ParameterError.exit_code
    except typer.Abort:
        render.say("Nothing was done.")
        return ParameterError.exit_code
    return result if isinstance(result, int) else 0


def choose(words: Sequence[str]) -> list[Path]:
    """Return the verbs to load for a command line: the one that it names, or all if it names none."""
    for length in (2, 1):
        path = tuple(words[:length])
        if path in VERBS and "--help" not in words:
            return [path]
    return [(_CALL,)] if words[:1] == [_CALL] else [*VERBS, (_CALL,)]


def _is_known(words: Sequence[str]) -> bool:
    return not words or words[0].startswith("-") or words[0] in {_CALL, *(path[0] for path in VERBS)}


def build(paths: Sequence[Path]) -> Any:
    """Return the command with these verbs."""
    app = typer.Typer(
        name="cuelight",
        epilog=_epilog() if len(paths) > 1 else None,
        help="Run a Bluesky queue: add plans, start it, watch it, control the running plan.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    groups: dict[str, typer.Typer] = {}
    for path in paths:
        if path == (_CALL,):
            _add_calls(_group(app, groups, _CALL))
        elif path[0] in _GROUPS:
            _add_to_group(_group(app, groups, path[0]), path)
        else:
            app.command(path[0], help=_help_of(_load(path)))(_load(path))
    return typer.main.get_command(app)


def _epilog() -> str | None:
    programs = list_programs()
    return f"Further commands: {', '.join(programs)}." if programs else None


def _root() -> None:
    """Do nothing: with a callback, an app of a single verb still expects its name."""


def _group(app: typer.Typer, groups: dict[str, typer.Typer], name: str) -> typer.Typer:
    if name not in groups:
        groups[name] = typer.Typer(no_args_is_help=(name,) not in VERBS)
        app.add_typer(groups[name], name=name, help=_GROUPS[name])
    return groups[name]


def _add_to_group(group: typer.Typer, path: Path) -> None:
    if len(path) == 1:
        group.callback(invoke_without_command=True)(_unless_followed(_load(path)))
    else:
        group.command(path[1], help=_help_of(_load(path)))(_load(path))


def _unless_followed(show: Callable[..., None]) -> Callable[..., None]:
    """Return the command of a group that acts only if none of its own commands is named."""

    def command(ctx: typer.Context, **values: Any) -> None:
        if ctx.invoked_subcommand is None:
            show(**values)

    own = inspect.signature(show).parameters.values()
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    command.__signature__ = inspect.Signature([context, *own])  # type: ignore[attr-defined]
    command.__annotations__ = {"ctx": typer.Context, **show.__annotations__}
    command.__doc__ = show.__doc__
    return command


def _add_calls(group: typer.Typer) -> None:
    from queue_server.cli.build import add_calls

    add_calls(group)


def _load(path: Path) -> Any:
    module, _, name = VERBS[path].partition(":")
    return as_command(getattr(importlib.import_module(f"queue_server.cli.{module}"), name))


def _help_of(function: Callable[..., None]) -> str:
    """Return the docstring with one line for each paragraph, so that it is wrapped to the terminal."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _usage_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return "" if context is None else f"{context.get_usage()}\nTry '{context.command_path} --help'.\n"
