"""A program that decodes messages which claim, nest or multiply too much, and tells as JSON what each has cost."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from queue_server.protocol.codec import decode
from queue_server.protocol.errors import EnvelopeError

DEPTH = 100_000
MAPS = 4_000_000

BOMBS = {
    "nested maps, JSON": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "nested lists, JSON": b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "nested maps, msgpack": b"\x81\xa1a" * DEPTH + b"\x80",
    "nested lists, msgpack": b"\x81\xa1a" + b"\x91" * DEPTH + b"\x80",
    **{
        f"claimed {name}{rest}": b"\x81\xa1a" + header + b"\xff" * 4 + data
        for name, header in {"list": b"\xdd", "map": b"\xdf", "text": b"\xdb", "bytes": b"\xc6"}.items()
        for rest, data in {"": b"", " before 4 MB": b"\x80" * MAPS}.items()
    },
    "claimed message": b"\xdf\xff\xff\xff\xff",
    "claimed extension": b"\x81\xa1a\xc9\xff\xff\xff\xff\x05",
    "4 MB of empty maps, msgpack": b"\x81\xa1a\xdd" + MAPS.to_bytes(4) + b"\x80" * MAPS,
    "4 MB of empty maps, JSON": b'{"a":[' + b"{}," * (MAPS // 3) + b"{}]}",
    "4 MB of empty lists, JSON": b'{"a":[' + b"[]," * (MAPS // 3) + b"[]]}",
}


def measure(data: bytes) -> dict[str, float | bool]:
    """Decode a message; return whether it was refused, and what that has cost."""
    process = Path("/proc/self")
    (process / "clear_refs").write_text("5")
    before = _read_mark(process)
    times: list[float] = []
    refused = False
    # The best of three, in time of the processor: how busy others are is no property of a message.
    for _ in range(3):
        begin = time.thread_time()
        try:
            decode(data)
        except EnvelopeError:
            refused = True
        times.append(time.thread_time() - begin)
    return {"refused": refused, "ms": min(times) * 1000, "growth_mb": (_read_mark(process) - before) / 1e6}


def _read_mark(process: Path) -> int:
    """Return the most memory that was used since the mark was set back."""
    [line] = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: measure(data) for name, data in BOMBS.items()}))
