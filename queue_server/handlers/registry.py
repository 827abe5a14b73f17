"""The handler of every declared method; to load all of them fails if one is missing or of another kind.

A manager begins to serve with those that run a queue and stop it. The others are loaded in a thread as soon as it is
ready, so that nobody waits for them who does not ask for them; who does, before, waits without holding up the others.
"""

from __future__ import annotations

from queue_server.handlers import (
    environment,
    estop,
    execution,
    items,
    lanes,
    locks,
    queue,
    run,
    service,
)
from queue_server.handlers.group import Handler, join, named
from queue_server.protocol.codec import Bounds, decode
from queue_server.protocol.envelope import read_request
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.late import LateMap
from queue_server.protocol.methods import METHODS
from queue_server.protocol.worker_link import prepare

_FIRST = (
    service.GROUP,
    lanes.GROUP,
    environment.GROUP,
    queue.GROUP,
    items.GROUP,
    execution.GROUP,
    run.GROUP,
    estop.GROUP,
    locks.GROUP,
)


def _load() -> dict[str, Handler]:
    from queue_server.handlers import (
        artifacts,
        batches,
        catalog,
        device_access,
        device_connections,
        device_pages,
        device_tokens,
        devices,
        events,
        exam_results,
        exam_sequences,
        exam_tasks,
        exam_trigger,
        exam_workflows,
        exams,
        history,
        items_together,
        permissions,
        recordings,
        results,
        submissions,
        tasks,
        undo,
        validation,
        workflow_groups,
        workflows,
    )

    return join(
        METHODS,
        *_FIRST,
        events.GROUP,
        items_together.GROUP,
        undo.GROUP,
        history.GROUP,
        catalog.GROUP,
        tasks.GROUP,
        permissions.GROUP,
        validation.GROUP,
        device_pages.GROUP,
        devices.GROUP,
        device_access.GROUP,
        device_tokens.GROUP,
        device_connections.GROUP,
        exams.GROUP,
        exam_workflows.GROUP,
        exam_tasks.GROUP,
        exam_trigger.GROUP,
        exam_results.GROUP,
        exam_sequences.GROUP,
        workflows.GROUP,
        workflow_groups.GROUP,
        submissions.GROUP,
        batches.GROUP,
        results.GROUP,
        recordings.GROUP,
        artifacts.GROUP,
    )


HANDLERS: LateMap[Handler] = LateMap(named(*_FIRST), _load)


def is_loaded(frame: bytes, bounds: Bounds) -> bool:
    """Return whether the request in ``frame`` can be read and handled without loading anything."""
    if HANDLERS.is_complete:
        return True
    try:
        return HANDLERS.has_at_once(read_request(decode(frame, bounds)[0]).method)
    except CuelightError:
        return True


def load_rest() -> None:
    """Load what was not needed so far: declarations, handlers, and what reads the messages of workers."""
    HANDLERS.complete()
    prepare()
