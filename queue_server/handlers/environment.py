"""Handlers of the methods about the worker environment."""

from __future__ import annotations

import logging

from queue_server.core.events import (
    EnvironmentCloseRequested,
    EnvironmentDestroyRequested,
    EnvironmentOpenRequested,
)
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.method import Done, LockableParams

_log = logging.getLogger(__name__)


def open_environment(context: TurnContext, _: LockableParams) -> Done:
    """Start a worker; the end of its start shows in the status."""
    _log.info("Opening the RE environment ...")
    turn = context.turn
    incarnation = turn.chance.identifier()
    turn.apply(EnvironmentOpenRequested(context.lane, incarnation, turn.now))
    context.record(incarnation=incarnation)
    return Done()


def close_environment(context: TurnContext, _: LockableParams) -> Done:
    """Ask the worker to end."""
    _log.info("Closing the RE environment ...")
    context.turn.apply(EnvironmentCloseRequested(context.lane, context.turn.now))
    context.record()
    return Done()


def destroy_environment(context: TurnContext, _: LockableParams) -> Done:
    """Kill the worker."""
    _log.warning("Destroying the RE environment ...")
    context.turn.apply(EnvironmentDestroyRequested(context.lane, context.turn.now))
    context.record()
    return Done()


GROUP = group(
    turn={
        "environment_open": open_environment,
        "environment_close": close_environment,
        "environment_destroy": destroy_environment,
    }
)
