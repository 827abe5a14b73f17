"""A file becomes an artifact with what is in it, and no link does."""

from __future__ import annotations

import hashlib

import pytest

from device_worker.kept_file import find_content_type, keep_file
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def store(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    return open_artifacts(tmp_path / "data")


def test_a_file_is_kept_under_its_checksum(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"some bytes")
    artifact = keep_file(store, path, find_content_type("a.txt"))
    assert artifact.id == hashlib.sha256(b"some bytes").hexdigest()
    assert (artifact.size_bytes, artifact.content_type) == (10, "text/plain")
    assert store.locate(artifact.id).read_bytes() == b"some bytes"


def test_a_link_is_not_followed(store, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic"):
        keep_file(store, tmp_path / "link", "text/plain")


def test_another_content_than_was_announced_is_refused(store, tmp_path):
    (tmp_path / "a").write_text("a")
    with pytest.raises(ParameterError):
        keep_file(store, tmp_path / "a", "text/plain", "0" * 64)
