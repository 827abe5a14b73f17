"""The index of recorded runs, written in the transaction that takes note of what a worker reports of them."""

from __future__ import annotations

import logging

from queue_server.core.model import Attempt
from queue_server.protocol.errors import CuelightError, StorageError
from queue_server.protocol.recordings import RecordedRun, RunEnd
from queue_server.protocol.run_reports import RunClosed, RunOpened
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)


def is_listed(attempt: Attempt | None, report: RunOpened | RunClosed) -> bool:
    """Return whether an attempt has the run of a report: it lists a bounded number."""
    return attempt is not None and any(run.uid == report.run_uid for run in attempt.runs)


def note(tx: Transaction, report: RunOpened | RunClosed, now: float) -> None:
    """Write into the index that a run has begun, or how it has ended."""
    time = now if report.time is None else report.time
    if isinstance(report, RunOpened):
        tx.open_recording(
            RecordedRun(
                uid=report.run_uid,
                attempt=report.attempt,
                time_start=time,
                scan_id=report.scan_id,
                plan_name=report.plan_name,
                file=report.file,
                host=report.host,
            )
        )
        return
    try:
        tx.close_recording(report.run_uid, report.attempt, RunEnd(report.exit_status, time, report.num_events))
    except StorageError:
        raise
    except CuelightError as error:
        # A damaged row of the index must not keep a worker from being acknowledged.
        _log.error("The end of the run %s is not in the index: %s", report.run_uid, error)
