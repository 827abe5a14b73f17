"""Files as results of exam tasks: their type, and where people see them."""

from __future__ import annotations

import pytest

from queue_server.protocol.exam_files import directory_of, list_artifacts, result_type_of
from queue_server.protocol.records import Artifact


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.dcm", "DICOM"),
        ("a.dicom", "DICOM"),
        ("a.DCM", "DICOM"),
        ("a.mrd", "MRD"),
        ("a.npy", "NUMPY"),
        ("a.json", "CALIBRATION"),
        ("a.tar.npy", "NUMPY"),
        ("a", "NOT_SET"),
        ("npy", "NOT_SET"),
        (".npy", "NOT_SET"),
        ("a.h5", "NOT_SET"),
    ],
)
def test_the_kind_follows_from_the_extension(name, kind):
    assert result_type_of(name) == kind


def test_artifacts_are_listed_by_the_names_of_files():
    artifact = Artifact(id="0" * 64, size_bytes=8, content_type="image/png", created=1.0)
    assert list_artifacts({"a.png": artifact}) == {
        "a.png": {"artifact_id": "0" * 64, "size_bytes": 8, "content_type": "image/png"}
    }


@pytest.mark.parametrize(("workflow_id", "directory"), [("w", "w/t/r"), (None, "t/r")])
def test_a_directory_begins_with_the_workflow_if_there_is_one(workflow_id, directory):
    assert directory_of(workflow_id, "t", "r") == directory
