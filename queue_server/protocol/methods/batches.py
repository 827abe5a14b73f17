"""Declarations about batches: items created together, atomically and idempotently."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
