"""The grammar of ``qserver``: one table from words to method and parameters. Sends nothing.

The order of the table is the order of the help text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from queue_server.compat import qserver_parts as parts
from queue_server.compat.qserver_parts import Part, Values, Words
from queue_server.protocol.errors import ParameterError

USER = "qserver-cli"
USER_GROUP = "primary"

_ASKING = {"user": USER, "user_group": USER_GROUP}


class Command(Struct, frozen=True):
    """What a command line asks for."""

    method: str
    params: Values
    repeats: bool = False


class Form(Struct, frozen=True):
    """One form of a command.

    Attributes:
        words: the fixed words, separated by blanks.
        method: what the manager is asked.
        about: one line of help.
        parts: what may stand behind the fixed words.
        params: parameters that are always sent, unless a part replaces them.
        locked: whether the method takes the key of the lock.
        repeats: whether it is asked again and again.
    """

    words: str
    method: str
    about: str
    parts: tuple[Part, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    locked: bool = False
    repeats: bool = False

    @property
    def usage(self) -> str:
        """How the form is written."""
        return " ".join([self.words, *(part.usage for part in self.parts)])

    def fits(self, words: Words) -> bool:
        """Return whether ``words`` begin with the fixed words."""
        fixed = tuple(self.words.split())
        return tuple(words[: len(fixed)]) == fixed

    def read(self, words: Words) -> Values:
        """Return the parameters that ``words`` give, without the key of the lock.

        Raises:
            ParameterError: something is missing, wrong or too much.
        """
        rest = words[len(self.words.split()) :]
        values = dict(self.params)
        for part in self.parts:
            if rest:
                found, rest = part.read(rest)
                values |= found
            elif not part.optional:
                raise ParameterError(f"{part.usage} is missing behind '{' '.join(words)}'.", field=part.usage)
        if rest:
            raise ParameterError(f"'{' '.join(rest)}' is too much in '{' '.join(words)}'.", field=rest[0])
        return values


def read_command(words: Words, lock_key: str | None = None) -> Command:
    """Return the method and the parameters that a command line stands for.

    The key of the lock goes with every method that takes it.

    Raises:
        ParameterError: there is no such form; the message shows the forms that begin alike.
    """
    if not words:
        raise ParameterError("No command is given; -h shows all of them.", field="command")
    fitting = [form for form in FORMS if form.fits(words)]
    if not fitting:
        raise ParameterError(f"There is no command '{' '.join(words)}'.{_show_usages(words)}", field=words[0])
    form = max(fitting, key=lambda candidate: len(candidate.words.split()))
    try:
        params = form.read(words)
    except ParameterError as error:
        raise ParameterError(f"{error.message}{_show_usages(words)}", field=error.field) from error
    if lock_key and form.locked:
        params["lock_key"] = lock_key
    return Command(form.method, params, form.repeats)


def usages_for(words: Words) -> tuple[str, ...]:
    """Return how the commands are written that share the most first words with ``words``; none if not even one."""
    shared = [_count_shared(form.words.split(), words) for form in FORMS]
    most = max(shared)
    return tuple(form.usage for form, count in zip(FORMS, shared, strict=True) if most and count == most)


def _show_usages(words: Words) -> str:
    usages = usages_for(words)
    if usages:
        return "\n".join(["", "Usage:", *(f"  {usage}" for usage in usages)])
    return f" The first word is one of: {', '.join(dict.fromkeys(form.words.split()[0] for form in FORMS))}."


def _count_shared(one: Iterable[str], other: Iterable[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


_PLAN, _INSTRUCTION = parts.plan(), parts.instruction()
_BACKGROUND = {"background": {"run_in_background": True}}
_SCRIPT_FLAGS = {**_BACKGROUND, "update-re": {"update_re": True}, "keep-lists": {"update_lists": False}}
_SCRIPT_DEFAULTS = {"run_in_background": False, "update_re": False, "update_lists": True}
_INTERRUPT_FLAGS = {"task": {"interrupt_task": True}, "plan": {"interrupt_plan": True}}


def _item_forms() -> Iterable[Form]:
    for kind, part in (("plan", _PLAN), ("instruction", _INSTRUCTION)):
        known = parts.known_item(part)
        article = "an" if kind == "instruction" else "a"
        yield Form(
            f"queue add {kind}",
            "queue_item_add",
            f"Add {article} {kind} to the queue, by default at the back",
            (parts.place(), part),
            _ASKING,
            locked=True,
        )
        yield Form(
            f"queue update {kind}",
            "queue_item_update",
            f"Put {article} {kind} in the place of an item that keeps its UID",
            (known,),
            {**_ASKING, "replace": False},
            locked=True,
        )
        yield Form(
            f"queue replace {kind}",
            "queue_item_update",
            f"Put {article} {kind} in the place of an item, under a new UID",
            (known,),
            {**_ASKING, "replace": True},
            locked=True,
        )
        yield Form(
            f"queue execute {kind}",
            "queue_item_execute",
            f"Execute {article} {kind} at once, without the queue",
            (part,),
            _ASKING,
            locked=True,
        )


def _lock_forms() -> Iterable[Form]:
    for scope in parts.LOCKABLE:
        scopes = {name: True for name in ("environment", "queue") if scope in {name, "all"}}
        about = "Lock environment and queue" if scope == "all" else f"Lock the {scope}"
        params = {**scopes, "user": USER}
        yield Form(f"lock {scope}", "lock", f"{about} with the key of -k", (parts.note("note"),), params, locked=True)


FORMS: tuple[Form, ...] = (
    Form("ping", "ping", "Ask whether the manager answers"),
    Form("monitor", "ping", "Ask once per second, until Ctrl-C", repeats=True),
    Form("status", "status", "Show the status of the manager"),
    Form("config", "config_get", "Show the configuration of the manager"),
    Form("environment open", "environment_open", "Open the environment", locked=True),
    Form("environment close", "environment_close", "Close the environment", locked=True),
    Form("environment destroy", "environment_destroy", "Kill the worker process", locked=True),
    Form(
        "environment update",
        "environment_update",
        "Describe plans and devices of the worker's namespace again",
        (parts.flags(_BACKGROUND),),
        locked=True,
    ),
    Form("existing plans", "plans_existing", "List all plans of the environment"),
    Form("existing devices", "devices_existing", "List all devices of the environment"),
    Form("allowed plans", "plans_allowed", "List the plans that may be used", params={"user_group": USER_GROUP}),
    Form("allowed devices", "devices_allowed", "List the devices that may be used", params={"user_group": USER_GROUP}),
    Form("permissions reload", "permissions_reload", "Read the permissions from disk again", locked=True),
    Form(
        "permissions reload lists",
        "permissions_reload",
        "Read permissions and the lists of plans and devices from disk again",
        params={"restore_plans_devices": True},
        locked=True,
    ),
    Form(
        "permissions set",
        "permissions_set",
        "Set the permissions of user groups from a YAML file",
        (parts.permissions(),),
        locked=True,
    ),
    Form("permissions get", "permissions_get", "Show the permissions of user groups"),
    *_item_forms(),
    Form("queue get", "queue_get", "List the items of the queue"),
    Form("queue clear", "queue_clear", "Remove all items from the queue", locked=True),
    Form("queue item get", "queue_item_get", "Show an item, by default the last", (parts.source(optional=True),)),
    Form(
        "queue item remove",
        "queue_item_remove",
        "Remove an item, by default the last",
        (parts.source(optional=True),),
        locked=True,
    ),
    Form(
        "queue item move",
        "queue_item_move",
        "Move an item to another place",
        (parts.source(), parts.destination()),
        locked=True,
    ),
    Form("queue start", "queue_start", "Start the queue", locked=True),
    Form("queue stop", "queue_stop", "Stop the queue after the current item", locked=True),
    Form("queue stop cancel", "queue_stop_cancel", "Take the request to stop back", locked=True),
    Form(
        "queue autostart enable", "queue_autostart", "Let the queue start by itself", (), {"enable": True}, locked=True
    ),
    Form(
        "queue autostart disable", "queue_autostart", "Let it start on request only", (), {"enable": False}, locked=True
    ),
    Form("queue mode set", "queue_mode_set", "Change how the queue runs", (parts.mode(),), {"mode": {}}, locked=True),
    Form(
        "re pause",
        "re_pause",
        "Pause the plan: at the next checkpoint, or at once",
        (parts.choice("option", "deferred", "immediate"),),
        {"option": "deferred"},
        locked=True,
    ),
    Form("re resume", "re_resume", "Resume the paused plan", locked=True),
    Form("re stop", "re_stop", "Stop the paused plan; its run counts as success", locked=True),
    Form("re abort", "re_abort", "Abort the paused plan", locked=True),
    Form("re halt", "re_halt", "Halt the paused plan without clean-up", locked=True),
    Form("re metadata", "re_metadata", "Show the metadata of the RunEngine"),
    Form(
        "re runs",
        "re_runs",
        "List the runs of the current plan, by default all",
        (parts.choice("option", "active", "open", "closed"),),
    ),
    Form("history get", "history_get", "List the finished items"),
    Form("history clear", "history_clear", "Clear the history, or its older part", (parts.size_or_uid(),), locked=True),
    Form(
        "function execute",
        "function_execute",
        "Execute a function of the worker's namespace",
        (parts.plan("function"), parts.flags(_BACKGROUND)),
        {**_ASKING, "run_in_background": False},
        locked=True,
    ),
    Form(
        "script upload",
        "script_upload",
        "Execute a script in the worker's namespace",
        (parts.script(), parts.flags(_SCRIPT_FLAGS)),
        _SCRIPT_DEFAULTS,
        locked=True,
    ),
    Form("task result", "task_result", "Show the result of a task", (parts.word("UID", "task_uid"),)),
    Form("task status", "task_status", "Show the state of a task", (parts.word("UID", "task_uid"),)),
    Form(
        "kernel interrupt",
        "kernel_interrupt",
        "Send Ctrl-C to the IPython kernel",
        (parts.flags(_INTERRUPT_FLAGS),),
        locked=True,
    ),
    *_lock_forms(),
    Form("lock info", "lock_info", "Show the lock; with -k check the key", locked=True),
    Form("unlock", "unlock", "Open the lock with the key of -k", locked=True),
    Form("manager stop", "manager_stop", "End the manager, if the queue is not running"),
    Form("manager stop safe on", "manager_stop", "End it, if the queue is not running", params={"option": "safe_on"}),
    Form("manager stop safe off", "manager_stop", "End it in any case, and the worker", params={"option": "safe_off"}),
    Form("manager kill test", "manager_kill", "Freeze the manager, for tests only"),
)
