"""Handlers of the methods about recorded runs: which there are, and where their documents are."""

from __future__ import annotations

from queue_server.handlers.group import group

GROUP = group()
