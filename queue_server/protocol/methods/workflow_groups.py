"""Declarations about groups of users who submit to one workflow together, and the files that they share."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
