"""The runs of one attempt, read from their documents."""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.link_values import LONGEST_WORD
from queue_server.protocol.run_reports import MOST_STREAMS, RunClosed, RunOpened
from queue_server.protocol.worker_link import Report

_log = logging.getLogger(__name__)

RUNS_LIMIT = 5000
"""How many runs of one attempt are listed, so that the messages that list them stay within a frame."""


class Records(Protocol):
    """Who knows where a run is recorded."""

    @property
    def host(self) -> str:
        """The host whose disk has the records; empty for that of the manager."""
        ...

    def name_of(self, run_uid: str) -> str:
        """Return where a run is recorded, relative to the data directory; empty if it is not."""
        ...


class RunList:
    """Reports and lists the runs whose documents it is called with."""

    def __init__(
        self,
        attempt: AttemptKey,
        report: Callable[[Report], object],
        notice: Callable[[tuple[Run, ...]], object],
        records: Records | None = None,
    ) -> None:
        self._attempt = attempt
        self._report = report
        self._notice = notice
        self._records = records
        self._runs: dict[str, Run] = {}

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document; only start and stop matter."""
        if name == "start":
            self._open(doc)
        elif name == "stop":
            self._close(doc)

    @property
    def uids(self) -> tuple[str, ...]:
        """The uids of all runs in the order of their start."""
        return tuple(self._runs)

    @property
    def scan_ids(self) -> tuple[int, ...]:
        """The scan ids of all runs that have one, in the order of their start."""
        return tuple(run.scan_id for run in self._runs.values() if run.scan_id is not None)

    def _open(self, start: Mapping[str, Any]) -> None:
        uid, scan_id = str(start["uid"]), read_scan_id(start)
        file = "" if self._records is None else self._records.name_of(uid)
        opened = RunOpened(
            number=UNNUMBERED,
            attempt=self._attempt,
            run_uid=uid,
            scan_id=scan_id,
            plan_name=str(start.get("plan_name", ""))[:LONGEST_WORD],
            time=_read_time(start),
            file=file,
            host="" if self._records is None or not file else self._records.host[:LONGEST_WORD],
        )
        self._report(opened)
        self._list(Run(uid, scan_id))

    def _close(self, stop: Mapping[str, Any]) -> None:
        uid, exit_status = str(stop["run_start"]), str(stop.get("exit_status", ""))
        closed = RunClosed(
            number=UNNUMBERED,
            attempt=self._attempt,
            run_uid=uid,
            exit_status=exit_status,
            time=_read_time(stop),
            num_events=_read_counts(stop),
        )
        self._report(closed)
        opened = self._runs.get(uid, Run(uid))
        self._list(Run(uid, opened.scan_id, is_open=False, exit_status=exit_status))

    def _list(self, run: Run) -> None:
        if run.uid not in self._runs and len(self._runs) >= RUNS_LIMIT:
            _log.warning("The plan has more than %d runs: run %s is reported, but not listed", RUNS_LIMIT, run.uid)
            return
        self._runs[run.uid] = run
        self._notice(tuple(self._runs.values()))


def _read_time(document: Mapping[str, Any]) -> float | None:
    """Return when a document was emitted, in seconds since 1970-01-01 UTC; None where it does not say."""
    try:
        time = float(document["time"])
    except (KeyError, TypeError, ValueError):
        return None
    return time if math.isfinite(time) else None


def _read_counts(stop: Mapping[str, Any]) -> dict[str, int]:
    """Return how many events each stream has had, as far as a stop document says."""
    counts = stop.get("num_events")
    if not isinstance(counts, Mapping):
        return {}
    known = {
        stream: count
        for stream, count in counts.items()
        if isinstance(stream, str) and len(stream) <= LONGEST_WORD and isinstance(count, int) and 0 <= count < 2**63
    }
    return dict(list(known.items())[:MOST_STREAMS])


def read_scan_id(start: Mapping[str, Any]) -> int | None:
    """Return the scan id of a start document; None where it has none that is a whole number."""
    try:
        return operator.index(start["scan_id"])
    except (KeyError, TypeError):
        return None
