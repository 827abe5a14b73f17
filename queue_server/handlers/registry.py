"""The handler of every declared method; importing it fails if one is missing or of another kind."""

from __future__ import annotations

from queue_server.handlers import (
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
from queue_server.handlers.group import join
from queue_server.protocol.methods import METHODS

HANDLERS = join(
    METHODS,
    service.GROUP,
    environment.GROUP,
    queue.GROUP,
    items.GROUP,
    batches.GROUP,
    execution.GROUP,
    history.GROUP,
    run.GROUP,
    catalog.GROUP,
    device_pages.GROUP,
    locks.GROUP,
    tasks.GROUP,
    permissions.GROUP,
    validation.GROUP,
)
