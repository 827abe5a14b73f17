"""What a worker reports of a Bluesky run: that it began, where its documents are recorded, and how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from queue_server.protocol.link_values import Count, Message, RunUid, ToldAttempt, Whole, Word

RUN_FILE_PATTERN = r"^(runs/[0-9]{4}-[0-9]{2}/[^/\x00]{1,240}\.jsonl)?$"
"""Where the documents of a run are, below the data directory of their worker; empty where they are in no file."""

MOST_STREAMS = 256
"""Of so many streams of a run is told how many events they have; a worker leaves the others out."""

RunFile = Annotated[str, Field(pattern=RUN_FILE_PATTERN)]


class RunOpened(Message):
    """A start document was emitted at ``time``; it is in ``file``, on ``host`` if that is not the manager's."""

    kind: Literal["run_opened"] = "run_opened"
    number: Count
    attempt: ToldAttempt
    run_uid: RunUid
    scan_id: Whole | None = None
    plan_name: Word = ""
    time: float | None = None
    file: RunFile = ""
    host: Word = ""


class RunClosed(Message):
    """A stop document was emitted; ``time`` is its time, ``num_events`` are its counts of events by stream."""

    kind: Literal["run_closed"] = "run_closed"
    number: Count
    attempt: ToldAttempt
    run_uid: RunUid
    exit_status: Word
    time: float | None = None
    num_events: dict[Word, Count] = Field(default_factory=dict, max_length=MOST_STREAMS)
