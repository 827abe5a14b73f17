from __future__ import annotations

import json

import pytest

from device_worker.compute.manifest import Manifest, NodeEntry, read_manifest
from device_worker.compute.output_files import FileEntry

ENTRY = FileEntry("image.png", 10, "ab" * 32, "image/png", "result")


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    node = NodeEntry("coil_image[3]", 4711, "node-2.example", 0.25)
    manifest = Manifest("reconstruct", "attempt-1", "completed", (ENTRY,), (node,))
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert json.loads((tmp_path / "manifest.json").read_text())["files"][0]["sha256"] == "ab" * 32


@pytest.mark.parametrize("content", ["", "{}", '{"graph": "g", "key": "k", "outcome": "failed", "files": [{}]}', "[]"])
def test_another_file_is_no_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match=r"manifest|Expecting"):
        read_manifest(tmp_path)
