"""All declared methods by name."""

from __future__ import annotations

from queue_server.protocol.method import Method, collect
from queue_server.protocol.methods import (
    batches,
    catalog,
    device_pages,
    environment,
    estop,
    events,
    execution,
    history,
    items,
    locks,
    permissions,
    queue,
    run,
    service,
    tasks,
    undo,
    validation,
)

METHODS: dict[str, Method] = collect(
    service.METHODS,
    events.METHODS,
    environment.METHODS,
    queue.METHODS,
    items.METHODS,
    batches.METHODS,
    undo.METHODS,
    execution.METHODS,
    history.METHODS,
    run.METHODS,
    estop.METHODS,
    catalog.METHODS,
    device_pages.METHODS,
    locks.METHODS,
    tasks.METHODS,
    permissions.METHODS,
    validation.METHODS,
)
