"""What the streaming routes of the bluesky dialect share in one process, and its lifetime."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from http_gateway.dialects.bluesky.console_buffer import ConsoleBuffer
from http_gateway.dialects.bluesky.status_frames import StatusFrames
from http_gateway.routes import Services
from queue_server.client.notices import CONSOLE_TOPIC, STATUS_TOPIC


@dataclass(frozen=True, slots=True)
class Streams:
    """The kept console output, and the status for sockets."""

    console: ConsoleBuffer
    status: StatusFrames


def open_streams(app: FastAPI, stack: AsyncExitStack, services: Services) -> None:
    """Listen to the manager until ``stack`` ends."""
    streams = Streams(ConsoleBuffer(), StatusFrames(services.status, services.clock))
    stack.push_async_callback(streams.status.close)
    stack.callback(services.feed.listen([CONSOLE_TOPIC], streams.console.hear))
    stack.callback(services.feed.listen([STATUS_TOPIC], streams.status.hear))
    app.state.bluesky_streams = streams


def streams_of(connection: HTTPConnection) -> Streams:
    """Return what the streaming routes share."""
    streams: Streams = connection.app.state.bluesky_streams
    return streams
