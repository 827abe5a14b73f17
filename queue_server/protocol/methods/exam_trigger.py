"""The declaration of what starts an exam task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LockableParams, Method
from queue_server.protocol.methods.exams import EXAMPLE_ID


class ExamTaskTriggerParams(LockableParams):
    """Which exam task, who asks, and how its item is added; what is left out is as for every acquisition."""

    task_id: str = Field(max_length=128, description="Id of the exam task, or uid of the item that did it last.")
    held: bool = Field(default=False, description="True: its item is held until it is released.")
    expected_uploads: int | None = Field(default=None, description="Of a scan: files that it must upload, 0 to 256.")
    upload_grace_s: float | None = Field(
        default=None, description="Of a scan: seconds that uploads may come after its end, 0 to 86400."
    )
    scan_timeout_s: float | None = Field(
        default=None, description="Of a scan: seconds after which its outcome is unknown, more than 0."
    )
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")


@dataclass(frozen=True, slots=True)
class ExamTaskTriggered:
    """The exam task as it is now, its new item, and how many items wait in the lane of that."""

    task: dict[str, Any] = field(default_factory=dict[str, Any])
    item: dict[str, Any] = field(default_factory=dict[str, Any])
    qsize: int = 0


METHODS = (
    Method(
        name="exam_task_trigger",
        summary="Add the item that does an exam task.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/exams/task:trigger"),
        params=ExamTaskTriggerParams,
        result=ExamTaskTriggered,
        lock="queue",
        refusal="Failed to trigger the exam task: ",
        notes="A scan becomes an acquisition in the lane of its device. Processing becomes a graph in the lane of "
        "graphs; it waits for the items of its `input_task_ids`, which must have been triggered before. An input of "
        "the graph that `parameter` does not give is a file of those items, in their order; in `parameter`, "
        '`{"input": 0, "file": "*.npy"}` stands for a file of the first one. Refused for templates, and while an item '
        "of the exam task waits or is active.",
        example={"task_id": EXAMPLE_ID},
    ),
)
