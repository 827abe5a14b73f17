"""D9, D11, D12: flipped bits, backups under load, and a migration that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import CuelightError
from queue_server.storage.backup import DIRECTORY, back_up, list_backups
from queue_server.storage.directory import DATABASE_FILE, MARKER_FILE, DataDirectory
from queue_server.storage.integrity import examine
from queue_server.storage.migrate import SQLITE_MIGRATIONS, read_migrations
from queue_server.storage.restoration import restore
from queue_server.storage.sqlite import open_sqlite
from tests.faults.model import QueueModel
from tests.faults.places import place_in_memory
from tests.faults.store_process import ROOT, store_process
from tests.faults.tiers import rounds
from tests.faults.workload import Operation, snapshot

SEED = int(os.environ.get("CUELIGHT_FAULT_SEED", "20260901"))
FLIPS = rounds(60, 1000)
BACKUPS = rounds(3, 20)
MIGRATION_KILLS = rounds(0, 50)
MOST_TRIES = 6
OPERATIONS_PER_S = 50
OPERATIONS_BETWEEN = 20
RESTORATIONS = ("restore.before_exchange", "restore.between_renames", "restore.after_exchange")


@pytest.fixture
def place():
    with place_in_memory() as made:
        yield made


def _open(directory):
    return open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(SEED))


async def _used(directory, operations):
    """A directory that was used and closed in order."""
    store = _open(directory)
    for number in range(1, operations + 1):
        await store.transact(Operation(SEED, number, store.epoch))
    await store.close()


def _everything(tx):
    """Return all that a client could ever be told."""
    seqs = tx.last_seq()
    keys = [f"key-{number}" for number in range(7, seqs + 1, 7)]
    found = snapshot(tx)
    found["all events"] = [repr(event) for event in tx.events(0, seqs + 10)]
    found["replies"] = [repr(tx.stored_reply(key)) for key in keys]
    found["items"] = [repr(tx.item(uid)) for uid in _uids(found)]
    found["counts"] = [tx.count_history(), tx.count_queue("default"), tx.count_queue("other"), seqs]
    return found


def _uids(found):
    queued = [item["uid"] for queue in found["queues"].values() for item in queue]
    return [*queued, *(entry["item"]["uid"] for entry in found["history"])]


async def _read(directory):
    store = _open(directory)
    try:
        return await store.transact(_everything)
    finally:
        await store.close()


def _copy(source, target):
    target.mkdir(mode=0o700)
    for name in (DATABASE_FILE, MARKER_FILE):
        shutil.copy2(source / name, target / name)


# --- D9 ----------------------------------------------------------------------------------------------------------


async def _meaning(directory, told):
    """Return whether a flip was found; fail if it has changed what is told and nobody noticed."""
    found: object = None
    refusal = None
    try:
        found = await _read(directory)
    except CuelightError as error:
        refusal = str(error)
    if refusal is None:
        assert found == told, "a change of meaning was not found"
        return False
    assert str(directory) in refusal
    return True


@pytest.mark.fault("D9", scales=True)
@pytest.mark.timeout(300 + FLIPS)
async def test_every_turned_bit_that_changes_a_meaning_is_found_and_the_copy_restored(place, figure):
    whole = place / "whole"
    await _used(whole, 400)
    # What was removed leaves bytes that mean nothing.
    with closing(sqlite3.connect(whole / DATABASE_FILE, isolation_level=None)) as stock:
        stock.execute("VACUUM")
    kept = back_up(whole / DATABASE_FILE, whole / DIRECTORY, keep=1)
    _copy(whole, place / "reference")
    told = await _read(place / "reference")
    chance = random.Random(SEED)
    size = (whole / DATABASE_FILE).stat().st_size
    found = restored = 0
    for number in range(FLIPS):
        directory = place / f"flip{number}"
        _copy(whole, directory)
        content = bytearray((directory / DATABASE_FILE).read_bytes())
        at, bit = chance.randrange(size), chance.randrange(8)
        content[at] ^= 1 << bit
        (directory / DATABASE_FILE).write_bytes(content)
        try:
            was_found = await _meaning(directory, told)
        except AssertionError as error:
            raise AssertionError(f"bit {bit} of byte {at}, seed {SEED}: {error}") from error
        if was_found:
            found += 1
            done = restore(DataDirectory(directory), kept.file, clock=ManualClock())
            assert done.kept is not None
            assert (done.kept / DATABASE_FILE).read_bytes() == bytes(content), "the original was not kept"
            assert await _read(directory) == told
            restored += 1
        shutil.rmtree(directory)
    figure(
        "bits turned",
        f"{FLIPS}: every change of meaning found, copy restored",
        f"{FLIPS}: {found} found, {restored} restored, {FLIPS - found} without a meaning, 0 unnoticed",
    )
    assert found > FLIPS // 8


# --- D11 ---------------------------------------------------------------------------------------------------------


def _back_up_elsewhere(data, file):
    """Have a process of its own make the backup, as the command does."""
    command = [sys.executable, "-m", "queue_server.storage", "backup", str(file), "--data", str(data)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    return Path(json.loads(ended.stdout)["file"])


class _Load:
    """Changes of a store at a steady rate, and how long each of them took."""

    def __init__(self, store):
        self._store = store
        self.number = 0
        self.took_s = []

    async def run(self, until):
        """Make changes until ``until`` says so, and at least one."""
        while True:
            self.number += 1
            began = time.monotonic()
            await self._store.transact(Operation(SEED, self.number, 1))
            self.took_s.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, 1 / OPERATIONS_PER_S - self.took_s[-1]))
            if until():
                return


async def _check_prefix(file, target, least, most):
    """Restore a backup, and check that it has what was done up to some change between two numbers."""
    DataDirectory(target).create()
    restore(DataDirectory(target), file, clock=ManualClock())
    copy = _open(target)
    found = await copy.transact(snapshot)
    await copy.close()
    assert least <= found["last_seq"] <= most
    model = QueueModel()
    for done in range(1, found["last_seq"] + 1):
        model.transact(Operation(SEED, done, 1))
    assert found == snapshot(model)


@pytest.mark.fault("D11", scales=True)
@pytest.mark.timeout(300 + 4 * BACKUPS)
async def test_a_backup_under_load_is_a_prefix_of_what_was_done(place, figure):
    data, made = place / "data", []
    store = _open(data)
    load = _Load(store)
    for each in range(BACKUPS):
        goal = load.number + OPERATIONS_BETWEEN
        await load.run(lambda goal=goal: load.number >= goal)
        acknowledged = load.number
        if each % 3:
            work = asyncio.to_thread(back_up, data / DATABASE_FILE, data / DIRECTORY, keep=99)
        else:
            work = asyncio.to_thread(_back_up_elsewhere, data, place / f"backup{each}.sqlite")
        making = asyncio.create_task(work)
        await load.run(making.done)
        done = await making
        made.append((done if isinstance(done, Path) else done.file, acknowledged, load.number))
    await store.close()
    for each, (file, least, most) in enumerate(made):
        await _check_prefix(file, place / f"restored{each}", least, most)
    figure(
        f"backups at {OPERATIONS_PER_S} changes/s",
        f"{BACKUPS} of {BACKUPS} restore to a prefix of what was done",
        f"{len(made)} of {BACKUPS}; {load.number} changes, the slowest took {max(load.took_s) * 1000:.0f} ms",
    )
    assert len(made) == BACKUPS


# --- D12 ---------------------------------------------------------------------------------------------------------

TABLES = ("meta", "items", "attempts", "runs", "events", "documents", "replies", "tasks")
STEPS = ("store.before_migration@1", "store.after_migration@1", "store.before_migration@2", "store.after_migration@2")


async def _old_directory(directory, operations):
    """A directory as the first releases have left it, without checksums."""
    await _used(directory, operations)
    file = directory / DATABASE_FILE
    new = file.with_name("new.sqlite")
    file.rename(new)
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for migration in read_migrations(SQLITE_MIGRATIONS)[:2]:
            stock.executescript(migration.script)
        stock.execute("ATTACH ? AS new", (str(new),))
        for table in TABLES:
            columns = ", ".join(row[1] for row in stock.execute(f"PRAGMA main.table_info({table})"))
            stock.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        stock.execute("DETACH new")
        stock.execute("PRAGMA user_version = 2")
        stock.execute("PRAGMA journal_mode = WAL")
    new.unlink()
    file.chmod(0o600)


def _content(file):
    """Return what an old store has, as the stock library sees it."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as stock:
        columns = {
            table: ", ".join(row[1] for row in stock.execute(f"PRAGMA table_info({table})") if row[1] != "checksum")
            for table in TABLES[1:]
        }
        return {table: stock.execute(f"SELECT {names} FROM {table}").fetchall() for table, names in columns.items()}


