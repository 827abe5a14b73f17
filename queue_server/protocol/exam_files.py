"""What files are as results of exam tasks: their type by the extension, and how their artifacts are named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from queue_server.protocol.exam_records import ResultType
from queue_server.protocol.records import Artifact

_TYPES: Final[Mapping[str, ResultType]] = {
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".mrd": "MRD",
    ".npy": "NUMPY",
    ".json": "CALIBRATION",
}


def result_type_of(name: str) -> ResultType:
    """Return what kind of result a file is, by its extension in any case of letters."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "NOT_SET")


def list_artifacts(artifacts: Mapping[str, Artifact]) -> dict[str, dict[str, Any]]:
    """Return ``meta.artifacts`` of a result: by the names of its files, where they are stored."""
    return {
        name: {"artifact_id": each.id, "size_bytes": each.size_bytes, "content_type": each.content_type}
        for name, each in artifacts.items()
    }


def directory_of(workflow_id: str | None, task_id: str, result_id: str) -> str:
    """Return under which path people see the files of a result."""
    return "/".join(each for each in (workflow_id, task_id, result_id) if each)
