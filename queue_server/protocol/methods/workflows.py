"""Declarations about workflows: templates of work, their rankings, and the files of their results."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
