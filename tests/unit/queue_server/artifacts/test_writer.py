"""Writing artifacts: checked, all or nothing, for this user alone."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from queue_server.artifacts.directory import ArtifactDirectory
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import open_artifacts
from queue_server.artifacts.usage import Quota
from queue_server.artifacts.writer import ArtifactWriter, Surroundings
from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import ParameterError, StateError, StorageError, StorageFullError

CONTENT = b"k-space" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
STAGE_BYTES = 32 * 1024 * 1024


def test_an_artifact_is_known_by_its_content(store, put):
    artifact = put(CONTENT, content_type="application/x-mrd")
    assert (artifact.id, artifact.size_bytes, artifact.content_type) == (SHA256, len(CONTENT), "application/x-mrd")
    assert artifact.created == ManualClock().wall()
    with store.open(artifact.id) as reader:
        assert b"".join(reader) == CONTENT


def test_bytes_may_come_in_pieces_of_any_kind(store):
    with store.begin(Expectation(size_bytes=len(CONTENT), sha256=SHA256.upper())) as writer:
        for piece in (b"", bytearray(CONTENT[:10]), memoryview(CONTENT)[10:1000], CONTENT[1000:]):
            writer.write(piece)
        assert writer.size_bytes == len(CONTENT)
        assert writer.commit().id == SHA256


def test_an_array_counts_by_its_bytes(store):
    with store.begin() as writer:
        writer.write(memoryview(CONTENT).cast("d"))
        assert (writer.size_bytes, writer.commit().id) == (len(CONTENT), SHA256)


def test_an_artifact_may_be_empty(store, put):
    artifact = put(b"", size_bytes=0)
    assert artifact.id == hashlib.sha256(b"").hexdigest()
    with store.open(artifact.id) as reader:
        assert list(reader) == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_files_and_directories_are_for_this_user_alone_whatever_the_mask(mask, root):
    before = os.umask(mask)
    try:
        store = open_artifacts(root, reserve_bytes=0)
        with store.begin() as writer:
            writer.write(CONTENT)
            [draft] = (root / "artifacts" / "drafts").iterdir()
            modes = [draft.stat().st_mode]
            artifact = writer.commit()
    finally:
        os.umask(before)
    file = root / "artifacts" / artifact.id[:2] / artifact.id
    assert [mode & 0o777 for mode in (*modes, file.stat().st_mode)] == [0o600, 0o600]
    places = (root / "artifacts", draft.parent, file.parent)
    assert [place.stat().st_mode & 0o777 for place in places] == [0o700] * 3


def test_nothing_is_visible_before_the_end(store, drafts):
    with store.begin() as writer:
        writer.write(CONTENT)
        assert list(store.ids()) == []
        assert not store.contains(SHA256)
        assert len(drafts()) == 1
        writer.commit()
    assert list(store.ids()) == [SHA256]
    assert drafts() == []


@pytest.fixture
def disk_orders(monkeypatch):
    """What the operating system was asked to do, in order; all of it is done."""
    orders, sync, replace = [], os.fsync, os.replace

    def note_sync(handle):
        orders.append(("sync", Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    def note_replace(source, target):
        orders.append(("rename", Path(source), Path(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    return orders


def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(store, root, disk_orders, file_of, put):
    """Otherwise a loss of power could leave a name without its bytes, or take away what was acknowledged."""
    for _ in range(2):
        disk_orders.clear()
        file = file_of(put(CONTENT))
        draft = disk_orders[0][1]
        assert draft.parent == root / "artifacts" / "drafts"
        assert disk_orders == [("sync", draft), ("rename", draft, file), ("sync", file.parent)]


def test_a_removal_is_durable(store, put, disk_orders, file_of):
    artifact = put(CONTENT)
    disk_orders.clear()
    store.remove(artifact.id)
    assert disk_orders == [("sync", file_of(artifact).parent)]


def test_a_large_file_is_brought_to_the_disk_while_it_grows(store, monkeypatch):
    synced, sync = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (synced.append(writer.size_bytes), sync(handle)))
    with store.begin() as writer:
        for _ in range(20):
            writer.write(bytes(STAGE_BYTES // 8))
    assert synced == [STAGE_BYTES, 2 * STAGE_BYTES]


def test_the_same_content_is_stored_once(store, put, file_of):
    first = put(CONTENT)
    assert put(CONTENT) == first
    assert list(store.ids()) == [first.id]
    assert file_of(first).stat().st_nlink == 1


def test_two_writers_of_the_same_content_do_not_disturb_each_other(store):
    with store.begin() as first, store.begin() as second:
        first.write(CONTENT)
        second.write(CONTENT[:100])
        artifact = first.commit()
        second.write(CONTENT[100:])
        assert second.commit() == artifact
    store.verify(artifact.id)


def test_a_damaged_artifact_is_mended_by_storing_the_same_again(store, put, file_of):
    artifact = put(CONTENT)
    file_of(artifact).write_bytes(b"damage")
    put(CONTENT)
    store.verify(artifact.id)


def test_whoever_reads_goes_on_while_the_same_is_stored_again(store, put):
    with store.open(put(CONTENT).id) as reader:
        put(CONTENT)
        assert b"".join(reader) == CONTENT


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        ({"size_bytes": len(CONTENT) + 1}, "size_bytes"),
        ({"size_bytes": len(CONTENT) - 1}, "size_bytes"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"max_size_bytes": len(CONTENT) - 1}, "size_bytes"),
        ({"sha256": "0" * 64}, "sha256"),
    ],
)
def test_other_bytes_than_announced_leave_nothing(expected, field, store, put, drafts):
    with pytest.raises(ParameterError) as caught:
        put(CONTENT, **expected)
    assert caught.value.field == field
    assert (list(store.ids()), drafts()) == ([], [])


def test_too_many_bytes_are_refused_when_they_arrive(store, drafts):
    writer = store.begin(Expectation(size_bytes=3))
    writer.write(b"abc")
    with pytest.raises(ParameterError, match="More bytes arrived than the 3"):
        writer.write(b"d")
    assert (writer.is_open, drafts()) == (False, [])
    with pytest.raises(StateError, match="begin another"):
        writer.write(b"d")


def test_what_is_not_committed_is_discarded(store, drafts):
    with store.begin() as writer:
        writer.write(CONTENT)
    assert (writer.is_open, list(store.ids()), drafts()) == (False, [], [])


def test_what_is_committed_is_not_discarded(store):
    writer = store.begin()
    writer.write(CONTENT)
    artifact = writer.commit()
    writer.discard()
    store.verify(artifact.id)
    with pytest.raises(StateError, match="begin another"):
        writer.commit()


def test_an_error_of_the_caller_discards_what_was_written(store, drafts):
    with pytest.raises(LookupError), store.begin() as writer:
        writer.write(CONTENT)
        raise LookupError
    assert drafts() == []


def test_what_is_not_bytes_discards_what_was_written(store, drafts):
    writer = store.begin()
    with pytest.raises(TypeError):
        writer.write("text")
    assert (writer.is_open, drafts()) == (False, [])


def test_a_full_disk_is_told_before_the_first_byte(root, drafts):
    store = open_artifacts(root, reserve_bytes=1 << 60)
    with pytest.raises(StorageFullError, match="no room for 10 bytes") as caught:
        store.begin(Expectation(size_bytes=10))
    assert caught.value.details["reserve_bytes"] == 1 << 60
    assert caught.value.details["free_bytes"] > 0
    assert drafts() == []


def test_the_room_is_looked_at_again_while_a_file_grows(store, root, drafts):
    """The disk has filled up since the writer began: less is free than what is to be kept."""
    directory = ArtifactDirectory(root / "artifacts")
    clock = ManualClock()
    surroundings = Surroundings(directory, 1 << 60, Quota(directory, clock), clock, Chance.seeded(2))
    writer = ArtifactWriter(surroundings, Expectation())
    writer.write(bytes(STAGE_BYTES - 1))
    with pytest.raises(StorageFullError, match="Free some"):
        writer.write(b"1")
    assert drafts() == []


def test_a_directory_that_was_taken_away_is_an_error_and_leaves_no_draft(store, root, drafts):
    writer = store.begin()
    writer.write(CONTENT)
    (root / "artifacts" / SHA256[:2]).rmdir()
    with pytest.raises(StorageError, match="No such file"):
        writer.commit()
    assert drafts() == []


def test_without_a_place_for_drafts_nothing_begins(store, root):
    (root / "artifacts" / "drafts").rmdir()
    with pytest.raises(StorageError, match="cannot be used: No such file"):
        store.begin()


def test_a_draft_that_is_gone_is_an_error(store, drafts, root):
    writer = store.begin()
    writer.write(CONTENT)
    (root / "artifacts" / "drafts" / drafts()[0]).unlink()
    with pytest.raises(StorageError):
        writer.commit()
    assert list(store.ids()) == []


def test_a_draft_that_cannot_be_removed_is_logged_and_left_to_be_swept(store, root, caplog):
    writer = store.begin()
    [draft] = (root / "artifacts" / "drafts").iterdir()
    draft.unlink()
    draft.mkdir()
    writer.discard()
    assert not writer.is_open
    assert "left to be swept" in caplog.text
