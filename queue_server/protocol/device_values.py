"""Values of devices as they change, as messages beside the published documents: topics, packing and reading.

It reads and writes values only, no socket. The frames are two, where a document has three, so that whoever subscribes
to all documents can tell them apart, and no lane has a name that could begin such a topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from msgspec import Struct, field

from queue_server.protocol.codec import Bounds, decode, encode
from queue_server.protocol.errors import EnvelopeError

T = TypeVar("T")

MOST_HZ = 10.0
"""How often the values of one device are told."""

MOST_WATCHED = 256
"""Devices of one worker that are followed at the same time."""

MOST_VALUE_BYTES = 16 * 1024
"""Of one value, as JSON: a larger one is shown as a text."""

MOST_VALUES_BYTES = 256 * 1024
"""Of all that is told of a device at once."""

DEVICE_PREFIX = b".device/"
"""How every topic of this module begins; no lane has such a name."""

_VALUES, _ASKED = ".device/values", ".device/asked"
_BOUNDS = Bounds(size_bytes=2 * MOST_VALUES_BYTES)


class DeviceValues(Struct, frozen=True):
    """The newest that is known of a device, as a whole.

    ``number`` counts the messages about it of one worker process, which ``incarnation`` names; ``time`` is when it was
    told, in seconds since 1970-01-01 UTC. ``readings`` has for each signal ``value`` and ``timestamp``, and ``units``
    and limits where there are some. ``is_moving`` is None for what does not say. ``note`` tells what is not followed,
    ``error`` why the device is not.
    """

    lane: str
    device: str
    incarnation: str
    number: int
    time: float
    readings: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    is_moving: bool | None = None
    note: str = ""
    error: str = ""


def values_topic(lane: str, device: str) -> bytes:
    """Return the topic to subscribe to for the values of a device."""
    # The end keeps apart what begins alike.
    return f"{_VALUES}/{lane}/{device}/".encode()


def asking_topic(lane: str, device: str, asker: str) -> bytes:
    """Return a topic to which nothing is sent: to subscribe to it makes the worker tell the values again.

    A forwarder passes on only the first subscription to a topic, so ``asker`` has to be a name that nobody else uses.
    """
    return f"{_ASKED}/{lane}/{device}/{asker}".encode()


def read_values_topic(topic: bytes, lane: str) -> str | None:
    """Return the device of this lane whose values a subscription is for; None if it is for something else."""
    return _between(topic, f"{_VALUES}/{lane}/", "/")


def read_asking_topic(topic: bytes, lane: str) -> str | None:
    """Return the device of this lane whose values somebody wants to be told again; None if it is something else."""
    return _between(topic.rpartition(b"/")[0] + b"/", f"{_ASKED}/{lane}/", "/")


def pack_values(values: DeviceValues) -> list[bytes]:
    """Return the frames of a message: topic and content.

    Raises:
        TypeError: a value has no form in a message.
    """
    fields = {
        "lane": values.lane,
        "device": values.device,
        "incarnation": values.incarnation,
        "number": values.number,
        "time": values.time,
        "readings": values.readings,
        "is_moving": values.is_moving,
        "note": values.note,
        "error": values.error,
    }
    return [values_topic(values.lane, values.device), encode(fields, "msgpack")]


def read_values(frames: Sequence[bytes]) -> DeviceValues:
    """Return what a message tells.

    Raises:
        EnvelopeError: the frames are no values of a device.
    """
    if len(frames) != 2:
        raise EnvelopeError(f"Values of a device have 2 frames, not {len(frames)}.")
    fields, _ = decode(frames[1], _BOUNDS)
    is_moving = fields.get("is_moving")
    if is_moving is not None and not isinstance(is_moving, bool):
        raise EnvelopeError("The values of a device have an 'is_moving' that is neither true, false nor null.")
    return DeviceValues(
        lane=_expect(fields, "lane", str),
        device=_expect(fields, "device", str),
        incarnation=_expect(fields, "incarnation", str),
        number=_expect(fields, "number", int),
        time=_expect(fields, "time", float),
        readings=_read_readings(fields.get("readings")),
        is_moving=is_moving,
        note=_expect(fields, "note", str),
        error=_expect(fields, "error", str),
    )


def _between(topic: bytes, before: str, after: str) -> str | None:
    try:
        text = topic.decode()
    except UnicodeDecodeError:
        return None
    if not text.startswith(before) or not text.endswith(after):
        return None
    return text[len(before) : -len(after)] or None


def _read_readings(given: object) -> dict[str, dict[str, Any]]:
    if isinstance(given, dict):
        readings = cast("dict[object, object]", given)
        if all(isinstance(name, str) and isinstance(reading, dict) for name, reading in readings.items()):
            return cast("dict[str, dict[str, Any]]", readings)
    raise EnvelopeError("The values of a device have no 'readings' by signal.")


def _expect(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = fields.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise EnvelopeError(f"The values of a device have no {name!r} of type {kind.__name__}.")
    return value
