"""Many readers of a gateway's streams in a process of their own; those that stall stop to read after the handshake.

    python -m benchmarks.http_readers ADDRESS KEY READERS STALLED

Prints one line once all are connected, and ends with its input; then a line with how many frames came.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import struct
import sys
from urllib.parse import urlsplit

SUBSCRIBE = {"op": "sub", "topics": ["status", "events", "queue", "hb"]}
_ACKNOWLEDGE_EACH = 16


class Reader:
    """One WebSocket: the native stream, which wants to be acknowledged, or the status of the bluesky dialect."""

    def __init__(self, address: str, key: str, *, native: bool, stalled: bool) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        self._native = native
        self._buffer = bytearray()
        self.frames = 0
        self.socket = socket.socket()
        if stalled:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((parts.hostname, parts.port))
        path = "/v1/stream" if native else "/api/status/ws"
        lines = (
            f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Extensions: permessage-deflate", f"Authorization: ApiKey {key}", "", "",
        )  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise SystemExit(f"A reader was refused: {head!r}")
        if b"permessage-deflate" in head:
            raise SystemExit("The gateway compresses, which these readers do not understand.")
        if native:
            self._say(SUBSCRIBE)
        self.socket.setblocking(False)

    def read(self) -> bool:
        """Take what is there; return whether the connection lives."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._buffer += data
        while (frame := self._take()) is not None:
            if frame.startswith(b'{"op"'):
                continue
            self.frames += 1
            if self._native and self.frames % _ACKNOWLEDGE_EACH == 0:
                self._say({"op": "ack", "frames": self.frames})
        return bool(data)

    def _take(self) -> bytes | None:
        """Return the payload of the next whole frame."""
        if len(self._buffer) < 4:
            return None
        length, start = self._buffer[1] & 127, 2
        if length == 126:
            [length], start = struct.unpack_from(">H", self._buffer, 2), 4
        elif length == 127:
            if len(self._buffer) < 10:
                return None
            [length], start = struct.unpack_from(">Q", self._buffer, 2), 10
        if len(self._buffer) < start + length:
            return None
        payload = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return payload

    def _say(self, message: object) -> None:
        """Send a short text; a mask of zeros is a mask."""
        payload = json.dumps(message).encode()
        if len(payload) > 125:
            raise ValueError("This client sends short messages only.")
        self.socket.sendall(struct.pack(">BBI", 0x81, 0x80 | len(payload), 0) + payload)


def main() -> None:
    """Read until the input ends."""
    address, key, count, stalled = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    readers: list[Reader] = []
    for number in range(count):
        is_stalled = number < stalled
        reader = Reader(address, key, native=number % 2 == 0, stalled=is_stalled)
        readers.append(reader)
        if not is_stalled:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
    _tell({"connected": count})
    lost = 0
    while True:
        for key_of, _ in selector.select():
            reader = key_of.data
            if reader is None:
                _tell({"frames": sum(each.frames for each in readers), "lost": lost})
                return
            if not reader.read():
                lost += 1
                selector.unregister(reader.socket)


def _tell(values: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
