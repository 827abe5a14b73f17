"""Drafts: locked while they are written, swept when nobody holds the lock."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from queue_server.artifacts.drafts import create_draft, sweep_drafts
from queue_server.clock import Chance


def test_a_draft_is_swept_when_it_was_closed_and_not_before(root):
    path, file = create_draft(root, Chance.seeded(1))
    assert sweep_drafts(root) == 0
    assert path.exists()
    file.close()
    assert sweep_drafts(root) == 1
    assert not path.exists()


def test_all_drafts_of_the_dead_are_swept_at_once(root):
    for number in range(10):
        (root / str(number)).touch()
    _, file = create_draft(root, Chance.seeded(1))
    assert sweep_drafts(root) == 10
    assert len(os.listdir(root)) == 1
    file.close()


def test_a_name_that_is_taken_is_drawn_again(root):
    (root / Chance.seeded(1).identifier()).touch()
    path, file = create_draft(root, Chance.seeded(1))
    file.close()
    assert len(os.listdir(root)) == 2
    assert path.stat().st_size == 0


def test_a_draft_that_somebody_else_has_locked_is_not_swept(root):
    path, file = create_draft(root, Chance.seeded(1))
    held = os.open(path, os.O_RDONLY)
    file.close()
    fcntl.flock(held, fcntl.LOCK_EX)
    assert sweep_drafts(root) == 0
    os.close(held)
    assert sweep_drafts(root) == 1


def test_no_writer_loses_its_draft_while_others_sweep(root):
    """A sweeper may come between the creation of a draft and its lock; then the writer takes another one."""
    is_over = Event()

    def sweep():
        swept = 0
        while not is_over.is_set():
            swept += sweep_drafts(root)
        return swept

    with ThreadPoolExecutor(3) as pool:
        sweepers = [pool.submit(sweep) for _ in range(2)]
        held = [pool.submit(create_draft, root, Chance()) for _ in range(500)]
        drafts = [each.result() for each in held]
        is_over.set()
    found = {path for path, file in drafts if path.stat().st_ino == os.fstat(file.fileno()).st_ino}
    assert len(found) == 500
    assert sorted(os.listdir(root)) == sorted(path.name for path in found)
    assert all(sweeper.exception() is None for sweeper in sweepers)
    for _, file in drafts:
        file.close()


def test_what_cannot_be_removed_is_logged_and_the_others_are_swept(root, caplog):
    (root / "directory").mkdir()
    (root / "link").symlink_to(root / "directory")
    (root / "draft").touch()
    assert sweep_drafts(root) == 1
    assert sorted(os.listdir(root)) == ["directory", "link"]
    assert "cannot be removed" in caplog.text
