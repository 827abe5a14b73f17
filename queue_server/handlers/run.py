"""Handlers of the methods that control the running plan, and of its list of runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from queue_server.core.events import ContinueRequested, PauseRequested
from queue_server.core.model import Order
from queue_server.handlers.context import MemoryContext
from queue_server.handlers.group import group
from queue_server.protocol.methods.run import ControlParams, PauseParams, RunList, RunsParams

_log = logging.getLogger(__name__)


def pause(context: MemoryContext, params: PauseParams) -> PauseRequested:
    """Order a pause."""
    _log.info("Pausing the running plan (%s) ...", params.option)
    return PauseRequested(context.lane, params.option, context.desk.clock.wall(), params.item_uid)


def _proceed(order: Order) -> Callable[[MemoryContext, ControlParams], ContinueRequested]:
    def handle(context: MemoryContext, params: ControlParams) -> ContinueRequested:
        _log.info("The paused plan is ordered to %s", order)
        return ContinueRequested(context.lane, order, context.desk.clock.wall(), params.item_uid)

    return handle


def list_runs(context: MemoryContext, params: RunsParams) -> RunList:
    """Return the runs of the running plan."""
    state = context.desk.state()
    attempt = state.lane(context.lane).attempt
    runs = attempt.runs if attempt is not None else ()
    if params.option != "active":
        runs = tuple(run for run in runs if run.is_open == (params.option == "open"))
    return RunList([run.shown() for run in runs], context.desk.uid("runs", state.revisions.runs))


GROUP = group(
    memory={"re_runs": list_runs},
    motion={
        "re_pause": pause,
        "re_resume": _proceed("resume"),
        "re_stop": _proceed("stop"),
        "re_abort": _proceed("abort"),
        "re_halt": _proceed("halt"),
    },
)
