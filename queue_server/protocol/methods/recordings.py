"""Declarations about recorded runs: which there are, and where their documents are."""

from __future__ import annotations

from queue_server.protocol.method import Method

METHODS: tuple[Method, ...] = ()
