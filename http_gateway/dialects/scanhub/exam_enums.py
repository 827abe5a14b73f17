"""The words of exam records and their users, as ScanHub's clients know them. Values only."""

from __future__ import annotations

from enum import StrEnum


class ItemStatus(StrEnum):
    """How far an exam, a workflow or an exam task is."""

    NEW = "NEW"
    UPDATED = "UPDATED"
    STARTED = "STARTED"
    INPROGRESS = "INPROGRESS"
    FINISHED = "FINISHED"
    ERROR = "ERROR"


class TaskType(StrEnum):
    """What an exam task is; the last two say what kind of processing a DAG does."""

    ACQUISITION = "ACQUISITION"
    DAG = "DAG"
    RECONSTRUCTION = "RECONSTRUCTION"
    PROCESSING = "PROCESSING"


class ResultType(StrEnum):
    """What the files of a result are."""

    DICOM = "DICOM"
    MRD = "MRD"
    NUMPY = "NUMPY"
    CALIBRATION = "CALIBRATION"
    NOT_SET = "NOT_SET"


class Gender(StrEnum):
    """The gender of a patient, as far as a scanner must know it."""

    MALE = "MALE"
    FEMALE = "FEMALE"
    OTHER = "OTHER"
    NOT_GIVEN = "NOT_GIVEN"


class CalibrationType(StrEnum):
    """What a scanner can calibrate before a scan."""

    FLIP_ANGLE = "flip-angle"
    FREQUENCY = "frequency"
    SHIMS = "shims"


class UserRole(StrEnum):
    """What a user is."""

    ADMIN = "admin"
    MEDICAL = "medical"
    SCIENTIST = "scientist"
    ENGINEER = "engineer"
