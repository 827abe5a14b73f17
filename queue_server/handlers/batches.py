"""Handlers of the methods about batches: items created together, atomically and idempotently."""

from __future__ import annotations

from queue_server.handlers.group import group

GROUP = group()
