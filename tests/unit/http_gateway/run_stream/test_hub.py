"""Viewers follow runs on the stream: from the file as it grows, or from what a worker on another host publishes."""

from __future__ import annotations

import array
import asyncio
import base64
import json

import msgpack
import pytest
import zmq
import zmq.asyncio

from queue_server.protocol.codec import encode
from queue_server.protocol.documents import DocumentHeader, pack_published, write_line
from tests.doubles.gateway import PATIENCE_S
from tests.doubles.recorded_runs import RUN_UID, descriptor, event, row, start, stop
from tests.doubles.stream_reader import EventLog, reading

LANE = "default"


class Worker:
    """Records documents into the file of a run, and publishes them as a worker does."""

    def __init__(self, manager, data):
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.XPUB)
        address = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.file = data / "runs" / "2026-01" / f"{RUN_UID}.jsonl"
        self.file.parent.mkdir(parents=True)
        self.file.touch()
        self._number = 0
        self.run = {"uid": RUN_UID, "lane": LANE, "host": "", "file": str(self.file.relative_to(data))}
        manager.answers["config_get"] = {"success": True, "config": {"documents": address}}
        manager.answers["run_get"] = lambda params: (
            {"success": True, "run": self.run}
            if params["run_uid"] == RUN_UID
            else {"success": False, "msg": "none", "error": {"code": "not_found", "details": {}}}
        )

    async def listened_to(self):
        """Wait until a gateway listens, or does no more."""
        async with asyncio.timeout(PATIENCE_S):
            return (await self._socket.recv())[:1] == b"\1"

    async def emit(self, *documents, recorded=True):
        """Record documents, and publish them."""
        for name, document in documents:
            self._number += 1
            if recorded:
                with self.file.open("ab") as opened:
                    opened.write(write_line(name, document))
            header = DocumentHeader(LANE, "w-1", self._number, name, 1.0)
            await self._socket.send_multipart(pack_published(header, encode(document, "msgpack")))

    def close(self):
        self._context.destroy(0)


@pytest.fixture
async def worker(manager, tmp_path):
    worker = Worker(manager, tmp_path)
    yield worker
    worker.close()


async def test_documents_begin_with_those_that_are_there_and_go_on_with_each(client, worker):
    await worker.emit(start(), descriptor())
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe(f"run:{RUN_UID}")
        assert (snapshot["seq"], snapshot["snapshot"]) == (2, True)
        assert [told["name"] for told in snapshot["data"]["documents"]] == ["start", "descriptor"]
        assert snapshot["data"]["documents"][0]["document"] == start()[1]
        assert await worker.listened_to()
        await worker.emit(event(1, row(1)), event(2, row(2)), stop())
        change = await reader.next()
        assert (change["seq"], change["data"]) == (5, {"name": "stop", "document": stop()[1]})


async def test_a_viewer_resumes_after_the_last_document_that_it_knows(client, worker):
    await worker.emit(start(), descriptor(), event(1, row(1)), stop())
    async with reading(client) as reader:
        await reader.say(op="sub", topics=[f"run:{RUN_UID}"], since={f"run:{RUN_UID}": 2})
        frame = await reader.next()
        assert (frame["seq"], frame["data"]["name"]) == (4, "stop")
        assert "snapshot" not in frame


async def test_columns_are_appended_to(client, worker):
    await worker.emit(start(), descriptor(), event(1, row(1)))
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe({"topic": f"run:{RUN_UID}:cols", "columns": "json"})
        shown = snapshot["data"]["streams"]["primary"]
        assert (snapshot["snapshot"], shown["first"], shown["rows"], shown["columns"]["det"]) == (True, 0, 1, [0.5])
        assert await worker.listened_to()
        await worker.emit(*[event(number, row(number)) for number in range(2, 5)])
        seen = []
        while len(seen) < 3:
            more = (await reader.next())["data"]["streams"]["primary"]
            assert more["first"] == 1 + len(seen)
            seen += more["columns"]["motor"]
        assert seen == [2, 3, 4]


