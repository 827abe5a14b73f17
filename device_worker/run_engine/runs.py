"""The runs of one attempt, read from their documents."""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Mapping
from typing import Any

from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.worker_link import Report, RunClosed, RunOpened

_log = logging.getLogger(__name__)

RUNS_LIMIT = 5000
"""How many runs of one attempt are listed, so that the messages that list them stay within a frame."""


class RunList:
    """Reports and lists the runs whose documents it is called with."""

    def __init__(
        self,
        attempt: AttemptKey,
        report: Callable[[Report], object],
        notice: Callable[[tuple[Run, ...]], object],
    ) -> None:
        self._attempt = attempt
        self._report = report
        self._notice = notice
        self._runs: dict[str, Run] = {}

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document; only start and stop matter."""
        if name == "start":
            self._open(str(doc["uid"]), read_scan_id(doc))
        elif name == "stop":
            self._close(str(doc["run_start"]), str(doc.get("exit_status", "")))

    @property
    def uids(self) -> tuple[str, ...]:
        """The uids of all runs in the order of their start."""
        return tuple(self._runs)

    @property
    def scan_ids(self) -> tuple[int, ...]:
        """The scan ids of all runs that have one, in the order of their start."""
        return tuple(run.scan_id for run in self._runs.values() if run.scan_id is not None)

    def _open(self, uid: str, scan_id: int | None) -> None:
        self._report(RunOpened(number=UNNUMBERED, attempt=self._attempt, run_uid=uid, scan_id=scan_id))
        self._list(Run(uid, scan_id))

    def _close(self, uid: str, exit_status: str) -> None:
        self._report(RunClosed(number=UNNUMBERED, attempt=self._attempt, run_uid=uid, exit_status=exit_status))
        opened = self._runs.get(uid, Run(uid))
        self._list(Run(uid, opened.scan_id, is_open=False, exit_status=exit_status))

    def _list(self, run: Run) -> None:
        if run.uid not in self._runs and len(self._runs) >= RUNS_LIMIT:
            _log.warning("The plan has more than %d runs: run %s is reported, but not listed", RUNS_LIMIT, run.uid)
            return
        self._runs[run.uid] = run
        self._notice(tuple(self._runs.values()))


def read_scan_id(start: Mapping[str, Any]) -> int | None:
    """Return the scan id of a start document; None where it has none that is a whole number."""
    try:
        return operator.index(start["scan_id"])
    except (KeyError, TypeError):
        return None
