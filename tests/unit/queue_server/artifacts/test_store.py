"""The store of artifacts: found, listed, verified and removed by their ids, and nothing else of the disk."""

from __future__ import annotations

import hashlib
import os

import pytest

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.reader import DamagedArtifactError
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import Chance
from queue_server.protocol.errors import NotFoundError, ParameterError, StorageError

UNKNOWN = "f" * 64
HOSTILE = ["", "..", "../../etc/passwd", "/etc/passwd", "drafts", "F" * 64, UNKNOWN + "/..", UNKNOWN + "\n", "\0" * 64]
BY_ID = ["open", "size", "contains", "verify", "locate", "remove"]


@pytest.mark.parametrize("name", BY_ID)
@pytest.mark.parametrize("artifact_id", HOSTILE)
def test_what_is_no_id_is_refused(name, artifact_id, store):
    with pytest.raises(ParameterError, match="SHA-256") as caught:
        getattr(store, name)(artifact_id)
    assert caught.value.field == "artifact_id"


@pytest.mark.parametrize("name", sorted(set(BY_ID) - {"contains"}))
def test_an_unknown_artifact_is_not_found(name, store):
    with pytest.raises(NotFoundError, match=UNKNOWN):
        getattr(store, name)(UNKNOWN)


def test_artifacts_are_listed_in_the_order_of_their_ids(store, put):
    artifacts = [put(str(number).encode()) for number in range(20)]
    assert list(store.ids()) == sorted(artifact.id for artifact in artifacts)
    assert all(store.contains(artifact.id) for artifact in artifacts)


def test_what_else_lies_in_the_directory_is_not_listed(store, put, root, file_of):
    artifact = put(b"1")
    for name in ("notes.txt", UNKNOWN, artifact.id + ".old"):
        (file_of(artifact).parent / name).touch()
    assert list(store.ids()) == [artifact.id]


def test_the_size_is_that_of_the_file(store, put, file_of):
    artifact = put(b"12345")
    assert store.size(artifact.id) == 5
    file_of(artifact).write_bytes(b"1")
    assert store.size(artifact.id) == 1


def test_a_file_is_located_only_if_it_is_sound(store, put, file_of):
    artifact = put(b"12345")
    assert store.locate(artifact.id) == file_of(artifact)
    file_of(artifact).write_bytes(b"12346")
    with pytest.raises(DamagedArtifactError):
        store.locate(artifact.id)


def test_what_is_removed_is_gone_and_can_be_stored_again(store, put):
    artifact = put(b"1")
    store.remove(artifact.id)
    assert not store.contains(artifact.id)
    with pytest.raises(NotFoundError):
        store.remove(artifact.id)
    assert put(b"1").id == artifact.id


@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_something_else_in_the_place_of_a_file_is_damage(kind, store, put, file_of, root):
    artifact = put(b"1")
    file = file_of(artifact)
    file.unlink()
    (root / "other").write_bytes(b"1")
    makers = {
        "directory": file.mkdir,
        "link": lambda: file.symlink_to(root / "other"),
        "pipe": lambda: os.mkfifo(file),
    }
    makers[kind]()
    with pytest.raises(DamagedArtifactError, match="something else"):
        store.verify(artifact.id)


def test_a_store_finds_what_another_has_written(store, put, root):
    artifact = put(b"1")
    other = open_artifacts(root)
    other.verify(artifact.id)
    assert list(other.ids()) == [artifact.id]


def test_opening_removes_the_drafts_of_the_dead_and_leaves_those_of_living_writers(store, root, drafts):
    with store.begin() as writer:
        writer.write(b"1")
        living = drafts()
        (root / "artifacts" / "drafts" / "left").write_bytes(b"half")
        other = open_artifacts(root, chance=Chance.seeded(2), reserve_bytes=0)
        assert drafts() == living
        with other.begin(Expectation(size_bytes=1)) as second:
            second.write(b"2")
            open_artifacts(root)
            assert len(drafts()) == 2
            second.commit()
        assert writer.commit().id == hashlib.sha256(b"1").hexdigest()
    assert drafts() == []


def test_stores_that_draw_the_same_names_do_not_disturb_each_other(root):
    first, second = (open_artifacts(root, chance=Chance.seeded(5), reserve_bytes=0) for _ in range(2))
    with first.begin() as one, second.begin() as two:
        one.write(b"1")
        two.write(b"2")
        assert one.commit().id != two.commit().id


def test_a_data_root_that_does_not_exist_is_refused(root):
    with pytest.raises(StorageError, match=r"No such file.*--data"):
        open_artifacts(root / "missing")
    assert not (root / "missing").exists()


def test_artifacts_that_other_users_may_read_are_refused(store, root):
    (root / "artifacts").chmod(0o750)
    with pytest.raises(StorageError, match="chmod 700"):
        open_artifacts(root)


@pytest.mark.parametrize("place", ["artifacts", "artifacts/drafts", "artifacts/00"])
def test_a_file_in_the_place_of_a_directory_is_refused(place, root):
    (root / place).parent.mkdir(mode=0o700, exist_ok=True)
    (root / place).touch()
    with pytest.raises(StorageError, match=r"File exists|Not a directory"):
        open_artifacts(root)


def test_a_directory_that_was_taken_away_is_an_error_of_the_list(store, root):
    (root / "artifacts" / "a0").rmdir()
    with pytest.raises(StorageError, match="No such file"):
        list(store.ids())
