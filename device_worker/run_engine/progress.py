"""How far a plan is: points done of points planned, read from the documents of its runs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Progress

STREAM = "primary"


class PointCounter:
    """Counts the points of all runs of one attempt, and tells each change.

    A point is one event of the primary stream. Its sequence number counts, not the event: a point that is measured
    again after a pause keeps its number.
    """

    def __init__(self, attempt: AttemptKey, show: Callable[[Progress], object]) -> None:
        self._attempt = attempt
        self._show = show
        self._announced = 0
        self._is_total_known = True
        self._points_of_run: dict[str, int] = {}
        self._run_of_stream: dict[str, str] = {}
        self.points = 0
        """The points that are done."""

    @property
    def total(self) -> int | None:
        """The points that the runs so far have announced; None if one of them did not say, or there is none."""
        return self._announced if self._is_total_known and self._points_of_run else None

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document."""
        match name:
            case "event":
                self._advance(doc["descriptor"], doc["seq_num"])
            case "event_page":
                self._advance(doc["descriptor"], max(doc["seq_num"], default=0))
            case "stream_datum":
                # A detector that writes its own files may send no events; the last number is not included.
                self._advance(doc["descriptor"], doc["seq_nums"]["stop"] - 1)
            case "descriptor":
                if doc.get("name") == STREAM:
                    self._run_of_stream[doc["uid"]] = doc["run_start"]
            case "start":
                self._begin_run(doc)

    def _begin_run(self, start: Mapping[str, Any]) -> None:
        total = read_total(start)
        self._points_of_run[start["uid"]] = 0
        self._is_total_known = self._is_total_known and total is not None
        self._announced += total or 0
        self._tell()

    def _advance(self, descriptor: str, sequence_number: int) -> None:
        run = self._run_of_stream.get(descriptor)
        if run is None:
            return
        more = sequence_number - self._points_of_run.get(run, 0)
        if more > 0:
            self._points_of_run[run] = sequence_number
            self.points += more
            self._tell()

    def _tell(self) -> None:
        self._show(Progress(attempt=self._attempt, points=self.points, total=self.total))


def read_total(start: Mapping[str, Any]) -> int | None:
    """Return how many points a start document announces; None where it does not say.

    That is ``num_points``, or else the product of ``shape``.
    """
    announced = start.get("num_points")
    shape = start.get("shape")
    try:
        if announced is None and isinstance(shape, Sequence) and shape:
            announced = math.prod(operator.index(length) for length in shape)
        total = None if announced is None else operator.index(announced)
    except TypeError:
        return None
    return None if total is None or total < 0 else total
