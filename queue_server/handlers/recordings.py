"""Handlers of the methods about recorded runs: which there are, and where their documents are."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.selection import check_times
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.methods.recordings import (
    RunAddParams,
    RunEntry,
    RunGetParams,
    RunListParams,
    RunPage,
    RunReply,
    RunsAdded,
)
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter

MOST_UIDS_RECORDED = 100
"""How many uids of runs that were added together the event log has."""


def list_runs(context: TurnContext, params: RunListParams) -> RunPage:
    """Return a page of the recorded runs, the newest first."""
    check_times(params.time_from, params.time_to)
    wanted = RunFilter(
        item_uid=params.item_uid,
        submission=params.submission,
        scan_id=params.scan_id,
        plan_name=params.plan,
        lane=params.lane,
        time_from=params.time_from,
        time_to=params.time_to,
    )
    part = context.turn.tx.find_recordings(wanted, limit=params.limit, cursor=params.cursor)
    return RunPage([_show(context, run) for run in part.entries], part.cursor)


def get_run(context: TurnContext, params: RunGetParams) -> RunReply:
    """Return a recorded run."""
    run = context.turn.tx.recording(params.run_uid)
    if run is None:
        raise NotFoundError(f"No run {params.run_uid!r:.200} is recorded.")
    return RunReply(_show(context, run))


def add_runs(context: TurnContext, params: RunAddParams) -> RunsAdded:
    """Add runs that the index lacks, and ends that it does not know."""
    entries = [_read_entry(values, number) for number, values in enumerate(params.runs)]
    tx, changed = context.turn.tx, list[str]()
    for run in entries:
        is_new = not tx.has_recording(run)
        if is_new:
            tx.open_recording(run)
        if (run.end is not None and tx.close_recording(run.uid, run.attempt, run.end)) or is_new:
            changed.append(run.uid)
    if changed:
        context.record(added=len(changed), run_uids=changed[:MOST_UIDS_RECORDED])
    return RunsAdded(len(changed))


def _read_entry(values: dict[str, Any], number: int) -> RecordedRun:
    try:
        entry = RunEntry.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join([f"runs[{number}]", *map(str, problem["loc"])])
        raise ParameterError(f"'{place}': {problem['msg'].removeprefix('Value error, ')}.", field=place) from error
    ended = entry.exit_status is not None and entry.time_stop is not None
    return RecordedRun(
        uid=entry.uid,
        # No file tells in which epoch it was.
        attempt=AttemptKey(entry.item_uid, entry.submission, entry.lane, entry.attempt, 0),
        time_start=entry.time_start,
        scan_id=entry.scan_id,
        plan_name=entry.plan_name,
        file=entry.file,
        host=entry.host,
        end=RunEnd(entry.exit_status or "", entry.time_stop or 0.0, entry.num_events) if ended else None,
    )


def _show(context: TurnContext, run: RecordedRun) -> dict[str, Any]:
    # What has no stop document is only open as long as its attempt is: a worker that dies writes none.
    is_open = any(lane.attempt is not None and lane.attempt.key == run.attempt for lane in context.turn.state.lanes)
    return run.shown(is_open=is_open)


GROUP = group(turn={"run_list": list_runs, "run_get": get_run, "run_add": add_runs})
