"""A data directory from which something was lost is refused with a reason, unchanged, and never taken for a new one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from queue_server.clock import Chance, SystemClock
from queue_server.protocol.errors import StorageError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, Item
from queue_server.storage.directory import DATABASE_FILE, MARKER_FILE
from queue_server.storage.lock import LOCK_FILE, DirectoryLockedError
from queue_server.storage.sqlite import open_sqlite
from tests.faults.tiers import SLACK

LOG_FILE = f"{DATABASE_FILE}-wal"
ITEMS = 40
LONGEST_REFUSAL_S = 2.0
NOBODY = 65534


def _open(directory):
    return open_sqlite(directory, clock=SystemClock(), chance=Chance())


def _add(number):
    def work(tx):
        tx.insert([Item(f"i{number}", "default", f"s{number}", {"name": "count", "text": "x" * 500})], BACK)
        tx.append_event(EventRecord("added", 1.0, 1))

    return work


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """A place with two directories: one as a killed manager leaves it, one that was closed in order."""
    place = tmp_path_factory.mktemp("left_behind")

    async def use():
        store = _open(place / "closed")
        for number in range(ITEMS):
            await store.transact(_add(number))
        (place / "crashed").mkdir(mode=0o700)
        for name in (DATABASE_FILE, LOG_FILE, MARKER_FILE):
            shutil.copy2(place / "closed" / name, place / "crashed" / name)
        await store.close()

    asyncio.run(use())
    return place


@pytest.fixture
def crashed(left_behind, tmp_path):
    """A directory as a killed manager leaves it: all items are in the log only."""
    return shutil.copytree(left_behind / "crashed", tmp_path / "crashed")


@pytest.fixture
def closed(left_behind, tmp_path):
    """A directory that was closed in order."""
    assert not (left_behind / "closed" / LOG_FILE).exists()
    return shutil.copytree(left_behind / "closed", tmp_path / "closed")


async def _count(directory):
    """Open a directory, close it again, and return how many items there are."""
    store = _open(directory)
    count = await store.transact(lambda tx: tx.count_queue("default"))
    await store.close()
    return count


def _contents(directory):
    ignored = {LOCK_FILE, f"{DATABASE_FILE}-shm"}
    return {
        file.name: (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
        for file in directory.iterdir()
        if file.name not in ignored
    }


def _refused(directory, words):
    """Check that a directory is refused, twice, in good time and with these words, and left as it was."""
    before = _contents(directory)
    errors = []
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(StorageError, match=words) as caught:
            _open(directory)
        assert time.monotonic() - began < SLACK * LONGEST_REFUSAL_S
        assert _contents(directory) == before
        errors.append(caught.value)
    return errors[-1]


def _cut(file, size):
    with file.open("r+b") as opened:
        opened.truncate(size)


def _run_sql(directory, text):
    with closing(sqlite3.connect(directory / DATABASE_FILE)) as connection:
        connection.execute(text)
        connection.commit()


async def test_both_directories_are_whole(crashed, closed):
    for directory in (crashed, closed, crashed, closed):
        assert await _count(directory) == ITEMS


@pytest.mark.parametrize("state", ["crashed", "closed"])
def test_a_missing_database_is_refused(state, request):
    directory = request.getfixturevalue(state)
    (directory / DATABASE_FILE).unlink()
    _refused(directory, r"queue\.sqlite is missing.*Restore a backup")


@pytest.mark.parametrize("state", ["crashed", "closed"])
def test_an_empty_database_is_refused(state, request):
    directory = request.getfixturevalue(state)
    _cut(directory / DATABASE_FILE, 0)
    _refused(directory, r"queue\.sqlite is empty \(0 bytes\).*Restore a backup")


@pytest.mark.parametrize("size", [1, 50, 100, 1000, 4096, 8192, 20_000])
@pytest.mark.parametrize("state", ["crashed", "closed"])
def test_a_truncated_database_is_refused(state, size, request):
    directory = request.getfixturevalue(state)
    _cut(directory / DATABASE_FILE, size)
    _refused(directory, "damaged|not a database, or was cut off")


def test_a_database_that_lacks_its_last_page_is_refused(closed):
    _cut(closed / DATABASE_FILE, (closed / DATABASE_FILE).stat().st_size - 4096)
    _refused(closed, "damaged")


def test_a_file_that_is_no_database_is_refused(closed):
    (closed / DATABASE_FILE).write_bytes(b"any text, long enough for a header " * 300)
    _refused(closed, "not a database")
    (closed / MARKER_FILE).unlink()
    _refused(closed, "not a database")


def test_an_overwritten_page_is_refused(closed):
    with (closed / DATABASE_FILE).open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(range(256)) * 16)
    _refused(closed, "damaged")


@pytest.mark.parametrize("has_marker", [True, False])
def test_a_database_of_another_program_is_refused(has_marker, closed):
    (closed / DATABASE_FILE).unlink()
    if not has_marker:
        (closed / MARKER_FILE).unlink()
    _run_sql(closed, "CREATE TABLE notes (text)")
    (closed / DATABASE_FILE).chmod(0o600)
    _refused(closed, "not a database of Cuelight")


async def test_the_database_of_another_instance_is_refused(closed, tmp_path):
    await _count(tmp_path / "other")
    shutil.copy2(tmp_path / "other" / DATABASE_FILE, closed / DATABASE_FILE)
    _refused(closed, "belongs to instance .*Restore a backup")


def test_a_database_without_identity_is_refused(closed):
    _run_sql(closed, "DELETE FROM meta")
    _refused(closed, "does not say to which instance")


@pytest.mark.parametrize("state", ["crashed", "closed"])
def test_a_newer_schema_is_refused(state, request):
    directory = request.getfixturevalue(state)
    if state == "crashed":
        # The version is in the log only, as after an upgrade that was killed.
        _in_log(directory, "PRAGMA user_version = 99")
    else:
        _run_sql(directory, "PRAGMA user_version = 99")
    _refused(directory, "schema version 99.*newer release")


def _in_log(directory, text):
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA wal_autocheckpoint = 0'); c.execute(sys.argv[2]).fetchall(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(directory / DATABASE_FILE), text], check=True)


def test_a_missing_log_after_an_unclean_end_is_refused(crashed):
    (crashed / LOG_FILE).unlink()
    error = _refused(crashed, r"log .*queue\.sqlite-wal is missing or empty.*event 0 is lost")
    assert error.details == {"last_seq": 0}


@pytest.mark.parametrize("size", [0, 31])
def test_an_empty_log_after_an_unclean_end_is_refused(size, crashed):
    _cut(crashed / LOG_FILE, size)
    with pytest.raises(StorageError, match="missing or empty"):
        _open(crashed)


@pytest.mark.parametrize("offset", [0, 3, 4, 8, 12, 16, 20, 31])
def test_a_log_whose_header_is_damaged_is_refused(offset, crashed):
    """SQLite takes such a log for an empty one."""
    _turn_bit(crashed / LOG_FILE, offset)
    with pytest.raises(StorageError, match="beginning is damaged"):
        _open(crashed)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("offset", [0, 4, 8, 16, 24, 2000, 4119])
def test_a_log_that_is_damaged_in_the_middle_is_refused(offset, share, crashed):
    """SQLite reads it up to there, and would forget all that follows."""
    frames = (os.path.getsize(crashed / LOG_FILE) - 32) // 4120
    frame = round(share * frames)
    _turn_bit(crashed / LOG_FILE, 32 + frame * 4120 + offset)
    error = _refused(crashed, rf"log .*queue\.sqlite-wal is damaged: its frame {frame + 1} .*Restore a backup")
    assert error.details == {"file": str(crashed / LOG_FILE), "frame": frame + 1}


async def test_a_log_whose_newest_change_is_torn_is_accepted(crashed):
    """So it is after a loss of power before that change was confirmed."""
    log = crashed / LOG_FILE
    _turn_bit(log, log.stat().st_size - 100)
    assert await _count(crashed) == ITEMS - 1


def _turn_bit(file, offset):
    with file.open("r+b") as opened:
        opened.seek(offset)
        [byte] = opened.read(1)
        opened.seek(offset)
        opened.write(bytes([byte ^ 1]))


async def test_the_refusal_of_a_missing_log_tells_what_is_there(crashed):
    """After a checkpoint the main file has more than nothing."""
    await _count(crashed)
    store = _open(crashed)
    await store.transact(_add(ITEMS))
    (crashed.parent / "copy").mkdir(mode=0o700)
    for name in (DATABASE_FILE, MARKER_FILE):
        shutil.copy2(crashed / name, crashed.parent / "copy" / name)
    await store.close()
    _refused(crashed.parent / "copy", f"event {ITEMS} is lost")


async def test_the_loss_of_a_log_can_be_accepted_as_the_refusal_says(crashed):
    (crashed / LOG_FILE).unlink()
    command = str(_refused(crashed, "lost")).partition("run: sqlite3 ")[2]
    file, _, text = command.partition(" ")
    assert Path(file) == crashed / DATABASE_FILE
    _run_sql(crashed, text.strip("'"))
    assert await _count(crashed) == 0


async def test_a_missing_log_after_a_clean_end_is_as_it_should_be(closed):
    assert await _count(closed) == ITEMS


async def test_a_marker_that_is_missing_is_written_again(closed):
    marker = (closed / MARKER_FILE).read_bytes()
    (closed / MARKER_FILE).unlink()
    assert await _count(closed) == ITEMS
    assert (closed / MARKER_FILE).read_bytes() == marker


def test_a_missing_log_is_noticed_without_a_marker_too(crashed):
    (crashed / LOG_FILE).unlink()
    (crashed / MARKER_FILE).unlink()
    _refused(crashed, "missing or empty")


def test_a_marker_that_names_nothing_is_refused(closed):
    (closed / MARKER_FILE).write_text("no instance\n")
    _refused(closed, "instance does not name an instance")


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_log_without_its_database_is_refused(is_empty, crashed):
    (crashed / MARKER_FILE).unlink()
    (crashed / DATABASE_FILE).unlink()
    if is_empty:
        (crashed / DATABASE_FILE).touch(mode=0o600)
    _refused(crashed, "without its database")


@pytest.mark.parametrize("name", [DATABASE_FILE, LOG_FILE])
def test_a_file_that_others_may_read_is_refused(name, crashed):
    (crashed / name).chmod(0o640)
    _refused(crashed, f"chmod 600 .*{name}")


def test_a_directory_that_others_may_write_is_refused(closed):
    closed.chmod(0o770)
    _refused(closed, "chmod 700")


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(StorageError, match="data is not a directory"):
        _open(tmp_path / "data")
    with pytest.raises(StorageError, match="cannot be created"):
        _open(tmp_path / "data" / "below")


def test_a_directory_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / DATABASE_FILE).mkdir()
    tmp_path.chmod(0o700)
    with pytest.raises(StorageError, match=r"queue\.sqlite is not a file"):
        _open(tmp_path)


# --- without the right to write: tried as an ordinary user, because root may write everywhere -------------------


@pytest.fixture
def foreign(closed):
    """A whole directory in a place that every user can reach, owned by an ordinary user."""
    place = Path(tempfile.mkdtemp(prefix="cuelight-"))
    place.chmod(0o755)
    directory = place / "data"
    shutil.copytree(closed, directory)
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    for path in (directory, *directory.iterdir()):
        os.chown(path, user, -1)
    yield directory
    for path in (directory, *directory.iterdir()):
        path.chmod(0o700)
    shutil.rmtree(place)


def _message_as_ordinary_user(directory):
    """Open a directory as an ordinary user and return the message of the refusal."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            _open(directory)
        except StorageError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as message:
        text = message.read()
    os.waitpid(child, 0)
    return text


