"""Declarations about submissions: work that came from a workflow or in a batch, with all its attempts."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
