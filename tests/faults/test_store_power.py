"""Loss of power at any instant: what was acknowledged is there, and only states that existed are ever found."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.directory import DATABASE_FILE, MARKER_FILE
from queue_server.storage.sqlite import open_sqlite
from tests.faults.criterion import violations
from tests.faults.disk import MODELS, Disk
from tests.faults.model import QueueModel
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds
from tests.faults.vfs import Noted, RecordingVfs, Written
from tests.faults.workload import Operation, snapshot

CUTS = rounds(300, 1000) // len(MODELS)
SEED = int(os.environ.get("CUELIGHT_FAULT_SEED", "20250117"))
# The store is used, closed in order, and used again.
LIVES = (120, 80)
BALLASTS, BALLAST_BYTES = 10, 60_000
SHARE_OF_CREATION = 0.2
# What was not synced may survive, all of it and nothing of it included.
SURVIVAL = (0.6, 0.6, 0.6, 0.6, 0.0, 1.0)


@dataclass
class Recording:
    """The log of a store's life on a disk, and the states that existed, by the number of the last operation."""

    log: list
    states: dict

    @classmethod
    async def make(cls, directory):
        """Create a store, use it, close it in order, and use it again."""
        vfs = RecordingVfs("recording", watched=directory / MARKER_FILE)
        model = QueueModel()
        states = {0: snapshot(model)}
        done = 0
        for operations in LIVES:
            store = open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(SEED), vfs="recording")
            vfs.note("opened", store.epoch)
            for number in range(done + 1, done + 1 + operations):
                vfs.note("begun", number)
                await store.transact(_heavy(Operation(SEED, number, store.epoch), number))
                vfs.note("acknowledged", number)
                model.transact(Operation(SEED, number, store.epoch))
                states[number] = snapshot(model)
            done += operations
            await store.close()
        return cls(vfs.log, states)


def _heavy(operation, number):
    """Return an operation with pages enough to have the log moved into the main file again and again."""

    def work(tx):
        tx.save(f"ballast-{number % BALLASTS}", bytes([number % 256]) * BALLAST_BYTES)
        return operation(tx)

    return work


@pytest.fixture(scope="module")
def place():
    with place_in_memory() as directory:
        yield directory


@pytest.fixture(scope="module")
def recording(place):
    return asyncio.run(Recording.make(place / "recorded"))


def _cuts(log, chance):
    """Return as many instants as are asked for, a good share of them while the store is created."""
    created = next(index for index, entry in enumerate(log) if isinstance(entry, Noted) and entry.what == "opened")
    early = round(CUTS * SHARE_OF_CREATION)
    return sorted(
        [chance.randint(0, created) for _ in range(early)]
        + [chance.randint(created, len(log)) for _ in range(CUTS - early)]
    )


def _images(log, model, chance):
    """Yield, for instants in order, what was promised until then and what the disk has afterwards."""
    disk, promised, done = Disk(model, DATABASE_FILE), {}, 0
    for cut in _cuts(log, chance):
        for entry in log[done:cut]:
            if isinstance(entry, Noted):
                promised[entry.what] = entry.value
            else:
                disk.apply(entry)
        done = cut
        yield dict(promised), disk.image(chance, chance.choice(SURVIVAL))


def _write(directory, image, marker):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    files = image | ({MARKER_FILE: marker} if marker is not None else {})
    for name, content in files.items():
        file = directory / name
        file.write_bytes(content)
        file.chmod(0o600)


async def _reopen(directory):
    store = open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(SEED))
    found = await store.transact(snapshot)
    await store.close()
    return store.epoch, found


@pytest.mark.fault("D4", scales=True)
@pytest.mark.timeout(300 + CUTS)
@pytest.mark.parametrize("model", MODELS)
async def test_nothing_acknowledged_is_lost_and_nothing_else_is_found(model, recording, place, figure):
    chance = random.Random(f"{SEED}/{model}")
    found_states = Counter()
    for promised, image in _images(recording.log, model, chance):
        directory = place / "image"
        _write(directory, image, promised.get("watched"))
        assert violations(directory / DATABASE_FILE) == []
        _write(directory, image, promised.get("watched"))
        epoch, found = await _reopen(directory)
        number = found["last_seq"]
        assert promised.get("acknowledged", 0) <= number <= promised.get("begun", 0)
        assert epoch > promised.get("opened", 0)
        assert found == recording.states[number]
        found_states[number] += 1
    reached = f"{CUTS} cuts of {len(recording.log)} writes, {len(found_states)} states found, 0 lost, 0 corrupt"
    figure(f"model {model}", f"{CUTS} cuts, 0 lost, 0 corrupt", f"{reached} (seed {SEED})")


def test_the_recording_has_everything_that_can_be_cut(recording):
    """A recording without checkpoints, or without the deletion of a log, would prove little."""
    kinds = Counter((type(entry).__name__, getattr(entry, "file", "")) for entry in recording.log)
    database, log, journal = DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-journal"
    assert kinds["Created", journal] == kinds["Deleted", journal] > 1
    assert kinds["Created", log] == kinds["Deleted", log] == len(LIVES)
    beginnings = [
        entry for entry in recording.log if isinstance(entry, Written) and (entry.file, entry.offset) == (log, 0)
    ]
    assert len(beginnings) > len(LIVES)
    assert kinds["Synced", database] > 2 * len(LIVES)
