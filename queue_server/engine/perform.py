"""Performs what the core orders after a commit: messages to workers, processes, notices, the end of the manager."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import Struct

from queue_server.core.effects import Dispatch, Effect, EndProcess, KillWorker, Remind, Send, StartWorker
from queue_server.core.events import EstopDeadlinePassed, OrderDeadlinePassed
from queue_server.core.model import State
from queue_server.engine.ports import Publisher, WorkerHost, WorkerLink
from queue_server.engine.turn import Turn
from queue_server.protocol.errors import StorageError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.worker_link import Execute

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The result of one entry of a turn: a value, or the refusal."""

    value: Any = None
    error: Exception | None = None


def attempt(work: Callable[[Turn], Any], turn: Turn) -> Done:
    """Do one entry of a turn; if it raises, undo what it did and nothing else.

    Raises:
        StorageError: the store failed, and with it the whole turn.
    """

    def undoable() -> Any:
        with turn.entry():
            return work(turn)

    return _contain(undoable)


def tell(listener: Callable[[Done | None], None], done: Done | None) -> None:
    """Tell what came of an entry; whoever cannot hear it must not keep the others from their answers."""
    failed = _contain(partial(listener, done))
    if failed.error is not None:
        _log.error("An answer could not be given", exc_info=failed.error)


def _contain(action: Callable[[], Any]) -> Done:
    """Do something whose failure must not end the loop."""
    try:
        return Done(value=action())
    except StorageError:
        raise
    except Exception as error:
        return Done(error=error)


class Crew(Struct, frozen=True):
    """Who starts workers, who speaks with them, and the state that knows which worker serves which lane.

    ``remind`` lets an event happen after so many seconds.
    """

    state: Callable[[], State]
    host: WorkerHost
    link: WorkerLink
    remind: Callable[[float, EstopDeadlinePassed | OrderDeadlinePassed], None]


class Performer:
    """Carries orders out, one after another; a failure of one is logged and stops none of the others."""

    def __init__(self, publisher: Publisher, end: Callable[[], None]) -> None:
        self._publisher = publisher
        self._end = end
        self._crew: Crew | None = None

    def attach(self, crew: Crew) -> None:
        """Tell who starts workers and speaks with them; orders to workers before that are an error."""
        self._crew = crew

    def perform(self, effects: Iterable[Effect]) -> None:
        """Carry the orders out."""
        for effect in effects:
            done = _contain(partial(self._perform_one, effect))
            if done.error is not None:
                # What could not be sent shows as an answer that does not come; the loop must live.
                _log.error("An order could not be carried out: %s", type(effect).__name__, exc_info=done.error)

    def publish(self, events: Iterable[EventRecord]) -> None:
        """Publish committed events; one that cannot be published is logged, for it can still be asked for."""
        for event in events:
            done = _contain(partial(self._publisher.publish_event, event))
            if done.error is not None:
                _log.error("An event could not be published: %s", event.kind, exc_info=done.error)

    def _perform_one(self, effect: Effect) -> None:
        if isinstance(effect, EndProcess):
            self._end()
        elif self._crew is None:
            raise LookupError("no crew is attached")
        else:
            _perform_with(self._crew, effect)


def _perform_with(crew: Crew, effect: Effect) -> None:
    if isinstance(effect, Dispatch):
        _log.info("Starting the plan: %s (%s)", effect.item.name, effect.key.item_uid)
        incarnation = crew.state().lane(effect.key.lane).worker.incarnation
        content = dict(effect.item.content)
        message = Execute(attempt=effect.key, content=content, claims=effect.claims, extraction=effect.extraction)
        crew.link.send(incarnation, message)
    elif isinstance(effect, Send):
        crew.link.send(effect.incarnation, effect.message)
    elif isinstance(effect, StartWorker):
        crew.host.start(effect.lane, effect.incarnation)
    elif isinstance(effect, KillWorker):
        crew.host.kill(effect.lane, effect.incarnation)
    elif isinstance(effect, Remind):
        crew.remind(effect.after_s, effect.event)
