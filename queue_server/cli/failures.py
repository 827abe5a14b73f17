"""What a person and a script are told when a command fails: the sentence, the fix, the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from queue_server.cli.keys import VARIABLE
from queue_server.client.exchange import UnreachableError
from queue_server.protocol.errors import CuelightError, RequestFailedError, RequestTimeoutError

PLAN_FAILED = 6
PLAN_ABORTED = 7
INTERRUPTED = 130

_AFTER_OUTCOME = {"failed": PLAN_FAILED, "aborted": PLAN_ABORTED, "halted": PLAN_ABORTED, "unknown": PLAN_FAILED}


class OperationFailedError(CuelightError):
    """The manager accepted the request, and what it started did not succeed."""

    code = "operation_failed"
    exit_code = 5


def exit_code_of(error: CuelightError) -> int:
    """Return the exit code of an error; for a refusal that of the manager's own error."""
    if isinstance(error, RequestFailedError):
        return _codes().get(error.reply_code, error.exit_code)
    return error.exit_code


def exit_code_after(outcomes: Iterable[str]) -> int:
    """Return the exit code of finished items: that of the first one that did not end well, else 0."""
    return next((_AFTER_OUTCOME[outcome] for outcome in outcomes if outcome in _AFTER_OUTCOME), 0)


def fix_for(error: CuelightError) -> str:
    """Return what to do about an error, or an empty string where its sentence says it already."""
    if isinstance(error, UnreachableError):
        return "Start one with 'cuelight up', or name another with --control or CUELIGHT_CONTROL."
    if isinstance(error, RequestTimeoutError):
        return "'cuelight status' shows what it is doing; --timeout waits longer."
    return _fix_for_refusal(error) if isinstance(error, RequestFailedError) else ""


def _fix_for_refusal(error: RequestFailedError) -> str:
    if error.reply_code == "locked":
        return f"'cuelight lock info' shows who has locked it; give the key with --lock-key @FILE or {VARIABLE}."
    details = (error.reply.get("error") or {}).get("details") or {}
    if error.reply_code == "wrong_state" and {"item_uid", "reason"} <= details.keys():
        return f"Look at it with 'cuelight queue list', then: cuelight queue release {details['item_uid']}"
    return ""


def _codes() -> dict[str, int]:
    return {kind.code: kind.exit_code for kind in _descend(CuelightError)}


def _descend(kind: type[CuelightError]) -> Iterator[type[CuelightError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _descend(child)
