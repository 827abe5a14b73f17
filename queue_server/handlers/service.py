"""Handlers of the methods about the manager itself."""

from __future__ import annotations

import logging
import threading

from queue_server.core.events import StopRequested
from queue_server.core.view import manager_state
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import ForbiddenError, StateError
from queue_server.protocol.method import Done, NoParams
from queue_server.protocol.methods.service import Configuration, ManagerStopParams, StatusParams
from queue_server.protocol.status import Status

_log = logging.getLogger(__name__)


def tell_status(context: MemoryContext, _: StatusParams) -> Status:
    """Return the status that is shown."""
    return context.desk.status()


def tell_configuration(context: MemoryContext, _: NoParams) -> Configuration:
    """Return what clients ask about the set-up; there is no IPython kernel to connect to."""
    return Configuration({"ip_connect_info": {}, **context.desk.streams})


def freeze(context: MemoryContext, _: NoParams) -> Done:
    """Block the event loop for ever: nothing in this process serves any more.

    Raises:
        ForbiddenError: the setting does not allow it.
    """
    if not context.desk.permits.test_methods:
        raise ForbiddenError("manager_kill is for tests; it is offered only with the setting test_methods.")
    _log.warning("The manager is frozen on request")
    while True:
        threading.Event().wait()


def stop_manager(context: TurnContext, params: ManagerStopParams) -> Done:
    """End the manager; careful only while it is idle."""
    state = context.turn.state
    busy = [lane for lane in state.lanes if not lane.is_idle]
    if params.option == "safe_on" and busy:
        raise StateError(
            "RE Manager must be in idle state to be stopped safely; "
            f"the lane {busy[0].name!r} is {manager_state(state, busy[0])}. Use option safe_off to stop it anyway."
        )
    _log.info("The manager is asked to stop (%s)", params.option)
    context.record(option=params.option)
    context.turn.apply(StopRequested("kill" if params.option == "safe_off" else "close_idle", context.turn.now))
    return Done()


GROUP = group(
    memory={"ping": tell_status, "status": tell_status, "config_get": tell_configuration, "manager_kill": freeze},
    turn={"manager_stop": stop_manager},
)
