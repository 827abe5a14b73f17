"""Declarations about the sequences of scanners, and their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.exam_fields import explain_fields
from queue_server.protocol.exam_records import LONGEST_SEQUENCE_BYTES, SequenceFields
from queue_server.protocol.method import Method, Params
from queue_server.protocol.methods.exams import CURSOR, EXAMPLE_ID, LIMIT, ExamEditParams

_SEQUENCE = Field(max_length=128, description="Id of the sequence.")


class SequenceAddParams(ExamEditParams):
    """The new sequence with its files."""

    sequence: dict[str, Any] = Field(description="The fields of the sequence.")
    seq_file: str = Field(max_length=LONGEST_SEQUENCE_BYTES, description="The sequence as text.")
    xml_file: str | None = Field(
        default=None, max_length=LONGEST_SEQUENCE_BYTES, description="Its header as text, if it has one."
    )


class SequenceGetParams(Params):
    """Which sequence, and whether its files are wanted."""

    sequence_id: str = _SEQUENCE
    files: bool = Field(default=False, description="True: with `seq_file` and `xml_file`.")


class SequenceListParams(Params):
    """Which part of the list."""

    limit: int = LIMIT
    cursor: str | None = CURSOR


class SequenceRemoveParams(ExamEditParams):
    """Which sequence."""

    sequence_id: str = _SEQUENCE


@dataclass(frozen=True, slots=True)
class SequenceReply:
    """The sequence."""

    sequence: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class SequencePage:
    """Sequences without their files in the order in which they were made, and the cursor of the next page, if any."""

    sequences: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


METHODS = (
    Method(
        name="exam_sequence_add",
        summary="Add a sequence with its files.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/sequences"),
        params=SequenceAddParams,
        result=SequenceReply,
        refusal="Failed to add a sequence: ",
        notes=f"{explain_fields('sequence', SequenceFields)} Both files together have at most "
        f"{LONGEST_SEQUENCE_BYTES:,} bytes of UTF-8, and the request must be within the limit for messages. A sequence "
        "never changes; another one is added in its place.",
        example={"sequence": {"name": "spin echo", "tags": ["knee"]}, "seq_file": "[VERSION]\nmajor 1\n"},
    ),
    Method(
        name="exam_sequence_get",
        summary="Return a sequence, with its files if they are wanted.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/sequence"),
        params=SequenceGetParams,
        result=SequenceReply,
        refusal="Failed to get the sequence: ",
        example={"sequence_id": EXAMPLE_ID, "files": True},
    ),
    Method(
        name="exam_sequence_list",
        summary="Return a page of sequences without their files.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/sequences"),
        params=SequenceListParams,
        result=SequencePage,
        refusal="Failed to list sequences: ",
        example={"limit": 20},
    ),
    Method(
        name="exam_sequence_remove",
        summary="Remove a sequence with its files; exam tasks that name it stay.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/sequence:remove"),
        params=SequenceRemoveParams,
        refusal="Failed to remove the sequence: ",
        example={"sequence_id": EXAMPLE_ID},
    ),
)
