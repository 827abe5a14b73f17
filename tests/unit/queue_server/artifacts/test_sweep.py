"""A sweep removes what is old and nothing refers to, and never anything else."""

from __future__ import annotations

import os

import pytest

from queue_server.artifacts.directory import ArtifactDirectory
from queue_server.artifacts.sweep import sweep

OLD, NEW = 1_000.0, 2_000.0
BETWEEN = 1_500.0


@pytest.fixture
def directory(root, store):
    return ArtifactDirectory(root / "artifacts")


@pytest.fixture
def put_at(put, file_of):
    """Store bytes at a time; return the id."""

    def store_at(content, modified):
        artifact = put(content)
        os.utime(file_of(artifact), (modified, modified))
        return artifact.id

    return store_at


def test_only_what_is_old_and_not_referred_to_goes(directory, store, put_at):
    kept, young, gone = put_at(b"kept", OLD), put_at(b"young", NEW), put_at(b"gone", OLD)
    swept = sweep(directory, lambda: {kept, "f" * 64}, BETWEEN)
    assert sorted(store.ids()) == sorted([kept, young])
    assert swept.removed == (gone,)
    assert (swept.files, swept.size_bytes) == (3, 13)
    assert (swept.unreferenced_files, swept.unreferenced_bytes) == (2, 9)
    assert (swept.removed_files, swept.removed_bytes) == (1, 4)


def test_without_a_time_it_only_counts(directory, store, put_at):
    gone = put_at(b"1", OLD)
    assert sweep(directory, set, None).unreferenced_files == 1
    assert list(store.ids()) == [gone]


def test_what_is_referred_to_after_the_look_at_the_directory_stays(directory, store, put_at):
    found = put_at(b"1", OLD)
    assert sweep(directory, lambda: {found}, BETWEEN).removed == ()
    assert store.contains(found)


def test_what_is_stored_anew_meanwhile_stays(directory, store, put_at, put):
    found = put_at(b"1", OLD)

    def store_again():
        put(b"1")
        return set()

    assert sweep(directory, store_again, BETWEEN).removed == ()
    store.verify(found)


@pytest.mark.parametrize("is_stored_anew", [False, True])
def test_what_an_interrupted_sweep_took_aside_is_put_back(directory, store, put_at, put, is_stored_anew):
    found = put_at(b"1", OLD)

    file = directory.file(found)
    file.rename(file.with_name(f"{found}.swept"))
    assert not store.contains(found)
    if is_stored_anew:
        put(b"1")
    assert sweep(directory, lambda: {found}, BETWEEN).files == 1
    store.verify(found)


def test_a_second_sweep_finds_nothing_more(directory, put_at):
    put_at(b"1", OLD)
    assert sweep(directory, set, BETWEEN).removed_files == 1
    assert sweep(directory, set, BETWEEN).files == 0
