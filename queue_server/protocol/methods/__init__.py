"""All declared methods by name."""

from __future__ import annotations

from queue_server.protocol.method import Method, collect
from queue_server.protocol.methods import catalog, environment, history, items, queue, run, service

METHODS: dict[str, Method] = collect(
    service.METHODS,
    environment.METHODS,
    queue.METHODS,
    items.METHODS,
    history.METHODS,
    run.METHODS,
    catalog.METHODS,
)
