"""The console output that is kept for clients that ask for it, and its way to those that listen.

Notices of console output carry a time and a text but no number. The uid of a message is therefore made of both, so
that every gateway process that hears the same notices gives the same uids: microseconds, a digest of the text, and
where the same text came twice at the same time, which one of them it is.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import NamedTuple

from http_gateway.console_text import ConsoleText
from http_gateway.dialects.bluesky.frames import Broadcast
from queue_server.client.notices import Notice
from queue_server.protocol.codec import encode

MOST_MESSAGES = 2000
MOST_BYTES = 8 * 1024**2
ALL = "ALL"
BEGINNING = "0-0"
"""The uid of the newest message before there is any."""


class _Message(NamedTuple):
    uid: str
    micros: int
    frame: bytes


class ConsoleBuffer:
    """The last ``MOST_MESSAGES`` messages, and the text that they make."""

    def __init__(self) -> None:
        self.text = ConsoleText()
        self.broadcast = Broadcast()
        self._messages: deque[_Message] = deque()
        self._numbers: dict[str, int] = {}
        self._dropped = 0
        self._size_bytes = 0

    @property
    def newest_uid(self) -> str:
        """The uid of the newest message; it changes whenever the text does."""
        return self._messages[-1].uid if self._messages else BEGINNING

    def hear(self, notice: Notice) -> None:
        """Keep a message and hand it to those that listen."""
        text = notice.text
        if not text:
            return
        frame = encode({"time": notice.time, "msg": text})
        self._keep(_Message(self._uid_of(notice.time, text), _micros(notice.time), frame))
        self.text.write(text)
        if self.broadcast.has_readers:
            self.broadcast.send(frame.decode())

    def frames_after(self, uid: str) -> list[bytes]:
        """Return the messages after the one with this uid as JSON.

        ``ALL`` gives everything that is kept. So does a uid whose message is not kept any more; a text that is no
        uid gives nothing.
        """
        if uid == ALL:
            return [message.frame for message in self._messages]
        number = self._numbers.get(uid)
        if number is not None:
            return [message.frame for message in list(self._messages)[number - self._dropped + 1 :]]
        micros = _read_micros(uid)
        return [message.frame for message in self._messages if micros is not None and message.micros > micros]

    def _uid_of(self, time_s: float, text: str) -> str:
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()
        plain = f"{_micros(time_s):x}-{digest}"
        uid, count = plain, 1
        while uid in self._numbers:
            count += 1
            uid = f"{plain}-{count}"
        return uid

    def _keep(self, message: _Message) -> None:
        self._numbers[message.uid] = self._dropped + len(self._messages)
        self._messages.append(message)
        self._size_bytes += len(message.frame)
        while len(self._messages) > MOST_MESSAGES or (self._size_bytes > MOST_BYTES and len(self._messages) > 1):
            oldest = self._messages.popleft()
            del self._numbers[oldest.uid]
            self._size_bytes -= len(oldest.frame)
            self._dropped += 1


def _micros(time_s: float) -> int:
    return round(time_s * 1e6)


def _read_micros(uid: str) -> int | None:
    parts = uid.split("-")
    if len(parts) not in (2, 3):
        return None
    try:
        return int(parts[0], 16)
    except ValueError:
        return None
