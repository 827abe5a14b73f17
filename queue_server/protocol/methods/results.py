"""Declarations about results: what is known of each attempt that has ended."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
