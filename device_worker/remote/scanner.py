"""The life of a scanner: connect, present itself, carry out what is started, and say how it went, whatever breaks."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from device_worker.remote import frames
from device_worker.remote.credentials import Credentials
from device_worker.remote.frames import Details
from device_worker.remote.scan import Scan, ScanFile, read_piece

_log = logging.getLogger(__name__)

Program = Callable[[Scan], Coroutine[Any, Any, None]]

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
_REFUSED: Final = 1008
_OPEN_S: Final = 10.0
_CANCELLED: Final = "The scan was cancelled."


class Scanner:
    """A device that connects to a gateway, and the program that carries out its scans.

    At most one scan is under way. It goes on while there is no connection: what it has to say is said on the next one.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        program: Program,
        *,
        details: Details | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        """Say where the gateway is and who connects; nothing happens before ``serve`` or ``run``.

        Args:
            url: the address of the gateway's socket, such as ``wss://host:60610/api/v1/device/ws``.
            credentials: what the device proves itself with.
            program: carries out one scan; if it raises, the scan has failed, and if it returns, it is done.
            details: what the device says of itself.
            ca_file: the authority that has signed the gateway's certificate; by default those of the system.
        """
        self._url = url
        self._credentials = credentials
        self._program = program
        self._details = details or Details()
        self._tls = ssl.create_default_context(cafile=ca_file) if url.startswith("wss:") else None
        self._news = asyncio.Event()
        self._scan: Scan | None = None
        self._running: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Serve until interrupted."""
        asyncio.run(self.serve())

    async def serve(self) -> None:
        """Serve until cancelled; a connection that breaks or cannot be made is tried again, later and later."""
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                if await self._serve_once():
                    pause_s = FIRST_PAUSE_S
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            if self._running is not None:
                self._running.cancel()
                await asyncio.gather(self._running, return_exceptions=True)

    async def _serve_once(self) -> bool:
        """Keep one connection as long as it lasts; return whether the gateway has let the device in."""
        headers = self._credentials.headers()
        try:
            async with connect(
                self._url, ssl=self._tls, additional_headers=headers, max_size=None, open_timeout=_OPEN_S
            ) as socket:
                return await self._talk(socket)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            _log.warning("The gateway at %s cannot be reached: %s", self._url, error)
        return False

    async def _talk(self, socket: ClientConnection) -> bool:
        was_let_in = False
        speaking = _Speaking(socket, self._scan)
        try:
            await socket.send(frames.register(self._details))
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(speaking))
                try:
                    async for text in socket:
                        was_let_in = True
                        self._hear(frames.read(text))
                finally:
                    telling.cancel()
        except* ConnectionClosed:
            # What matters is why, below.
            pass
        if socket.close_code == _REFUSED:
            _log.error("The gateway refuses the credentials of the device %s.", self._credentials.device_id)
        else:
            _log.warning("The connection has ended (%s).", socket.close_code)
        return was_let_in

    # --- what is heard -----------------------------------------------------------------------------------------------

    def _hear(self, frame: Mapping[str, Any]) -> None:
        match frame["command"]:
            case "start":
                self._start(frame.get("data"))
            case "cancel" if self._scan is not None and frame.get("task_id") == self._scan.id:
                if self._running is not None:
                    self._running.cancel()
            case "feedback" if "result_id" in frame and self._scan is not None:
                self._scan.confirm()
            case "error":
                _log.error("The gateway complains: %s", frame.get("message"))

    def _start(self, data: object) -> None:
        if self._running is not None and not self._running.done():
            _log.error("A start came while a scan is under way; it is left alone.")
            return
        if not isinstance(data, Mapping) or "id" not in data or "access_token" not in data:
            _log.error("A start without an id or a token cannot be carried out.")
            return
        scan = self._scan = Scan(data, self._news.set)
        self._running = asyncio.create_task(self._program(scan), name=f"scan {scan.id}")
        self._running.add_done_callback(lambda done: _note_end(scan, done))
        self._news.set()

    # --- what is said ------------------------------------------------------------------------------------------------

    async def _tell(self, speaking: _Speaking) -> None:
        """Say on a connection all that there is to say, again and again when something changes."""
        while True:
            self._news.clear()
            if self._scan is not None:
                await speaking.tell(self._scan)
            await self._news.wait()


def _note_end(scan: Scan, done: asyncio.Task[None]) -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        _log.error("The scan %s has failed", scan.id, exc_info=error)
        scan.end(f"{type(error).__name__}: {error}")
    else:
        scan.end(_CANCELLED if done.cancelled() else None)


class _Speaking:
    """What has been said on one connection; on the next one all of it that counts is said again."""

    def __init__(self, socket: ClientConnection, earlier: Scan | None) -> None:
        self._socket = socket
        self._earlier = earlier
        self._scan: Scan | None = None
        self._percent = -1
        self._sent: list[ScanFile] = []
        self._has_ended = False

    async def tell(self, scan: Scan) -> None:
        """Say what has not been said yet: how far the scan is, its files, and its end."""
        if scan is not self._scan:
            # An error is said once: it would put the device into fault again after somebody has cleared that.
            self._has_ended = scan.is_told and scan.error is not None
            self._scan, self._percent, self._sent = scan, -1, []
        await self._tell_progress(scan)
        while (file := self._next_file(scan)) is not None:
            self._sent.append(file)
            await self._send_file(scan, file)
            await self._tell_progress(scan)
        if scan.has_ended and not self._has_ended:
            self._has_ended = True
            await self._tell_end(scan)
            scan.is_told = True

    def _next_file(self, scan: Scan) -> ScanFile | None:
        return next((file for file in scan.files if not file.is_confirmed and file not in self._sent), None)

    async def _tell_progress(self, scan: Scan) -> None:
        # The last step of a scan is said with its end, when all files have left.
        percent = min(scan.percent, 99)
        if percent != self._percent and not self._has_ended:
            self._percent = percent
            await self._socket.send(frames.tell_progress(scan.ticket, percent, is_late=scan is self._earlier))

    async def _send_file(self, scan: Scan, file: ScanFile) -> None:
        try:
            piece = await asyncio.to_thread(read_piece, file.source, 0)
            header = frames.announce(scan.ticket, file.name, file.size_bytes, file.sha256, file.content_type)
            await self._socket.send(header)
            begin = 0
            while piece:
                await self._socket.send(piece)
                begin += len(piece)
                piece = await asyncio.to_thread(read_piece, file.source, begin)
        except OSError:
            # Its absence is what the scan fails by.
            _log.exception("The file %s of the scan %s cannot be read", file.name, scan.id)

    async def _tell_end(self, scan: Scan) -> None:
        if scan.error is not None:
            await self._socket.send(frames.tell_error(scan.ticket, scan.error))
        else:
            await self._socket.send(frames.tell_progress(scan.ticket, 100, is_late=scan is self._earlier))
        await self._socket.send(frames.tell_idle())
