"""The WebSockets of the bluesky dialect: text frames with exactly the keys ``time`` and ``msg``."""

from __future__ import annotations

from starlette.websockets import WebSocket

from http_gateway.dialects.bluesky.sending import send_frames
from http_gateway.dialects.bluesky.streams import streams_of
from http_gateway.link import Caller
from http_gateway.routes import Socket
from queue_server.protocol.errors import CuelightError


async def _show_console(websocket: WebSocket, caller: Caller) -> None:
    with streams_of(websocket).console.broadcast.read() as frames:
        await websocket.accept()
        await send_frames(websocket, frames)


async def _show_status(websocket: WebSocket, caller: Caller) -> None:
    await _show(websocket, everything=False)


async def _show_info(websocket: WebSocket, caller: Caller) -> None:
    await _show(websocket, everything=True)


async def _show(websocket: WebSocket, *, everything: bool) -> None:
    status = streams_of(websocket).status
    await websocket.accept()
    try:
        present = await status.present()
    except CuelightError:
        present = ""
    # Nothing can come in between: the buffer follows the present status without a pause.
    with status.read(everything=everything) as frames:
        if present:
            frames.put(present)
        await send_frames(websocket, frames)


SOCKETS = (
    Socket(path="/console_output/ws", scope="read:console", handler=_show_console, summary="Console output."),
    Socket(path="/status/ws", scope="read:monitor", handler=_show_status, summary="The status at every change."),
    Socket(path="/info/ws", scope="read:monitor", handler=_show_info, summary="All that is told of the manager."),
)
