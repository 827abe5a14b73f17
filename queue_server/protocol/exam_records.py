"""Exam records: exams, their workflows, exam tasks and results, and sequences. It knows no store.

The names of fields and values are those of the records that scanners and their clients exchange. An *exam task* is
never just a task, which is a function or a script in a worker's namespace.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

RecordStatus = Literal["NEW", "UPDATED", "STARTED", "INPROGRESS", "FINISHED", "ERROR"]
"""How far an exam, a workflow or an exam task is."""
DagType = Literal["RECONSTRUCTION", "PROCESSING"]
ResultType = Literal["DICOM", "MRD", "NUMPY", "CALIBRATION", "NOT_SET"]
Gender = Literal["MALE", "FEMALE", "OTHER", "NOT_GIVEN"]
CalibrationType = Literal["flip-angle", "frequency", "shims"]
ExamItemState = Literal[
    "queued", "held", "dispatched", "acknowledged", "running", "uploading", "done", "failed", "unknown", "cancelled"
]
"""The state of the item that does an exam task, with the phase of its attempt or the outcome in the place of both."""

OWNED_STATES: frozenset[ExamItemState] = frozenset(
    ("queued", "held", "dispatched", "acknowledged", "running", "uploading")
)
"""While its item is in one of these, the queue owns an exam task: its status and progress, and that it exists."""

LONGEST_RECORD_BYTES = 64 * 1024
"""The JSON of one record, files of sequences apart."""
LONGEST_SEQUENCE_BYTES = 4 * 1024 * 1024
"""Both files of a sequence together, in UTF-8. A request with them fits into a message of a client (8 MiB unless set
otherwise) also where many characters are escaped. What a scanner accepts may be less, and is asked when it starts."""
MOST_TREE_RECORDS = 500
"""Records that are copied together, or shown in one reply as parts of each other. They cost up to a tenth of a second
of a turn, in which other changes wait, and orders that stop motion do not."""


_NO_ID = "it must be a UUID such as 3fa85f64-5717-4562-b3fc-2c963f66afa6"


def read_id(text: str) -> str:
    """Return the id of a record in its usual form, with small letters.

    Raises:
        ValueError: it is no UUID with hyphens.
    """
    try:
        value = str(uuid.UUID(text))
    except ValueError as error:
        raise ValueError(_NO_ID) from error
    if value != text.lower():
        raise ValueError(_NO_ID)
    return value


def _read_file_name(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name) or {"", ".", ".."} & set(parts):
        raise ValueError("it must be a name, or names with slashes between, without control characters, '.' and '..'")
    return name


RecordId = Annotated[str, AfterValidator(read_id)]
FileName = Annotated[str, Field(min_length=1, max_length=1_024), AfterValidator(_read_file_name)]
Line = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=16_384)]
Word = Annotated[str, Field(max_length=128)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Measure = Annotated[int, Field(ge=0, le=100_000)]


# --- what clients set --------------------------------------------------------------------------------------------


class Fields(BaseModel):
    """What clients set of a record: unknown names are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    def plain(self) -> dict[str, Any]:
        """Return the fields as values of JSON."""
        return self.model_dump(mode="json")


class ExamFields(Fields):
    """A visit or examination of one patient, or a template of one, which has no patient."""

    patient_id: RecordId | None = Field(default=None, description="UUID of the patient; a template has none.")
    name: Line = Field(description="Name.")
    description: Text = Field(default="", description="What it is for.")
    indication: Text | None = Field(default=None, description="Why the patient is examined.")
    comment: Text | None = Field(default=None, description="Remark.")
    status: RecordStatus = Field(default="NEW", description="How far it is.")
    is_template: bool = Field(default=False, description="True: it is there to be copied; it never changes.")


class WorkflowFields(Fields):
    """A part of an exam, or a template of one, which may stand alone."""

    exam_id: RecordId | None = Field(default=None, description="The exam that it belongs to.")
    name: Line = Field(description="Name.")
    description: Text = Field(default="", description="What it is for.")
    comment: Text | None = Field(default=None, description="Remark.")
    status: RecordStatus = Field(default="NEW", description="How far it is.")
    is_template: bool = Field(default=False, description="True: it is there to be copied; it never changes.")


class ExamTaskFields(Fields):
    """What exam tasks of both types have."""

    workflow_id: RecordId | None = Field(default=None, description="The workflow that it belongs to.")
    name: Line = Field(description="Name.")
    description: Text = Field(default="", description="What it is for.")
    destination: Line = Field(default="", description="Where it is done.")
    status: RecordStatus = Field(default="NEW", description="How far it is.")
    progress: int = Field(default=0, ge=0, le=100, description="In per cent.")
    is_template: bool = Field(default=False, description="True: it is there to be copied; it never changes.")
    position: int = Field(default=0, ge=0, le=1_000_000, description="Place within the workflow, the lowest first.")


class Vector(Fields):
    """Three numbers along the axes of the scanner."""

    x: Number
    y: Number
    z: Number


class AcquisitionParameter(Fields):
    """The field of view: its scaling, its offset and its rotation."""

    fov_scaling: Vector
    fov_offset: Vector
    fov_rotation: Vector


class AcquisitionLimits(Fields):
    """What a scanner must know of the patient to stay within safe limits."""

    patient_height: Measure
    patient_weight: Measure
    patient_age: Measure
    patient_gender: Gender


