"""Where the workflow files of a site are."""

from __future__ import annotations

from pathlib import Path

from queue_server.config import Settings


def test_workflows_are_beside_the_settings_unless_they_are_elsewhere(tmp_path):
    assert Settings(config=tmp_path).workflow_directory == tmp_path / "workflows"
    assert Settings(config=tmp_path, workflows=Path("/other")).workflow_directory == Path("/other")
    assert Settings(workflows=tmp_path).workflow_directory == tmp_path
    assert Settings().workflow_directory is None
