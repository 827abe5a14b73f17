"""What the messages of the worker link are made of: their base, and values with bounds, so that they can be stored."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from queue_server.protocol.items import AttemptKey, Run

# What can be stored as a whole number.
_LARGEST = 2**63 - 1
_LONGEST_UID = 512
LONGEST_WORD = 128
Word = Annotated[str, Field(max_length=LONGEST_WORD)]
RunUid = Annotated[str, Field(min_length=1, max_length=_LONGEST_UID)]
Whole = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]


def _check_attempt(key: AttemptKey) -> AttemptKey:
    if max(len(key.item_uid), len(key.submission), len(key.lane)) > _LONGEST_UID:
        raise ValueError(f"a uid or a lane has more than {_LONGEST_UID} characters")
    if not (0 <= key.number <= _LARGEST and 0 <= key.epoch <= _LARGEST):
        raise ValueError("number or epoch cannot be stored")
    return key


def _check_run(run: Run) -> Run:
    if not 1 <= len(run.uid) <= _LONGEST_UID or len(run.exit_status or "") > _LONGEST_UID:
        raise ValueError(f"a run has a uid of 1 to {_LONGEST_UID} characters")
    if run.scan_id is not None and abs(run.scan_id) > _LARGEST:
        raise ValueError("the scan id cannot be stored")
    return run


# What a worker tells is stored, so that it has to fit.
ToldAttempt = Annotated[AttemptKey, AfterValidator(_check_attempt)]
ToldRun = Annotated[Run, AfterValidator(_check_run)]


class Message(BaseModel):
    """What all messages have in common: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)