async def _check_usable(directory, before):
    """Open a directory after a kill: nothing is missing, everything has its checksum, and it can be used."""
    store = _open(directory)
    number = await store.transact(lambda tx: tx.last_seq())
    assert _content(directory / DATABASE_FILE) == before
    for more in range(number + 1, number + 6):
        await store.transact(Operation(SEED, more, store.epoch))
    await store.close()
    assert examine(directory / DATABASE_FILE)[1] == []
    kept = list_backups(directory / DIRECTORY)[-1]
    identity, faults = examine(kept)
    assert identity is not None
    assert (identity.schema_version, faults) == (2, [])
    assert _content(kept) == before


@pytest.mark.fault("D12", scales=True)
@pytest.mark.timeout(300 + 4 * MOST_TRIES * MIGRATION_KILLS)
async def test_a_migration_that_is_killed_leaves_a_store_that_can_be_used(place, figure):
    old = place / "old"
    await _old_directory(old, 300)
    before = _content(old / DATABASE_FILE)
    chance, wanted, tries, longest_s = random.Random(SEED), max(MIGRATION_KILLS, len(STEPS)), 0, 0.4
    stages: Counter[str] = Counter()
    with store_process() as named, store_process("preload") as anywhere:
        while stages.total() < wanted and tries < MOST_TRIES * wanted:
            is_named = tries < len(STEPS)
            job = {"kill_after_s": chance.uniform(0, longest_s)}
            if is_named:
                job = {"failpoints": STEPS[tries].replace("@", "=kill@")}
            tries += 1
            directory = place / f"kill{tries}"
            _copy(old, directory)
            status, reports = (named if is_named else anywhere).run(
                directory=str(directory), seed=SEED, operations=0, **job
            )
            assert status in (-signal.SIGKILL, 0)
            if status == -signal.SIGKILL and not reports:
                stages[_stage(directory, place / "looked")] += 1
            elif not is_named:
                # It was done before: the machine is faster than thought, and the next one is killed earlier.
                longest_s = max(0.01, min(longest_s, float(job["kill_after_s"]) * 1.1))
            await _check_usable(directory, before)
            shutil.rmtree(directory)
    figure(
        "migrations killed before the store was open",
        f"{wanted} of {wanted} usable afterwards",
        f"{stages.total()} of {wanted} ({', '.join(f'{count} {stage}' for stage, count in sorted(stages.items()))})",
    )
    assert stages.total() == wanted


