"""The sink: what a full, slow or failing disk does to an upload, and that nothing half is left behind."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from http_gateway.dialects.scanhub.effects import AppendUpload, DiscardUpload, FinishUpload, OpenUpload, StoreUpload
from http_gateway.dialects.scanhub.events import UploadBroken, UploadStored, UploadWritten
from http_gateway.dialects.scanhub.upload_sink import MOST_BACKLOG_BYTES, Store, UploadSink
from http_gateway.dialects.scanhub.uploads import PARAMETER_FILE, File
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import ManualClock
from queue_server.protocol.errors import CommunicationError, RefusedError
from tests.doubles.device_session import DEVICE, ITEM
from tests.doubles.gateway import PATIENCE_S

FILE = File("a.mrd", "MRD", 4, None)


class Registry:
    """Keeps products; ``failures`` are raised first."""

    def __init__(self):
        self.products = []
        self.failures = []

    async def add_result(self, product):
        """Keep a product."""
        if self.failures:
            raise self.failures.pop(0)
        self.products.append(product)
        return f"result {len(self.products)}"


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
async def sink(tmp_path, registry, threads):
    """A running sink and what it tells."""
    told: asyncio.Queue = asyncio.Queue()
    made = make_sink(open_artifacts(tmp_path), registry, threads, told)
    running = asyncio.create_task(made.run())
    yield made, told
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def make_sink(artifacts, registry, threads, told):
    store = Store(artifacts, threads)
    return UploadSink(DEVICE, store, registry, ManualClock(), told.put_nowait, lambda uid: (uid, "w"))


async def next_of(told):
    async with asyncio.timeout(PATIENCE_S):
        return await told.get()


def drafts_in(path):
    return list((path / "artifacts" / "drafts").glob("*"))


async def write(sink, told, content=b"four"):
    """Let a file be written; return what is told of it."""
    made, told = sink if isinstance(sink, tuple) else (sink, told)
    made.take(OpenUpload(1, ITEM, FILE))
    made.take(AppendUpload(1, len(content)), content)
    made.take(FinishUpload(1))
    return await next_of(told)


async def test_a_file_and_its_parameters_become_artifacts_of_one_result(sink, registry, tmp_path):
    made, told = sink
    written = await write(sink, told)
    assert isinstance(written, UploadWritten)
    made.take(StoreUpload(1, ITEM, FILE, written.sha256, "key", {"b0": 3}))
    assert await next_of(told) == UploadStored(0.0, 1, "result 1")
    [product] = registry.products
    assert (product.task_id, product.workflow_id, product.key) == (ITEM, "w", "key")
    assert list(product.artifacts) == ["a.mrd", PARAMETER_FILE]
    for artifact in product.artifacts.values():
        open_artifacts(tmp_path).verify(artifact.id)
    assert drafts_in(tmp_path) == []


async def test_a_full_disk_breaks_an_upload_before_its_first_byte(tmp_path, registry, threads):
    told: asyncio.Queue = asyncio.Queue()
    made = make_sink(open_artifacts(tmp_path, reserve_bytes=2**62), registry, threads, told)
    running = asyncio.create_task(made.run())
    made.take(OpenUpload(1, ITEM, FILE))
    made.take(AppendUpload(1, 4), b"four")
    made.take(FinishUpload(1))
    broken = await next_of(told)
    assert (type(broken), broken.upload, told.empty()) == (UploadBroken, 1, True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert drafts_in(tmp_path) == []


async def test_what_is_not_what_was_announced_is_broken_and_leaves_nothing(sink, tmp_path):
    made, told = sink
    assert isinstance(await write(sink, told, b"six me"), UploadBroken)
    made.take(OpenUpload(2, ITEM, replace(FILE, sha256="0" * 64)))
    made.take(AppendUpload(2, 4), b"four")
    made.take(FinishUpload(2))
    assert (await next_of(told)).upload == 2
    assert drafts_in(tmp_path) == []


async def test_what_is_discarded_or_not_complete_at_the_end_leaves_nothing(tmp_path, registry, threads):
    told: asyncio.Queue = asyncio.Queue()
    made = make_sink(open_artifacts(tmp_path), registry, threads, told)
    running = asyncio.create_task(made.run())
    for number in (1, 2):
        made.take(OpenUpload(number, ITEM, FILE))
        made.take(AppendUpload(number, 2), b"fo")
    made.take(DiscardUpload(1))
    made.take(OpenUpload(3, ITEM, replace(FILE, size_bytes=0)))
    made.take(FinishUpload(3))
    assert (await next_of(told)).upload == 3
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert drafts_in(tmp_path) == []


async def test_a_result_is_refused_for_good_or_asked_for_again(sink, registry):
    made, told = sink
    written = await write(sink, told)
    registry.failures += [CommunicationError("away")]
    made.take(StoreUpload(1, ITEM, FILE, written.sha256, "key"))
    assert isinstance(await next_of(told), UploadStored)
    written = await write(sink, told)
    registry.failures += [RefusedError("no such task")]
    made.take(StoreUpload(1, ITEM, FILE, written.sha256, "key"))
    assert (await next_of(told)).reason == "no such task"


async def test_a_device_waits_for_the_disk_but_not_for_long(sink, threads):
    made, _ = sink
    gate = threading.Event()
    for _ in range(2):
        threads.submit(gate.wait, PATIENCE_S)
    try:
        made.take(OpenUpload(1, ITEM, replace(FILE, size_bytes=2 * MOST_BACKLOG_BYTES)))
        made.take(AppendUpload(1, 4), b"four")
        assert await made.make_room()
        made.take(AppendUpload(1, MOST_BACKLOG_BYTES), bytes(MOST_BACKLOG_BYTES))
        waiting = asyncio.create_task(made.make_room())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(waiting)
    finally:
        gate.set()
    async with asyncio.timeout(PATIENCE_S):
        assert await waiting
