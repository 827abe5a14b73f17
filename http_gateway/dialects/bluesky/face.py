"""The face of the bluesky dialect: its prefix, its form of errors, and where it takes credentials."""

from __future__ import annotations

from http_gateway.credentials import BLUESKY_RULES
from http_gateway.dialects.bluesky.errors import render_error
from http_gateway.routes import Face

FACE = Face("bluesky", "/api", render_error, BLUESKY_RULES)
