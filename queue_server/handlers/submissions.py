"""Handlers of the methods about submissions: work that came from a workflow or in a batch, with all its attempts."""

from __future__ import annotations

from queue_server.handlers.group import group

GROUP = group()
