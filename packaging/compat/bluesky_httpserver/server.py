"""``app`` for ``uvicorn bluesky_httpserver.server:app``: settings come from environment and configuration files."""

from __future__ import annotations

import logging
import os

from fastapi import FastAPI

from http_gateway.app import create_app
from http_gateway.cli import read_wishes
from queue_server import logs
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)


def build_app() -> FastAPI:
    """Return the application that the environment describes; a setting that cannot be used ends the process."""
    try:
        wishes = read_wishes([], __name__, os.environ)
        logs.configure(wishes.settings.verbosity)
        for note in wishes.notes:
            _log.warning("%s", note)
        wishes.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return create_app(wishes.settings)
    except (CuelightError, OSError) as error:
        raise SystemExit(f"bluesky_httpserver.server: {error}") from error


app = build_app()
