"""All declared methods by name."""

from __future__ import annotations

from queue_server.protocol.method import Method, collect
from queue_server.protocol.methods import (
    batches,
    catalog,
    device_pages,
    environment,
    execution,
    history,
    items,
    locks,
    permissions,
    queue,
    run,
    service,
    tasks,
    validation,
)

METHODS: dict[str, Method] = collect(
    service.METHODS,
    environment.METHODS,
    queue.METHODS,
    items.METHODS,
    batches.METHODS,
    execution.METHODS,
    history.METHODS,
    run.METHODS,
    catalog.METHODS,
    device_pages.METHODS,
    locks.METHODS,
    tasks.METHODS,
    permissions.METHODS,
    validation.METHODS,
)
