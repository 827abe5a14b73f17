"""Artifacts of processes that die, of several processes at once, on a disk that is full, and of more than 4 GiB."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from queue_server import failpoints
from queue_server.artifacts.archive import stream_zip
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.errors import StorageError, StorageFullError
from tests.doubles.virtual_source import VirtualSource
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds
from tests.processes.artifact_process import artifact_process, pieces_of

KILLS = rounds(40, 400)
SEED = int(os.environ.get("CUELIGHT_FAULT_SEED", "20250117"))
WARM_UP = 12
SHORTEST_SPAN_S, LONGEST_SPAN_S = 0.05, 0.2
ENDLESS = 1_000_000
POINTS = ("artifact.before_sync", "artifact.before_rename", "artifact.after_rename", "artifact.after_sync")
DISK_BYTES = 4 * 1024 * 1024
LARGE_BYTES = 4_500_000_000


@pytest.fixture
def root():
    with place_in_memory() as directory:
        yield directory


def _ids(reports):
    return [report for report in reports if len(report) == 64]


def _drafts(root):
    return os.listdir(root / "artifacts" / "drafts")


def _check_all(store, acknowledged):
    """What was acknowledged is there, and what is there is whole; return how much that is."""
    found = list(store.ids())
    assert set(acknowledged) <= set(found)
    for artifact_id in found:
        store.verify(artifact_id)
    return len(found)


@pytest.mark.night
@pytest.mark.timeout(240 + KILLS)
def test_kills_at_random_instants_lose_nothing_and_show_nothing_half(root):
    """Two processes store the same artifacts and are killed, while a third one writes through all of it."""
    chance, acknowledged = random.Random(SEED), set()
    seen = half_written = 0
    store = open_artifacts(root, reserve_bytes=0)
    with artifact_process("preload") as process, store.begin() as lasting:
        span_s = _warm_up(process, root)
        for number in range(KILLS):
            kills = [chance.uniform(0, span_s) for _ in range(2)]
            answers = process.run(root=str(root), seed=number, count=ENDLESS, kills=kills)
            assert [answer["status"] for answer in answers] == [-signal.SIGKILL] * 2
            for answer in answers:
                acknowledged.update(_ids(answer["reports"]))
            lasting.write(b"one more death")
            half_written += len(_drafts(root)) - 1
            again = open_artifacts(root, reserve_bytes=0)
            assert len(_drafts(root)) == 1
            seen += _check_all(again, acknowledged)
            _forget_all(again, acknowledged)
        assert lasting.commit().id == hashlib.sha256(b"one more death" * KILLS).hexdigest()
    assert _drafts(root) == []
    # The kills have met writers at work, and more than one artifact a round was stored.
    assert half_written > 0
    assert seen >= KILLS


def _warm_up(process, root):
    """Return how long a process takes here for some artifacts, in seconds."""
    began = time.monotonic()
    [answer] = process.run(root=str(root), seed=SEED, count=WARM_UP)
    assert (answer["status"], answer["reports"][-1]) == (0, "done")
    return min(max(time.monotonic() - began, SHORTEST_SPAN_S), LONGEST_SPAN_S)


def _forget_all(store, acknowledged):
    """Keep the directory small, so that all of it can be looked at after each death."""
    for artifact_id in store.ids():
        store.remove(artifact_id)
    acknowledged.clear()


def test_several_processes_store_the_same_and_other_artifacts_at_once(root):
    expected = {hashlib.sha256(b"".join(pieces_of(1, number))).hexdigest() for number in range(20)}
    with artifact_process("preload") as process:
        answers = process.run(root=str(root), seed=1, count=20, kills=[None] * 4)
    assert [answer["status"] for answer in answers] == [0] * 4
    assert [set(_ids(answer["reports"])) for answer in answers] == [expected] * 4
    store = open_artifacts(root)
    assert set(store.ids()) == expected
    assert _check_all(store, expected) == 20
    assert _drafts(root) == []


@pytest.fixture(scope="module")
def process():
    with artifact_process() as started:
        yield started


def test_the_points_are_all_that_artifacts_have():
    assert {name for name in failpoints.declared() if name.startswith("artifact.")} == set(POINTS)


@pytest.mark.parametrize("hit", [1, 4])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_named_instant_loses_nothing_and_shows_nothing_half(point, hit, process, root):
    [answer] = process.run(root=str(root), seed=SEED, count=8, failpoints=f"{point}=kill@{hit}")
    assert answer["status"] == -signal.SIGKILL
    acknowledged = _ids(answer["reports"])
    assert len(acknowledged) == hit - 1
    store = open_artifacts(root)
    is_visible = point in ("artifact.after_rename", "artifact.after_sync")
    assert _check_all(store, acknowledged) == hit - 1 + is_visible
    assert _drafts(root) == []
    [answer] = process.run(root=str(root), seed=SEED, count=8)
    assert _check_all(store, _ids(answer["reports"])) == 8


@pytest.mark.parametrize(("fault", "code"), [("eio", "storage"), ("enospc", "storage_full")])
@pytest.mark.parametrize("point", POINTS)
def test_an_error_of_the_disk_at_a_named_instant_is_told_and_leaves_no_draft(point, fault, code, process, root):
    [answer] = process.run(root=str(root), seed=SEED, count=4, failpoints=f"{point}={fault}@2")
    assert (answer["status"], answer["reports"][2]) == (0, code)
    acknowledged = _ids(answer["reports"])
    assert len(acknowledged) == 3
    # Nobody was told that the second was stored; where it is there all the same, it is whole.
    assert _check_all(open_artifacts(root), acknowledged) in (3, 4)
    assert _drafts(root) == []


@pytest.fixture
def small_disk():
    """A small file system in memory."""
    place = Path(tempfile.mkdtemp(prefix="cuelight-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "none", str(place)]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        place.rmdir()
        pytest.skip("a file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


def _store(store, content, **expected):
    with store.begin(Expectation(**expected)) as writer:
        writer.write(content)
        return writer.commit()


def test_a_full_disk_refuses_an_announced_file_before_its_first_byte(small_disk):
    store = open_artifacts(small_disk, reserve_bytes=DISK_BYTES // 2)
    _store(store, b"small", size_bytes=5)
    with pytest.raises(StorageFullError, match="Free some space") as caught:
        store.begin(Expectation(size_bytes=DISK_BYTES // 2))
    assert caught.value.details["free_bytes"] <= DISK_BYTES
    assert _drafts(small_disk) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_of_the_file_and_all_of_the_others(small_disk):
    store = open_artifacts(small_disk, reserve_bytes=0)
    kept = _store(store, b"small")
    for size in (None, DISK_BYTES - 100_000):
        writer = store.begin(Expectation(size_bytes=size))
        filler = small_disk / "filler"
        filler.write_bytes(bytes(200_000))
        with pytest.raises(StorageFullError, match="Free some space"):
            for _ in range(DISK_BYTES // 10_000):
                writer.write(bytes(10_000))
        assert not writer.is_open
        assert _drafts(small_disk) == []
        assert list(store.ids()) == [kept.id]
        store.verify(kept.id)
        filler.unlink()
    assert _store(store, bytes(DISK_BYTES // 2)).size_bytes == DISK_BYTES // 2


def test_a_piece_of_which_the_disk_takes_a_part_is_refused_as_a_whole(small_disk):
    store = open_artifacts(small_disk, reserve_bytes=0)
    with store.begin() as writer, pytest.raises(StorageFullError):
        writer.write(bytes(DISK_BYTES + 1))
    assert (list(store.ids()), _drafts(small_disk)) == ([], [])


def test_a_store_on_a_full_disk_can_be_opened_read_and_emptied(small_disk):
    store = open_artifacts(small_disk, reserve_bytes=0)
    kept = _store(store, b"small")
    with (small_disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)) == 4096:
            pass
        file.write(bytes(4096))
    again = open_artifacts(small_disk, reserve_bytes=0)
    again.verify(kept.id)
    with pytest.raises(StorageFullError):
        again.begin(Expectation(size_bytes=4096))
    again.remove(kept.id)
    assert list(again.ids()) == []


def test_a_directory_that_cannot_be_made_on_a_full_disk_is_told(small_disk):
    subprocess.run(["mount", "-o", "remount,nr_inodes=20", str(small_disk)], check=True)
    with pytest.raises(StorageError, match="full"):
        open_artifacts(small_disk)
    subprocess.run(["mount", "-o", "remount,nr_inodes=0", str(small_disk)], check=True)
    assert list(open_artifacts(small_disk).ids()) == []


@pytest.mark.night
@pytest.mark.timeout(600)
def test_a_zip_archive_with_a_file_of_more_than_4_gib_can_be_unpacked(tmp_path):
    piece = bytes(1_000_000)
    source = VirtualSource(piece, LARGE_BYTES // len(piece))
    archive = tmp_path / "large.zip"
    with archive.open("wb") as file:
        for part in stream_zip(source, [source.entry("large.npy")]):
            file.write(part)
    with zipfile.ZipFile(archive) as found:
        assert [each.file_size for each in found.infolist()] == [LARGE_BYTES]
        with found.open("large.npy") as member:
            assert _count(member) == LARGE_BYTES
    unpacker = shutil.which("unzip")
    if unpacker is not None:
        assert subprocess.run([unpacker, "-tqq", str(archive)], check=False).returncode == 0


def _count(member):
    """Read a member to its end, where its checksum is compared."""
    return sum(len(part) for part in iter(lambda: member.read(1 << 20), b""))
