"""Handlers of the methods about groups of users who submit to one workflow together, and the files that they share."""

from __future__ import annotations

from queue_server.handlers.group import group

GROUP = group()
