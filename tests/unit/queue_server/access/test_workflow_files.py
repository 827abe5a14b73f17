"""Files of workflows are read, and those that cannot be used are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from queue_server.access.workflow_files import MOST_FILES, read_workflow_files
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.workflows import LONGEST_WORKFLOW_BYTES

EXAMPLES = Path(__file__).parents[4] / "config" / "workflows"


def test_every_example_is_a_workflow():
    found = read_workflow_files(EXAMPLES)
    assert found.problems == {}
    assert "find-peak" in found.workflows


def test_files_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "large.yaml").write_bytes(b"#" * (LONGEST_WORKFLOW_BYTES + 1))
    (tmp_path / "directory.yaml").mkdir()
    (tmp_path / ".hidden.yaml").write_text("no: [", encoding="utf-8")
    found = read_workflow_files(tmp_path)
    assert set(found.problems) == {"large.yaml", "directory.yaml"}
    assert "more than" in found.problems["large.yaml"]
    assert "cannot be read" in found.problems["directory.yaml"]


def test_what_is_no_directory_or_too_large_a_one_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ParameterError, match="cannot be read"):
        read_workflow_files(file)
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(ParameterError, match="more than 1000"):
        read_workflow_files(tmp_path)
