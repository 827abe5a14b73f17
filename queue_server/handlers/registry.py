"""The handler of every declared method; importing it fails if one is missing or of another kind."""

from __future__ import annotations

from queue_server.handlers import (
    batches,
    catalog,
    device_pages,
    environment,
    estop,
    events,
    exam_results,
    exam_sequences,
    exam_tasks,
    exam_workflows,
    exams,
    execution,
    history,
    items,
    lanes,
    locks,
    permissions,
    queue,
    run,
    service,
    tasks,
    undo,
    validation,
)
from queue_server.handlers.group import join
from queue_server.protocol.methods import METHODS

HANDLERS = join(
    METHODS,
    service.GROUP,
    lanes.GROUP,
    events.GROUP,
    environment.GROUP,
    queue.GROUP,
    items.GROUP,
    batches.GROUP,
    undo.GROUP,
    execution.GROUP,
    history.GROUP,
    run.GROUP,
    estop.GROUP,
    catalog.GROUP,
    device_pages.GROUP,
    locks.GROUP,
    tasks.GROUP,
    permissions.GROUP,
    validation.GROUP,
    exams.GROUP,
    exam_workflows.GROUP,
    exam_tasks.GROUP,
    exam_results.GROUP,
    exam_sequences.GROUP,
)
