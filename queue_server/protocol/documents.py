"""Documents of runs as text and as messages: a line of a run's file, and what precedes a published document.

It reads and writes values only, no file and no socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import orjson
from msgspec import Struct, msgpack

from queue_server.protocol.codec import Bounds, decode
from queue_server.protocol.errors import EnvelopeError

T = TypeVar("T")

DOCUMENT_NAMES: tuple[str, ...] = (
    "start",
    "descriptor",
    "event",
    "event_page",
    "resource",
    "datum",
    "datum_page",
    "stream_resource",
    "stream_datum",
    "stop",
)
"""The kinds of documents, in the order in which a run can have the first of each."""

LONGEST_LINE_BYTES = 256 * 1024 * 1024
"""Of one document in a file, with the end of the line: what a reader must be able to hold."""

_FAST = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def write_line(name: str, document: Mapping[str, Any], show: Callable[[object], str] = repr) -> bytes:
    """Return a document as one line of JSON: an array of its name and its content, and the end of the line.

    Arrays become lists. Numbers that are not finite are written as Python's ``json`` does it: ``NaN``, ``Infinity``
    and ``-Infinity``. What has no form in JSON becomes the text that ``show`` makes of it.

    Raises:
        ValueError: it contains itself, or is nested too deep.
    """
    try:
        line = orjson.dumps([name, document], default=_refuse, option=_FAST)
    except TypeError:
        return _write_any(name, document, show)
    # Whatever is not finite has become null here; most documents have neither.
    return _write_any(name, document, show) if b"null" in line else line


def read_line(line: bytes) -> tuple[str, dict[str, Any]]:
    """Return the name and the content of the document in a line.

    Raises:
        ValueError: the line is no document.
    """
    try:
        found: object = orjson.loads(line)
    except ValueError:
        # It may have numbers that are not finite.
        try:
            found = json.loads(line)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error
    if isinstance(found, list) and len(parts := cast("list[object]", found)) == 2:
        name, document = parts
        if isinstance(name, str) and isinstance(document, dict):
            return name, cast("dict[str, Any]", document)
    raise ValueError("it is no array of a name and a map")


def make_plain(value: object, show: Callable[[object], str] = repr) -> Any:
    """Return a copy that consists of maps with text as keys, lists, texts, numbers, truth values and None.

    Raises:
        ValueError: it contains itself, or is nested too deep.
    """
    try:
        return _make_plain(value, show)
    except RecursionError as error:
        raise ValueError("the document contains itself, or is nested too deep") from error


def _write_any(name: str, document: Mapping[str, Any], show: Callable[[object], str]) -> bytes:
    return json.dumps([name, make_plain(document, show)], separators=(",", ":")).encode() + b"\n"


def _refuse(value: object) -> object:
    if isinstance(value, (set, frozenset, Mapping)):
        raise TypeError
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    raise TypeError(type(value).__name__)


def _make_plain(value: object, show: Callable[[object], str]) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value).items()
        return {key if isinstance(key, str) else _name(key, show): _make_plain(item, show) for key, item in entries}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_make_plain(item, show) for item in cast("Iterable[object]", value)]
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        plain: object = to_list()
        # An array of objects says the same of itself as of its elements.
        return show(value) if type(plain) is type(value) else _make_plain(plain, show)
    return show(value)


def _name(key: object, show: Callable[[object], str]) -> str:
    return str(key) if isinstance(key, (bool, int, float)) else show(key)


# --- published documents --------------------------------------------------------------------------------------------

MOST_PUBLISHED_BYTES = 512 * 1024
"""Of one published document: of larger ones only the header is sent, and the record has them."""

MARK = "mark"
"""In the place of a kind of document: this message tells only which number was the last."""

_encode_header = msgpack.Encoder().encode
_HEADER_BOUNDS = Bounds(size_bytes=4096)
_PAYLOAD_BOUNDS = Bounds(size_bytes=MOST_PUBLISHED_BYTES, depth=64, elements=MOST_PUBLISHED_BYTES)


class DocumentHeader(Struct, frozen=True):
    """What is said of a published document before its content.

    ``number`` counts the documents of one worker process from 1 on; ``incarnation`` names that process. ``time`` is
    when it was published, in seconds since 1970-01-01 UTC. ``omitted`` says why the content is not sent.
    """

    lane: str
    incarnation: str
    number: int
    name: str
    time: float
    omitted: str = ""


def document_topic(lane: str, name: str = "") -> bytes:
    """Return the topic of a document; without a name, the prefix of all topics of the lane."""
    return f"{lane}/{name}".encode()


def pack_published(header: DocumentHeader, content: bytes = b"") -> list[bytes]:
    """Return the frames of a published document: topic, header, content."""
    return [document_topic(header.lane, header.name), _encode_header(header), content]


def read_header(frames: Sequence[bytes]) -> DocumentHeader:
    """Return the header of a published document.

    Raises:
        EnvelopeError: the frames are no published document.
    """
    if len(frames) != 3:
        raise EnvelopeError(f"A published document has 3 frames, not {len(frames)}.")
    fields, _ = decode(frames[1], _HEADER_BOUNDS)
    header = DocumentHeader(
        lane=_expect(fields, "lane", str),
        incarnation=_expect(fields, "incarnation", str),
        number=_expect(fields, "number", int),
        name=_expect(fields, "name", str),
        time=_expect(fields, "time", float),
        omitted=_expect(fields, "omitted", str),
    )
    if header.number < 0:
        raise EnvelopeError("The number of a published document is negative.")
    return header


def read_content(frames: Sequence[bytes]) -> dict[str, Any]:
    """Return the content of a published document that has one.

    Raises:
        EnvelopeError: the content cannot be read, or is beyond its bounds.
    """
    return decode(frames[2], _PAYLOAD_BOUNDS)[0]


def _expect(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = fields.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise EnvelopeError(f"The header of a published document has no {name!r} of type {kind.__name__}.")
    return value
