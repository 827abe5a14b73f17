"""The face of the bluesky dialect: its prefix and its form of errors."""

from __future__ import annotations

from http_gateway.dialects.bluesky.errors import render_error
from http_gateway.routes import Face

FACE = Face("bluesky", "/api", render_error)