def _stage(directory, copy):
    """Return how far a migration had come that was killed, as the stock library sees it; the original is left alone."""
    shutil.copytree(directory, copy)
    try:
        if list_backups(copy / DIRECTORY) == []:
            return "before its backup"
        with closing(sqlite3.connect(copy / DATABASE_FILE)) as stock:
            [(version,)] = stock.execute("PRAGMA user_version")
        return f"with the data at version {version}"
    finally:
        shutil.rmtree(copy)


# --- a restoration that is killed --------------------------------------------------------------------------------


def _restore_in_process(data, failpoints=""):
    """Restore as the command does; return the exit status."""
    command = [sys.executable, "-m", "queue_server.storage", "restore", "--data", str(data)]
    faults = {"CUELIGHT_FAULT_TESTS": "1", "CUELIGHT_FAILPOINTS": failpoints} if failpoints else {}
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **faults}, check=False).returncode


@pytest.mark.fault("D2")
@pytest.mark.parametrize("point", RESTORATIONS)
async def test_a_restoration_that_is_killed_can_be_repeated(point, place):
    data = place / "data"
    await _used(data, 60)
    back_up(data / DATABASE_FILE, data / DIRECTORY, keep=1)
    told = await _read(data)
    assert _restore_in_process(data, f"{point}=kill@1") == -signal.SIGKILL
    if point == "restore.between_renames":
        with pytest.raises(CuelightError, match="missing"):
            _open(data)
    assert _restore_in_process(data) == 0
    assert await _read(data) == told
