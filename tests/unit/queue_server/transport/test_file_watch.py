"""A watched file or directory: every way of changing it is told, and nothing else."""

from __future__ import annotations

import asyncio
import os

import pytest

from queue_server.transport.file_watch import FileWatch

PATIENCE_S = 60


class Changes:
    """Counts what was told, and lets a test wait for the next one."""

    def __init__(self):
        self.number = 0
        self._came = asyncio.Event()

    def __call__(self):
        self.number += 1
        self._came.set()

    async def wait(self):
        """Wait until something is told that was not told before."""
        async with asyncio.timeout(PATIENCE_S):
            await self._came.wait()
        self._came.clear()


@pytest.fixture
async def watch():
    """Watch a path; return what is told."""
    made = []

    def watch(path):
        changes = Changes()
        made.append(FileWatch(path, changes))
        return changes

    yield watch
    for each in made:
        each.close()


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "list" / "clients"
    file.parent.mkdir()
    file.write_text("first")
    return file


def put_in_place(file):
    fresh = file.with_name("fresh")
    fresh.write_text("other")
    fresh.replace(file)


def replace_directory(file):
    directory = file.parent
    directory.rename(directory.with_name("old"))
    directory.mkdir()
    file.write_text("other")


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("second"),
        put_in_place,
        lambda file: file.unlink(),
        lambda file: file.rename(file.with_name("away")),
        lambda file: file.chmod(0o600),
        replace_directory,
    ],
    ids=["written", "replaced", "removed", "renamed", "mode", "directory replaced"],
)
async def test_each_way_to_change_a_file_is_told_and_the_next_one_too(watch, file, change):
    changes = watch(file)
    change(file)
    await changes.wait()
    file.write_text("third")
    await changes.wait()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("second"),
        lambda file: (file.parent / "new").write_text("new"),
        lambda file: file.unlink(),
        replace_directory,
    ],
    ids=["file written", "file added", "file removed", "replaced"],
)
async def test_what_changes_in_a_directory_is_told(watch, file, change):
    changes = watch(file.parent)
    change(file)
    await changes.wait()


async def test_the_target_of_a_link_is_watched_as_well(watch, file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    changes = watch(link)
    file.write_text("second")
    await changes.wait()


async def test_a_directory_that_another_one_takes_the_place_of_is_watched_on(watch, tmp_path):
    """As a mounted configuration is brought up to date: the link to its directory is exchanged."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "clients").write_text(version)
    (tmp_path / "data").symlink_to("one")
    place = tmp_path / "place"
    place.mkdir()
    (place / "clients").symlink_to(tmp_path / "data" / "clients")
    changes = watch(place)
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "data")
    (tmp_path / "one" / "clients").unlink()
    (place / "clients").unlink()
    await changes.wait()


async def test_other_files_beside_a_file_are_not_told(watch, file):
    changes = watch(file)
    (file.parent / "other").write_text("x")
    file.write_text("second")
    await changes.wait()
    assert changes.number == 1


async def test_a_file_that_is_read_is_not_told(watch, file):
    changes = watch(file)
    file.read_text()
    file.write_text("second")
    await changes.wait()
    assert changes.number == 1


async def test_what_does_not_exist_cannot_be_watched_and_nothing_stays_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        FileWatch(tmp_path / "nowhere" / "clients", lambda: None)
    assert len(os.listdir("/proc/self/fd")) == before
