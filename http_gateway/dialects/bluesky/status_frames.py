"""The status on its way to the clients that listen on a socket, also from a manager that publishes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from http_gateway.dialects.bluesky.frames import Broadcast, Frames
from http_gateway.status import PushedStatus
from queue_server.client.notices import Notice
from queue_server.clock import Clock
from queue_server.protocol.codec import encode
from queue_server.protocol.errors import CuelightError

EACH_S = 1.0
"""Clients expect the status at least this often."""
_SLACK_S = 0.5


class StatusFrames:
    """Hands on every status that is published; while one listens and none comes, it asks for it at deadlines."""

    def __init__(self, status: PushedStatus, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._statuses = Broadcast()
        self._infos = Broadcast()
        self._due_s = 0.0
        self._asking: asyncio.Task[None] | None = None

    def hear(self, notice: Notice) -> None:
        """Hand on what was published under the topic of the status; must hear it after the pushed status has."""
        message = notice.payload.get("msg")
        if not isinstance(message, dict):
            return
        status = notice.status
        if status is not None:
            if status.get("status_uid") != self._status.newest.get("status_uid"):
                # Overtaken by the reply to a question.
                return
            self._due_s = self._clock.monotonic() + EACH_S + _SLACK_S
        if self._infos.has_readers or self._statuses.has_readers:
            frame = encode({"time": notice.time, "msg": cast("dict[str, object]", message)}).decode()
            self._infos.send(frame)
            if status is not None:
                self._statuses.send(frame)

    async def present(self) -> str:
        """Return the frame of a status that is not too old.

        Raises:
            RequestTimeoutError: the manager had to be asked and did not answer.
        """
        return self._frame(await self._status.frame())

    @contextmanager
    def read(self, *, everything: bool) -> Generator[Frames]:
        """Give a buffer that gets each status from now on, or with ``everything`` all of its topic."""
        with (self._infos if everything else self._statuses).read() as frames:
            if self._asking is None:
                self._due_s = max(self._due_s, self._clock.monotonic() + EACH_S)
                self._asking = asyncio.create_task(self._ask_in_silence(), name="status for sockets")
            try:
                yield frames
            finally:
                asyncio.get_running_loop().call_soon(self._rest)

    async def close(self) -> None:
        """Ask no more."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _rest(self) -> None:
        if self._asking is not None and not (self._infos.has_readers or self._statuses.has_readers):
            self._asking.cancel()
            self._asking = None

    async def _ask_in_silence(self) -> None:
        while True:
            left_s = self._due_s - self._clock.monotonic()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            try:
                frame = self._frame(await self._status.frame(fresh=True))
            except CuelightError:
                # Nobody answers: the clients see that by the silence.
                frame = ""
            self._due_s = self._clock.monotonic() + EACH_S
            if frame:
                self._infos.send(frame)
                self._statuses.send(frame)

    def _frame(self, status: bytes) -> str:
        return f'{{"time":{float(self._clock.wall())!r},"msg":{{"status":{status.decode()}}}}}'
