"""The status, answered from what the manager pushed last, as long as that cannot be too old.

Too old is a status from before a mutation that any gateway process of this host has seen answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink, read_reply
from http_gateway.mutations import MutationMark
from queue_server.client.notices import Notice
from queue_server.clock import Clock
from queue_server.protocol.codec import encode

SILENCE_S = 2.0
"""Clients take three seconds without a status for no status at all."""

_NOBODY = Identity("", "", frozenset({"read:status"}))


class PushedStatus:
    """The newest status that is known, as a map and as JSON."""

    def __init__(self, link: ManagerLink, mark: MutationMark, clock: Clock) -> None:
        self._link = link
        self._mark = mark
        self._clock = clock
        self._status: dict[str, Any] = {}
        self._frame: bytes | None = b""
        self._asked_at_mark: int | None = None
        self._heard_s = float("-inf")

    @property
    def newest(self) -> Mapping[str, Any]:
        """The newest status that is known, however old; empty before the first one."""
        return self._status

    async def frame(self, *, fresh: bool = False) -> bytes:
        """Return a status as JSON that is not too old; with ``fresh``, what the manager says now.

        Raises:
            RequestTimeoutError: the manager had to be asked and did not answer.
        """
        mark = self._mark.value
        is_silent = self._clock.monotonic() - self._heard_s > SILENCE_S
        if fresh or is_silent or mark != self._asked_at_mark:
            known = self._status
            frame = await self._link.ask("status", {}, Caller(_NOBODY))
            self._take_reply(read_reply(frame), frame, known)
            self._asked_at_mark = mark
        if self._frame is None:
            # Many more are published than asked for.
            self._frame = encode(self._status)
        return self._frame

    def hear(self, notice: Notice) -> None:
        """Take a status that was published."""
        status = notice.status
        if status is None:
            return
        if _place(status) < _place(self._status):
            if str(status.get("time", "")) > str(self._status.get("time", "")):
                # Made later, but counted less: by another store. The next one who wants a status asks.
                self._heard_s = float("-inf")
            return
        self._heard_s = self._clock.monotonic()
        if status.get("status_uid") != self._status.get("status_uid"):
            self._status, self._frame = status, None

    def _take_reply(self, status: dict[str, Any], frame: bytes, known: Mapping[str, Any]) -> None:
        self._heard_s = self._clock.monotonic()
        # A reply is newer than what was known when it was asked for, even if it counts less: then the store is another
        # one. Only a notice that came meanwhile may have overtaken it.
        epoch, revision = _place(status)
        newest_epoch, newest_revision = _place(self._status)
        if self._status is not known and epoch == newest_epoch and revision < newest_revision:
            return
        self._status, self._frame = status, frame


def _place(status: Mapping[str, Any]) -> tuple[int, int]:
    """Return where a status stands in time; (0, 0) for managers that do not tell."""
    epoch, revision = status.get("epoch", 0), status.get("revision", 0)
    return cast("int", epoch), cast("int", revision)
