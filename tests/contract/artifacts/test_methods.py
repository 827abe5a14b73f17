"""Artifacts as clients see them: listed, looked at, and registered once their bytes were read."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.inspection import MOST_AT_ONCE, Inspector
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import Chance, ManualClock
from queue_server.protocol.codec import decode
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import PATIENCE_S, USER, Bench

WORKFLOW = {"id": "peak", "plan": {"item_type": "plan", "name": "count", "args": [["det1"]]}}
MISSING = "f" * 64


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path):
    """An empty store in its first epoch."""
    injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
    opened = open_memory(**injected) if request.param == "memory" else open_sqlite(tmp_path / "data", **injected)
    yield opened
    await opened.close()


@pytest.fixture
def data(tmp_path):
    """A data directory for artifacts."""
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def keep(data):
    """Store bytes; return the artifact."""

    def write(content):
        with open_artifacts(data).begin(Expectation()) as writer:
            writer.write(content)
            return writer.commit()

    return write


@pytest.fixture
def inspector(data):
    """What looks at stored files."""
    with Inspector(data) as opened:
        yield opened


@pytest.fixture
async def bench(store, inspector):
    """A manager that can look at the artifacts of the data directory."""
    bench = await Bench.begin(store)
    bench.look_by(inspector)
    await bench.open()
    yield bench
    await bench.end()


@pytest.fixture
def register(bench):
    """Register a file."""

    async def do(artifact, name="mask.npy", **more):
        given = {"artifact_id": artifact.id, "size_bytes": artifact.size_bytes, "name": name, **USER, **more}
        return (await bench.do("artifact_register", **given))["artifact"]

    return do


async def test_a_registered_file_is_listed_and_looked_at(bench, keep, register):
    stored = keep(b"mask")
    added = await register(stored, content_type="application/x-npy")
    assert (added["name"], added["artifact_id"], added["size_bytes"]) == ("mask.npy", stored.id, 4)
    assert (added["kind"], added["submission_id"], added["attempt"]) == ("registered", None, None)
    assert (await bench.do("artifact_list"))["artifacts"] == [added]
    artifact = (await bench.do("artifact_get", artifact_id=stored.id))["artifact"]
    assert (artifact["id"], artifact["is_present"], artifact["name"]) == (stored.id, True, "mask.npy")
    assert (artifact["references"], artifact["has_more_references"]) == ([added], False)


async def test_a_registration_that_is_taken_back_leaves_nothing_that_refers_to_the_file(bench, keep, register):
    stored = keep(b"mask")
    added = await register(stored)
    await bench.do("artifact_unregister", file_id=added["id"], **USER)
    assert (await bench.do("artifact_list"))["artifacts"] == []
    events = (await bench.do("events_get"))["events"]
    assert [event["kind"] for event in events][-2:] == ["artifact_register", "artifact_unregister"]
    assert stored.id not in str(events)
    artifact = (await bench.do("artifact_get", artifact_id=stored.id))["artifact"]
    assert (artifact["is_present"], artifact["size_bytes"], artifact["references"]) == (True, 4, [])
    assert (await bench.refuse("artifact_unregister", file_id=added["id"]))["error"]["code"] == "not_found"


async def test_a_file_belongs_to_a_submission_and_goes_with_it(bench, keep, register):
    await bench.do("workflow_add", workflow=WORKFLOW, **USER)
    uid = (await bench.do("submission_add", workflow_id="peak", **USER))["submission"]["id"]
    added = await register(keep(b"mask"), submission_id=uid)
    assert added["submission_id"] == uid
    assert (await bench.do("artifact_list", submission_id=uid))["artifacts"] == [added]
    await bench.do("submission_cancel", submission_id=uid, **USER)
    await bench.do("submission_remove", submission_id=uid, **USER)
    assert (await bench.do("artifact_list"))["artifacts"] == []


async def test_only_members_register_files_for_a_submission_of_their_group(bench, keep):
    await bench.do("workflow_add", workflow=WORKFLOW, **USER)
    await bench.do("workflow_group_add", group={"id": "team", "name": "Team", "workflow_id": "peak"}, **USER)
    uid = (await bench.do("submission_add", workflow_id="peak", group_id="team", **USER))["submission"]["id"]
    stored = keep(b"mask")
    given = {"artifact_id": stored.id, "size_bytes": 4, "name": "a", "submission_id": uid, "user": "eve"}
    assert (await bench.refuse("artifact_register", **given))["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"artifact_id": MISSING}, "not_found", MISSING),
        ({"artifact_id": "F" * 64}, "invalid_parameter", "artifact_id"),
        ({"size_bytes": 5}, "invalid_parameter", "has 4 bytes, and not 5"),
        ({"size_bytes": -1}, "invalid_parameter", "size_bytes"),
        ({"name": "../a"}, "invalid_parameter", "name"),
        ({"content_type": "no type"}, "invalid_parameter", "content_type"),
        ({"submission_id": "nowhere"}, "not_found", "nowhere"),
    ],
)
async def test_what_cannot_be_registered_is_refused_with_its_reason(bench, keep, change, code, word):
    given = {"artifact_id": keep(b"mask").id, "size_bytes": 4, "name": "a", **change}
    reply = await bench.refuse("artifact_register", **given)
    assert reply["error"]["code"] == code
    assert word in reply["msg"]


async def test_a_file_whose_bytes_are_others_is_not_registered(bench, data, keep):
    stored = keep(b"mask")
    (data / "artifacts" / stored.id[:2] / stored.id).write_bytes(b"musk")
    reply = await bench.refuse("artifact_register", artifact_id=stored.id, size_bytes=4, name="a")
    assert reply["error"]["code"] == "storage_damaged"


async def test_files_are_read_a_few_at_once_and_others_are_answered_meanwhile(bench, data, keep):
    begun, going, stored = threading.Event(), threading.Event(), keep(b"mask")

    def open_slowly(path):
        begun.set()
        assert going.wait(PATIENCE_S)
        return open_artifacts(path)

    given = {"artifact_id": stored.id, "size_bytes": 4, "name": "a"}
    with Inspector(data, open_slowly) as slow:
        bench.look_by(slow)
        asked = [bench.request("artifact_register", **given) for _ in range(MOST_AT_ONCE + 1)]
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        refused, waiting = await asyncio.wait(asked, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        assert [decode(each.result())[0]["error"]["code"] for each in refused] == ["busy"]
        assert (await bench.do("artifact_list"))["artifacts"] == []
        going.set()
        await asyncio.wait(waiting, timeout=PATIENCE_S)
    assert len((await bench.do("artifact_list"))["artifacts"]) == MOST_AT_ONCE


async def test_a_repeated_registration_with_a_key_is_one(bench, keep):
    stored = keep(b"mask")
    given = {"artifact_id": stored.id, "size_bytes": 4, "name": "a"}
    first, second = [
        await bench.request("artifact_register", _envelope={"idempotency_key": "k"}, **given) for _ in "12"
    ]
    assert first == second
    [kept] = (await bench.do("artifact_list"))["artifacts"]
    again = {"_envelope": {"idempotency_key": "l"}, "file_id": kept["id"]}
    first, second = [await bench.request("artifact_unregister", **again) for _ in "12"]
    assert first == second
    assert decode(first)[0]["success"] is True


async def test_a_file_that_is_registered_counts_as_stored_now(data, keep, inspector):
    stored = keep(b"mask")
    path = data / "artifacts" / stored.id[:2] / stored.id
    os.utime(path, (5.0, 5.0))
    await asyncio.to_thread(inspector.confirm, stored.id, 4)
    assert path.stat().st_mtime > 5.0


async def test_files_of_an_item_of_the_history_are_listed_with_their_ids(bench, keep):
    stored = keep(b"data")
    left = ManifestEntry(name="data.npy", artifact=Artifact(id=stored.id, size_bytes=4, created=1.0))
    [uid] = await bench.add("count")
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish(artifacts=(left,))
    [named] = (await bench.do("artifact_list", name="data.npy"))["artifacts"]
    [shown] = (await bench.do("result_get", item_uid=uid))["result"]["files"]
    assert (named["id"], named["kind"], named["item_uid"], named["attempt"]) == (shown["id"], "item", uid, 1)


async def test_a_file_that_is_gone_is_told_with_its_names(bench, keep, register, data):
    stored = keep(b"mask")
    added = await register(stored)
    (data / "artifacts" / stored.id[:2] / stored.id).unlink()
    artifact = (await bench.do("artifact_get", artifact_id=stored.id))["artifact"]
    assert (artifact["is_present"], artifact["references"]) == (False, [added])


async def test_what_is_neither_stored_nor_named_is_not_found(bench):
    assert (await bench.refuse("artifact_get", artifact_id=MISSING))["error"]["code"] == "not_found"


async def test_pages_follow_each_other(bench, keep, register):
    stored = keep(b"mask")
    for name in ("a", "b", "c"):
        await register(stored, name)
    first = await bench.do("artifact_list", limit=2)
    rest = await bench.do("artifact_list", limit=2, cursor=first["next_cursor"])
    assert sorted(each["name"] for each in (*first["artifacts"], *rest["artifacts"])) == ["a", "b", "c"]
    assert rest["next_cursor"] is None