def test_an_ordinary_user_can_open_what_is_his(foreign):
    assert _message_as_ordinary_user(foreign) == ""


def test_a_directory_that_cannot_be_written_is_refused(foreign):
    (foreign / LOCK_FILE).unlink()
    foreign.chmod(0o500)
    assert "lock cannot be opened for writing: Permission denied. Give this user write access" in (
        _message_as_ordinary_user(foreign)
    )


def test_a_database_that_cannot_be_written_is_refused(foreign):
    before = _contents(foreign)
    (foreign / DATABASE_FILE).chmod(0o400)
    assert "queue.sqlite cannot be written. Give this user write access" in _message_as_ordinary_user(foreign)
    assert _contents(foreign) == before


# --- a second process on the same directory --------------------------------------------------------------------


async def test_a_directory_in_use_is_refused_before_anything_is_written(tmp_path):
    store = _open(tmp_path / "data")
    before = _contents(tmp_path / "data")
    with pytest.raises(DirectoryLockedError, match=rf"in use by process {os.getpid()}\. End that manager"):
        _open(tmp_path / "data")
    assert _contents(tmp_path / "data") == before
    await store.transact(_add(1))
    await store.close()
    assert await _count(tmp_path / "data") == 1


async def test_a_directory_is_free_after_a_refusal_and_after_a_crash(crashed):
    kept = (crashed / DATABASE_FILE).read_bytes()
    (crashed / DATABASE_FILE).unlink()
    _refused(crashed, "missing")
    (crashed / DATABASE_FILE).write_bytes(kept)
    (crashed / DATABASE_FILE).chmod(0o600)
    assert await _count(crashed) == ITEMS


async def test_a_new_directory_is_for_this_user_alone(tmp_path):
    store = _open(tmp_path / "a" / "b")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a" / "b").iterdir()}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert {DATABASE_FILE, LOG_FILE, MARKER_FILE, LOCK_FILE} <= set(modes)
    await store.close()