async def test_columns_are_packed_as_raw_numbers(client, worker):
    await worker.emit(start(), descriptor(), event(1, row(1)), event(2, {}))
    async with reading(client) as reader:
        await reader.say(op="sub", topics=[f"run:{RUN_UID}:cols"])
        async with asyncio.timeout(PATIENCE_S):
            packed = await reader.socket.recv()
        assert isinstance(packed, bytes)
        frame = msgpack.unpackb(packed)
        assert (frame["topic"], frame["data"]["numbers"]) == (f"run:{RUN_UID}:cols", "<f8")
        det = array.array("d")
        det.frombytes(frame["data"]["streams"]["primary"]["columns"]["det"])
        assert det[0] == 0.5
        assert det[1] != det[1]


async def test_the_newest_image_is_shown(client, worker):
    await worker.emit(start(), descriptor(), event(1, row(1)), event(2, row(2)))
    async with reading(client) as reader:
        [frame] = await reader.subscribe({"topic": f"run:{RUN_UID}:frame:image", "columns": "json"})
        assert (frame["seq"], frame["data"]["shape"], frame["data"]["vmax"]) == (4, [2, 3], 60_000.0)
        pixels = base64.b64decode(frame["data"]["pixels"])
        assert list(pixels) == [0, 0, 0, 0, 0, 255]


async def test_documents_that_the_publisher_dropped_are_not_missing(client, worker):
    async with reading(client) as reader:
        await reader.subscribe(f"run:{RUN_UID}")
        assert await worker.listened_to()
        with worker.file.open("ab") as opened:
            for document in (start(), descriptor()):
                opened.write(write_line(*document))
        await worker.emit(stop())
        assert [(await reader.next())["data"]["name"] for _ in range(3)] == ["start", "descriptor", "stop"]


async def test_a_run_of_another_host_is_followed_as_it_is_published(client, worker):
    worker.run["host"] = "far"
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe(f"run:{RUN_UID}")
        assert snapshot["data"]["documents"] == []
        assert await worker.listened_to()
        await worker.emit(start("another"), start(), descriptor(), stop("another"), stop(), recorded=False)
        assert [(await reader.next())["data"]["name"] for _ in range(3)] == ["start", "descriptor", "stop"]


async def test_every_run_that_begins_is_followed(client, worker, manager):
    await manager.await_subscriber()
    log = EventLog(manager)
    manager.answers["run_list"] = {"success": True, "runs": [{"uid": "older"}], "next_cursor": None}
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe("run:*")
        assert snapshot["data"] == {"runs": [{"uid": "older"}]}
        await worker.emit(start())
        await log.add("run_opened", run_uid=RUN_UID)
        frame = await reader.next()
        assert (frame["topic"], frame["seq"], frame["data"]["name"]) == (f"run:{RUN_UID}", 1, "start")
        assert await worker.listened_to()
        await worker.emit(stop())
        assert (await reader.next())["data"]["name"] == "stop"


async def test_nothing_is_listened_to_when_nobody_follows_a_run_any_more(client, worker):
    await worker.emit(start())
    async with reading(client) as reader:
        await reader.subscribe(f"run:{RUN_UID}")
        assert await worker.listened_to()
        await reader.say(op="unsub", topics=[f"run:{RUN_UID}"])
        assert not await worker.listened_to()


async def test_a_run_that_is_not_known_is_an_error_frame(client, worker):
    async with reading(client) as reader:
        [error] = await reader.subscribe("run:8f0c")
        assert (error["op"], error["code"], error["status"]) == ("error", "topic", 404)


async def test_scripts_get_columns_as_text(client, worker):
    await worker.emit(start(), descriptor(), event(1, row(1)))
    told = []
    async with client.stream("GET", f"/v1/stream?topics=run:{RUN_UID}:cols") as answer, asyncio.timeout(PATIENCE_S):
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                told.append(json.loads(line[5:]))
                break
    assert told[0]["data"]["streams"]["primary"]["columns"]["det"] == [0.5]
