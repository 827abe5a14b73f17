"""All parts of the store's port that keep records beside the queue, in one."""

from __future__ import annotations

from typing import Protocol

from queue_server.storage.artifact_base import ArtifactNameRows
from queue_server.storage.batch_base import BatchRows
from queue_server.storage.device_base import DeviceRows
from queue_server.storage.exam_base import ExamRows
from queue_server.storage.recording_base import RecordingRows
from queue_server.storage.shown_base import ShownRows
from queue_server.storage.submission_base import SubmissionRows
from queue_server.storage.workflow_base import WorkflowRows


class RecordRows(
    ShownRows, ExamRows, DeviceRows, SubmissionRows, RecordingRows, BatchRows, WorkflowRows, ArtifactNameRows, Protocol
):
    """What can be done to records, inside a transaction, and what is shown of them."""
