"""How an attempt ended, in words: message and traceback of whatever was raised, within bounds."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from device_worker.excerpt import cut_message, cut_traceback
from device_worker.profile import ItemResolutionError
from device_worker.run_engine.variables import list_unconnected
from queue_server.protocol.items import Outcome

_PACKAGE = Path(__file__).parents[1]
_OWN_FILES = tuple(
    str(_PACKAGE / name)
    for name in ("executor.py", "environment.py", "tasks.py", "run_engine", "documents", "profile/script.py")
)


@dataclass(frozen=True, slots=True)
class Ending:
    """The outcome of an attempt, and why."""

    outcome: Outcome
    message: str = ""
    traceback: str = ""


INTERRUPTED = Ending(
    "aborted",
    "The RunEngine aborted the plan: it was to pause at a point from which it could not have been resumed, or code of "
    "the profile ended it.",
)


def describe_failure(error: BaseException) -> Ending:
    """Return the ending of an attempt that raised ``error``; frames of the worker itself are left out."""
    if isinstance(error, ItemResolutionError):
        return Ending("failed", cut_message(str(error)), cut_traceback(error.traceback))
    summary = traceback.TracebackException.from_exception(error)
    message = "".join(summary.format_exception_only()).strip()
    if unconnected := list_unconnected(error):
        message = f"{message} (process variable {', '.join(unconnected)})"
    _leave_out_own_frames(summary)
    text = "".join(summary.format())
    return Ending("failed", cut_message(message), cut_traceback(text))


def _leave_out_own_frames(summary: traceback.TracebackException) -> None:
    waiting: list[traceback.TracebackException | None] = [summary]
    while waiting:
        part = waiting.pop()
        if part is not None:
            part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(_OWN_FILES)]
            waiting += [part.__cause__, part.__context__, *(part.exceptions or ())]
