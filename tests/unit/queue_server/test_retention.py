"""Artifacts that nothing refers to are counted, and go when the rules of their directory say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from queue_server.artifacts.rules import Rules, write_rules
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import Chance, SystemClock
from queue_server.protocol.items import BACK, Item
from queue_server.retention import DAY_S, Retention
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
async def data(tmp_path):
    """A data directory with three artifacts: one referred to, one old, one new; the ids by these names."""
    os.chmod(tmp_path, 0o700)
    clock = SystemClock()
    store = open_sqlite(tmp_path, clock=clock, chance=Chance())
    artifacts, ids = open_artifacts(tmp_path, reserve_bytes=0), {}
    for name in ("kept", "old", "new"):
        with artifacts.begin() as writer:
            writer.write(name.encode())
            ids[name] = writer.commit().id
        if name != "new":
            before = clock.wall() - 3 * DAY_S
            os.utime(tmp_path / "artifacts" / ids[name][:2] / ids[name], (before, before))
    content = {"item_type": "dag", "name": "x", "kwargs": {"file": ids["kept"]}}
    await store.transact(lambda tx: tx.insert([Item("i", "default", "i", content)], BACK))
    yield tmp_path, ids
    await store.close()


def stored(data):
    return set(open_artifacts(data).ids())


async def test_without_a_limit_of_time_everything_stays(data):
    root, ids = data
    assert await Retention(root, SystemClock()).sweep_once() is None
    assert stored(root) == set(ids.values())


async def test_what_is_old_and_not_referred_to_goes(data):
    root, ids = data
    write_rules(root / "artifacts", Rules(keep_days=2))
    swept = await Retention(root, SystemClock()).sweep_once()
    assert swept is not None
    assert swept.removed == (ids["old"],)
    assert stored(root) == {ids["kept"], ids["new"]}


async def test_rules_that_cannot_be_read_take_nothing_away(data, caplog):
    root, ids = data
    (root / "artifacts" / "rules.json").write_text("?")
    assert await Retention(root, SystemClock()).sweep_once() is None
    assert "not removed" in caplog.text
    assert stored(root) == set(ids.values())


def work(*words):
    ended = subprocess.run([sys.executable, "-m", "queue_server.retention", *map(str, words)], capture_output=True)
    return ended.returncode, json.loads(ended.stdout)


async def test_the_program_counts_limits_and_sweeps(data, tmp_path):
    root, ids = data
    code, report = work("usage", root)
    assert (code, report["files"], report["unreferenced_files"], report["removed_files"]) == (0, 3, 2, 0)
    code, report = work("sweep", root)
    assert (code, report["code"]) == (1, "invalid_parameter")
    assert "--keep-days" in report["failed"]
    assert work("limit", root, "--quota-bytes", 100, "--keep-days", 2)[1]["quota_bytes"] == 100
    code, report = work("sweep", root)
    assert (code, report["removed"]) == (0, [ids["old"]])
    assert work("usage", root / "nowhere")[1]["code"] == "not_found"
