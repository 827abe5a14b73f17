"""What a viewer of a run has not got yet: not frames, but how much of the picture it knows.

However slow it is, nothing heaps up here: the next frame has what is new at the moment at which it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from http_gateway.run_stream.columns import Batch
from http_gateway.run_stream.frames import Form, frame_of_columns
from http_gateway.run_stream.picture import Image, RunPicture
from http_gateway.stream_frames import Frame

MOST_ROWS = 5_000
"""Rows of a stream in one frame, unless it is a snapshot."""


@dataclass(frozen=True, slots=True)
class Pace:
    """For which topic, at least how many seconds apart, in which form, and the wall clock."""

    topic: str
    least_s: float
    form: Form
    wall: Callable[[], float]


class ColumnsBuffer:
    """The rows that one viewer lacks; after rows that it has were thinned out, a new snapshot."""

    def __init__(self, picture: RunPicture, pace: Pace) -> None:
        self._picture = picture
        self._pace = pace
        self._known: dict[str, tuple[int, int]] = {}
        self._has_begun = False
        self._free_s = 0.0
        self.dropped = 0
        self.is_overrun = False

    def put(self, frame: Frame) -> None:
        """Take note that something is new; what it is, the picture tells."""

    def fill(self, frames: Iterable[Frame]) -> None:
        """Begin with what the picture shows."""

    def due_s(self) -> float | None:
        """Return when the next rows may go; None if there are none."""
        return self._free_s if not self._has_begun or self._has_news() else None

    def take(self, now_s: float) -> Frame:
        """Return the next rows."""
        self._free_s = now_s + self._pace.least_s
        is_snapshot = not self._has_begun or self._was_thinned_out()
        self._has_begun = True
        batches = self._take_all() if is_snapshot else self._take_new()
        pace, number = self._pace, self._picture.number
        return frame_of_columns(pace.topic, batches, number, pace.wall(), pace.form, snapshot=is_snapshot)

    def _has_news(self) -> bool:
        return any(
            self._known.get(name) != (columns.generation, columns.rows)
            for name, columns in self._picture.columns.items()
        )

    def _was_thinned_out(self) -> bool:
        return any(
            name in self._known and self._known[name][0] != columns.generation
            for name, columns in self._picture.columns.items()
        )

    def _take_all(self) -> Mapping[str, Batch]:
        columns = self._picture.columns
        self._known = {name: (each.generation, each.rows) for name, each in columns.items()}
        return {name: each.snapshot() for name, each in columns.items()}

    def _take_new(self) -> Mapping[str, Batch]:
        batches: dict[str, Batch] = {}
        for name, columns in self._picture.columns.items():
            _, first = self._known.get(name, (0, 0))
            batch = columns.batch(first, MOST_ROWS)
            self._known[name] = (columns.generation, first + batch.rows)
            if batch.rows:
                batches[name] = batch
        return batches


class ImageBuffer:
    """Whether one viewer lacks the newest image of a field; ``make`` turns it into a frame."""

    def __init__(self, picture: RunPicture, field: str, least_s: float, make: Callable[[Image], Frame]) -> None:
        self._picture = picture
        self._field = field
        self._least_s = least_s
        self._make = make
        self._known = 0
        self._free_s = 0.0
        self.dropped = 0
        self.is_overrun = False

    def put(self, frame: Frame) -> None:
        """Take note that something is new; what it is, the picture tells."""

    def fill(self, frames: Iterable[Frame]) -> None:
        """Begin with the image that the picture shows."""

    def due_s(self) -> float | None:
        """Return when the next image may go; None if there is none."""
        image = self._picture.images.get(self._field)
        return None if image is None or image.number == self._known else self._free_s

    def take(self, now_s: float) -> Frame:
        """Return the newest image."""
        image = self._picture.images[self._field]
        self._known = image.number
        self._free_s = now_s + self._least_s
        return self._make(image)
