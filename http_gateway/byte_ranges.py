"""Parts of a file that a request asks for with the header Range, and how an answer calls the file. It reads none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request

from http_gateway.errors import RangeError

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from ``start`` to before ``stop``, and with which status and headers they are answered."""

    start: int
    stop: int
    status: int
    headers: dict[str, str]


def take_part(request: Request, size_bytes: int, tag: str | None = None) -> Part:
    """Return the part of a file of this length that is asked for: all of it unless one part and no other is.

    What is asked for only if nothing has changed is no part, unless ``tag`` says that nothing has.

    Raises:
        RangeError: no byte of it is there.
    """
    span = _read_span(request, size_bytes, tag)
    if span is None:
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(size_bytes)}
        return Part(0, size_bytes, 200, headers)
    start, stop = span
    if start >= stop:
        raise RangeError(
            f"There are {size_bytes} bytes, and none of them is in this range.",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    headers = {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size_bytes}"}
    return Part(start, stop, 206, {"Accept-Ranges": "bytes", **headers})


def dispose(name: str) -> dict[str, str]:
    """Return the header that lets a file be kept under the last part of a name."""
    shown = name.rpartition("/")[2]
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", shown)
    extended = "" if plain == shown else f"; filename*=UTF-8''{quote(shown, safe='')}"
    return {"Content-Disposition": f'attachment; filename="{plain}"{extended}'}


def _read_span(request: Request, size_bytes: int, tag: str | None) -> tuple[int, int] | None:
    given = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if given is None or not any(given.groups()) or request.headers.get("if-range", tag) != tag:
        return None
    first, last = given.groups()
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), min(size_bytes, int(last) + 1) if last else size_bytes
