"""Frames about a run: documents, columns and images, as JSON or as msgpack with raw numbers. Pure."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from http_gateway.run_stream.columns import Batch
from http_gateway.run_stream.picture import Told
from http_gateway.stream_frames import Frame, make_frame
from queue_server.protocol.codec import encode

if TYPE_CHECKING:
    from http_gateway.run_stream.preview import Preview

Form = Literal["binary", "json"]

NUMBERS = "<f8"
"""How the numbers of a column are packed: 64-bit floats, the lowest byte first."""


def frame_of_document(topic: str, told: Told, time: float) -> Frame:
    """Return the frame of one document."""
    return make_frame(topic, told.number, time, {"name": told.name, "document": _clean(told.document)})


def frame_of_documents(topic: str, known: Sequence[Told], number: int, time: float) -> Frame:
    """Return the frame with which the documents of a run begin."""
    shown = [{"seq": told.number, "name": told.name, "document": _clean(told.document)} for told in known]
    return make_frame(topic, number, time, {"documents": shown}, snapshot=True)


def frame_of_columns(
    topic: str, batches: Mapping[str, Batch], number: int, time: float, form: Form, *, snapshot: bool
) -> Frame:
    """Return the frame of rows of one or several streams."""
    streams = {
        name: {
            "first": batch.first,
            "rows": batch.rows,
            "stride": batch.stride,
            "columns": {field: _numbers(column, form) for field, column in batch.columns.items()},
        }
        for name, batch in batches.items()
    }
    data = {"streams": streams} if form == "json" else {"numbers": NUMBERS, "streams": streams}
    return _pack(topic, number, time, data, form, snapshot=snapshot)


def frame_of_image(topic: str, field: str, preview: Preview, number: int, time: float, form: Form) -> Frame:
    """Return the frame of an image: one byte for each pixel, as base64 in JSON."""
    pixels = preview.pixels if form == "binary" else base64.b64encode(preview.pixels).decode()
    data = {
        "field": field,
        "shape": [preview.rows, preview.columns],
        "step": preview.step,
        "vmin": preview.vmin,
        "vmax": preview.vmax,
        "pixels": pixels,
    }
    return _pack(topic, number, time, data, form, snapshot=False)


def _pack(topic: str, number: int, time: float, data: Mapping[str, Any], form: Form, *, snapshot: bool) -> Frame:
    if form == "json":
        return make_frame(topic, number, time, data, snapshot=snapshot)
    content = {"topic": topic, "seq": number, "time": time, **({"snapshot": True} if snapshot else {}), "data": data}
    return Frame(topic, "", number, octets=encode(content, "msgpack"))


def _numbers(column: Sequence[float], form: Form) -> object:
    if form == "json":
        return [value if math.isfinite(value) else None for value in column]
    return (column if isinstance(column, array) else array("d", column)).tobytes()


def _clean(value: object) -> Any:
    """Return a copy without numbers that JSON does not have: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _clean(inner) for key, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in cast("Sequence[object]", value)]
    return value