class AcquisitionFields(ExamTaskFields):
    """A scan: on which scanner, with which sequence."""

    task_type: Literal["ACQUISITION"] = Field(description="A scan; it never changes.")
    device_id: RecordId | None = Field(default=None, description="The scanner.")
    sequence_id: Word = Field(description="The sequence.")
    acquisition_parameter: AcquisitionParameter = Field(
        description="fov_scaling, fov_offset and fov_rotation, each with x, y and z."
    )
    acquisition_limits: AcquisitionLimits | None = Field(
        default=None, description="patient_height, patient_weight, patient_age, patient_gender."
    )
    calibration: list[CalibrationType] = Field(
        default_factory=list[CalibrationType], max_length=16, description="What is calibrated before."
    )


class DagFields(ExamTaskFields):
    """Processing of what other exam tasks have produced."""

    task_type: Literal["DAG"] = Field(description="Processing; it never changes.")
    dag_type: DagType = Field(description="What kind of processing.")
    dag_id: Word = Field(description="Name of the processing graph.")
    input_task_ids: list[RecordId] = Field(
        default_factory=list[str], max_length=100, description="The exam tasks whose results it takes."
    )
    parameter: dict[str, Any] | None = Field(default=None, description="Parameters of the graph.")


class ResultFields(Fields):
    """What an exam task has produced; without more than its task it is blank."""

    task_id: RecordId = Field(description="The exam task; it never changes.")
    type: ResultType = Field(default="NOT_SET", description="What the files are.")
    directory: Annotated[str, Field(max_length=4_096)] = Field(default="", description="Where the files are.")
    files: list[FileName] = Field(default_factory=list[str], max_length=1_000, description="Names of the files.")
    meta: dict[str, Any] | None = Field(default=None, description="Whatever belongs to it.")


class SequenceFields(Fields):
    """What is known of a sequence; its files are kept apart."""

    name: Line = Field(description="Name.")
    description: Text = Field(default="", description="What it is for.")
    sequence_type: Line = Field(default="", description="Kind of sequence, or form of its file.")
    tags: list[Line] = Field(default_factory=list[str], max_length=100, description="Words to find it by.")
    seq_file_extension: Word = Field(default=".seq", description="Extension of the file of the sequence.")
    xml_file_extension: Word | None = Field(default=None, description="Extension of the file of the header.")


# --- records -----------------------------------------------------------------------------------------------------


class SequenceFiles(Struct, frozen=True):
    """The files of a sequence as text: the sequence itself, and its header if it has one."""

    seq_file: str
    xml_file: str | None = None

    @property
    def size_bytes(self) -> int:
        """How long both are together in UTF-8."""
        return len(self.seq_file.encode()) + len((self.xml_file or "").encode())


class TaskItem(Struct, frozen=True):
    """The item that does, or did last, what an exam task asks for. Only the manager sets it."""

    uid: str
    state: ExamItemState


class Record(Struct, frozen=True, kw_only=True):
    """What every record has besides its fields: who made it, when, and which version it is.

    Times are seconds since 1970-01-01 UTC; the version grows by 1 with each change.
    """

    id: str
    creator: str = ""
    created: float
    updated: float | None = None
    version: int = 1

    def _sign(self, fields: Fields) -> dict[str, Any]:
        return {
            "id": self.id,
            **fields.plain(),
            "creator": self.creator,
            "datetime_created": _show_time(self.created),
            "datetime_updated": None if self.updated is None else _show_time(self.updated),
            "version": self.version,
        }


class Exam(Record, frozen=True, kw_only=True):
    """A visit or examination: it groups workflows."""

    fields: ExamFields

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return self._sign(self.fields)


class Workflow(Record, frozen=True, kw_only=True):
    """A part of an exam: it groups exam tasks."""

    fields: WorkflowFields

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return self._sign(self.fields)


class ExamTask(Record, frozen=True, kw_only=True):
    """A scan or processing that an exam asks for, and the item that does it."""

    fields: AcquisitionFields | DagFields
    item: TaskItem | None = None
    error_message: str | None = None

    @property
    def is_owned(self) -> bool:
        """Whether the queue owns it: its item waits or is active."""
        return self.item is not None and self.item.state in OWNED_STATES

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            **self._sign(self.fields),
            "item_uid": self.item.uid if self.item else None,
            "item_state": self.item.state if self.item else None,
            "error_message": self.error_message,
        }


class ResultRecord(Record, frozen=True, kw_only=True):
    """What an exam task has produced."""

    fields: ResultFields

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return self._sign(self.fields)


class Sequence(Record, frozen=True, kw_only=True):
    """A sequence of a scanner, without its files."""

    fields: SequenceFields

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return self._sign(self.fields)


ExamRecord = Exam | Workflow | ExamTask | ResultRecord | Sequence
R = TypeVar("R", bound=Exam | Workflow | ExamTask | ResultRecord | Sequence)


def derive_status(own: RecordStatus, tasks: Iterable[RecordStatus]) -> RecordStatus:
    """Return the status of a workflow or an exam with these exam tasks; ``own`` is the one that was set."""
    found = set(tasks)
    if "ERROR" in found:
        return "ERROR"
    if found & {"STARTED", "INPROGRESS"}:
        return "INPROGRESS"
    return "FINISHED" if found == {"FINISHED"} else own


def _show_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
