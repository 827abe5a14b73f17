"""Handlers of the methods about results: what is known of each attempt that has ended."""

from __future__ import annotations

from queue_server.handlers.group import group

GROUP = group()
