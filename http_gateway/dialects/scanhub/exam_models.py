"""Exam records as they cross the wire: what clients send and what they get. Unknown keys are passed over.

The routes read requests with these models, and the client functions show answers as them. What belongs where, and
how long a text may be, is decided elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from http_gateway.dialects.scanhub.exam_enums import (
    CalibrationType,
    Gender,
    ItemStatus,
    ResultType,
    TaskType,
    UserRole,
)


class Wire(BaseModel):
    """A value of the wire. It can be changed, as programs do that send back what they got."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)


# --- what clients send ----------------------------------------------------------------------------------------------


class BaseExam(Wire):
    """An exam of a patient, or a template of one, which has none."""

    patient_id: UUID | None = None
    name: str
    description: str
    indication: str | None = None
    comment: str | None = None
    status: ItemStatus
    is_template: bool


class ExamOfTemplate(Wire):
    """What is to be different in a copy of an exam from its template; the patient at least."""

    patient_id: UUID | None = None
    name: str | None = None
    description: str | None = None
    indication: str | None = None
    comment: str | None = None
    status: ItemStatus = ItemStatus.NEW
    is_template: bool = False


class BaseWorkflow(Wire):
    """A workflow of an exam, or a template of one, which may stand alone."""

    exam_id: UUID | None = None
    name: str
    description: str
    comment: str | None = None
    status: ItemStatus
    is_template: bool


class BaseTask(Wire):
    """What exam tasks of both types have."""

    workflow_id: UUID | None = None
    name: str
    description: str
    destination: str
    status: ItemStatus
    progress: int
    is_template: bool
    position: int = 0


class XYZ(Wire):
    """Three numbers along the axes of the scanner."""

    x: float = Field(allow_inf_nan=False)
    y: float = Field(allow_inf_nan=False)
    z: float = Field(allow_inf_nan=False)


class AcquisitionParameter(Wire):
    """The field of view: its scaling, its offset and its rotation."""

    fov_scaling: XYZ
    fov_offset: XYZ
    fov_rotation: XYZ


class AcquisitionLimits(Wire):
    """What a scanner must know of the patient to stay within safe limits."""

    patient_height: int
    patient_weight: int
    patient_age: int
    patient_gender: Gender


class BaseAcquisitionTask(BaseTask):
    """A scan."""

    task_type: Literal[TaskType.ACQUISITION] = TaskType.ACQUISITION
    device_id: UUID | None = None
    sequence_id: str
    acquisition_parameter: AcquisitionParameter
    acquisition_limits: AcquisitionLimits | None = None
    calibration: list[CalibrationType] = Field(default_factory=list[CalibrationType])


class BaseDAGTask(BaseTask):
    """Processing of what other exam tasks have produced."""

    task_type: Literal[TaskType.DAG] = TaskType.DAG
    dag_type: Literal[TaskType.RECONSTRUCTION, TaskType.PROCESSING]
    dag_id: str
    input_task_ids: list[UUID] = Field(default_factory=list[UUID])
    parameter: dict[str, Any] | None = None


class SetResult(Wire):
    """What is known of a result."""

    type: ResultType
    directory: str
    files: list[str] = Field(default_factory=list[str])
    meta: dict[str, Any] | None = None


class TaskOrder(Wire):
    """Exam tasks of one workflow in their new order."""

    task_ids: list[UUID]


# --- what clients get -----------------------------------------------------------------------------------------------


class Signed(Wire):
    """What every record has besides; ``version`` grows by 1 with each change."""

    id: UUID
    datetime_created: datetime
    version: int = 1


class Authored(Signed):
    """A record of which is known who made it, and when it was changed last."""

    creator: str
    datetime_updated: datetime | None = None


class ResultOut(Signed, SetResult):
    """A result of an exam task."""

    task_id: UUID


class _Done(Wire):
    """What is told of the item that does an exam task, or did it last."""

    item_uid: str | None = None
    item_state: str | None = None
    error_message: str | None = None
    results: list[ResultOut] = Field(default_factory=list[ResultOut])


class AcquisitionTaskOut(_Done, Authored, BaseAcquisitionTask):
    """A scan with its results."""


class DAGTaskOut(_Done, Authored, BaseDAGTask):
    """Processing with its results."""


class WorkflowOut(Authored, BaseWorkflow):
    """A workflow with its exam tasks, in order."""

    tasks: list[TaskOut] = Field(default_factory=list["TaskOut"])


class ExamOut(Authored, BaseExam):
    """An exam with its workflows."""

    workflows: list[WorkflowOut] = Field(default_factory=list[WorkflowOut])


class SequenceOut(Wire):
    """A sequence; in a list its files are null."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: str = Field(alias="_id")
    name: str
    description: str
    sequence_type: str
    created_at: datetime
    updated_at: datetime | None = None
    tags: list[str] = Field(default_factory=list[str])
    seq_file: Any
    seq_file_extension: str | None = None
    xml_file: str | None = None
    xml_file_extension: str | None = None


class UserOut(Wire):
    """A user as others see them."""

    username: str
    first_name: str
    last_name: str
    email: str | None
    role: UserRole


class LoginOut(UserOut):
    """A user who has just logged in, and the token of this login."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"


BaseTaskOfAnyType = Annotated[BaseAcquisitionTask | BaseDAGTask, Field(discriminator="task_type")]
TaskOut = Annotated[AcquisitionTaskOut | DAGTaskOut, Field(discriminator="task_type")]

WorkflowOut.model_rebuild()
ExamOut.model_rebuild()
