"""The connections as the server has them: heads, rests of bodies and readers that are too large or slow end them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from http_gateway.outflow import Outflow, cut

HEAD_S: Final = 10.0
"""How long a connection may take for the head of a request or the rest of an answered one, or hold on without one."""
MOST_HEAD_BYTES: Final = 64 * 1024
PATIENCE: Final = "cuelight.patience"
"""In the extensions of a WebSocket's scope: what a route calls for a peer that proves its life in its own way."""
STALLED_S: Final = 30.0
"""A client that takes nothing of an answer for this long is cut."""
STALLED_SOCKET_S: Final = 9.0
"""The same for WebSockets."""
# What the system holds for one reader; by itself it would take megabytes, and hide for long that nobody reads.
_SOCKET_BUFFER_BYTES: Final = 256 * 1024
_MOST_UNSENT_PONGS: Final = 100
# What a refused peer still sends is thrown away until nothing has come for so long, and no longer than this in all.
_SILENCE_S: Final = 0.5
_LAST_WORD_S: Final = 2.0
# Of a body that nobody reads any more, so much must come each time, and not for more times than these.
_LEAST_REST_BYTES: Final = 160 * 1024
_MOST_RESTS: Final = 6

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class _Watched(asyncio.Protocol):
    """A connection whose reader takes what is written within ``patience_s``, or loses it."""

    patience_s = STALLED_S
    _outflow: Outflow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._outflow = Outflow(cast("asyncio.Transport", transport), self.patience_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no more."""
        if self._outflow is not None:
            self._outflow.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Let writers wait, and the reader not for ever."""
        super().pause_writing()
        if self._outflow is not None:
            self._outflow.begin()

    def resume_writing(self) -> None:
        """Let writers go on."""
        super().resume_writing()
        if self._outflow is not None:
            self._outflow.end()


class PatientProtocol(_Watched, HttpToolsProtocol):
    """HTTP/1.1 as the server speaks it, with limits for heads and for slow readers, which it has none for."""

    head_s = HEAD_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_body_open = False
        self._is_leaving = False
        self._rests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, or end the connection."""
        self._head_bytes += len(data)
        if self._is_leaving:
            return
        if self._is_between_requests and self._head_timer is None:
            self._await_head(len(data))
        super().data_received(data)
        # What is still waited for now has no end in what came.
        is_too_large = self._is_between_requests and self._head_bytes > MOST_HEAD_BYTES
        if self._head_timer is not None and is_too_large and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Wait no longer: a request has begun, which has limits of its own."""
        self._end_waiting()
        self._is_body_open = True
        self._rests = 0
        super().on_headers_complete()
        # Before the first request there is no cycle, whatever the type says.
        cycle: Any = self.cycle
        if cycle is not None:
            cycle.transport = _Answered(self.transport, self._leave)

    def on_message_complete(self) -> None:
        """Wait for the next head, if this request is answered already."""
        self._is_body_open = False
        super().on_message_complete()
        if self._is_between_requests:
            self._await_head()

    def handle_websocket_upgrade(self) -> None:
        """Wait for nothing more: the connection is that of a WebSocket from now on."""
        self._end_waiting()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Wait for the rest of a body that nobody reads any more, but not for ever."""
        super().on_response_complete()
        if self._is_body_open:
            self._unset_keepalive_if_required()
            self._await_head()

    @property
    def _is_between_requests(self) -> bool:
        cycle: Any = self.cycle
        return cycle is None or (bool(cycle.response_complete) and not self._is_body_open)

    def _leave(self) -> None:
        """Close the connection after an answer.

        A client that still sends would lose the answer with a connection that is closed at once.
        """
        if not self.cycle.response_complete and self.flow.write_paused:
            cut(self.transport)
        elif not self._is_body_open or not self.cycle.response_complete:
            self.transport.close()
        elif not self._is_leaving:
            self._is_leaving = True
            if self.transport.can_write_eof():
                self.transport.write_eof()

    def _await_head(self, come_bytes: int = 0) -> None:
        self._end_waiting()
        self._head_bytes = come_bytes
        self._head_timer = self.loop.call_later(self.head_s, self._lose_patience)

    def _end_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _lose_patience(self) -> None:
        self._head_timer = None
        if self._is_body_open and self._head_bytes >= _LEAST_REST_BYTES and self._rests < _MOST_RESTS:
            self._rests += 1
            self._await_head()
        elif not self.transport.is_closing():
            self.transport.close()


class _Answered(asyncio.Transport):
    """The connection for one answer, which may ask to close it.

    The head leaves together with the body, if that comes in the same turn of the event loop.
    """

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._leave = leave
        self._has_begun = False
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Write."""
        if self._has_begun:
            head, self._head = self._head, b""
            self._transport.write(head + data if head else data)
        else:
            self._has_begun = True
            self._head = bytes(data)
            asyncio.get_running_loop().call_soon(self._write_head)

    def is_closing(self) -> bool:
        """Return whether it is."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close, once the client can have read the answer."""
        self._write_head()
        self._leave()

    def _write_head(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)


class PatientSocketProtocol(_Watched, WebSocketsSansIOProtocol):
    """A WebSocket as the server speaks it, but one whose reader takes nothing ends without the reader's consent."""

    patience_s = STALLED_SOCKET_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unsent_pongs = 0
        self._refused_s: float | None = None
        self._heard: Callable[[], None] = lambda: None

    def be_patient(self, most_bytes: int, heard: Callable[[], None]) -> None:
        """Take messages of up to ``most_bytes``, call ``heard`` at every ping and pong, and need no pong."""
        self.conn.max_message_size = most_bytes
        self.ping_timeout = None
        self._heard = heard

    def handle_connect(self, event: Request) -> None:
        """Begin, with an offer of patience for whoever serves it."""
        super().handle_connect(event)
        if not self.close_sent:
            offers: dict[str, Any] = cast("Any", self.scope)["extensions"]
            offers[PATIENCE] = self.be_patient

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        connection: Any = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self._refused_s is None:
            super().data_received(data)
        else:
            self._wait_for_silence(self._refused_s)

    def handle_parser_exception(self) -> None:
        """Say why the connection ends, and read on for a moment: one that is reset may never tell its peer."""
        refusal = self.conn.close_sent
        if refusal is not None:
            self.close_sent = True
            self._refused_s = asyncio.get_running_loop().time()
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": refusal.code, "reason": refusal.reason},
            )
            self.transport.write(b"".join(self.conn.data_to_send()))
            self._wait_for_silence(self._refused_s)

    def _wait_for_silence(self, refused_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self.close_timer is not None:
            self.close_timer.cancel()
        due_s = min(loop.time() + _SILENCE_S, refused_s + _LAST_WORD_S)
        self.close_timer = loop.call_at(due_s, self.transport.close)

    def resume_writing(self) -> None:
        """Let writers go on."""
        super().resume_writing()
        self._unsent_pongs = 0

    def handle_ping(self) -> None:
        """Answer; who asks again and again without reading the answers is cut."""
        super().handle_ping()
        self._heard()
        self._unsent_pongs += not self.writable.is_set()
        if self._unsent_pongs > _MOST_UNSENT_PONGS:
            cut(self.transport)

    def handle_pong(self, event: Frame) -> None:
        """Take it for a sign of life."""
        super().handle_pong(event)
        self._heard()

    async def run_asgi(self) -> None:
        """Serve; a reader that cannot even be told of the end gets none."""
        await super().run_asgi()
        if not self.close_sent and not self.writable.is_set():
            cut(self.transport)
