"""Documents from a real RunEngine to files and subscribers: nothing of the record is lost, whatever subscribers do."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zmq
from bluesky import Msg, RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

from device_worker.documents.flow import DocumentFlow
from device_worker.documents.publish import Outlet, Publisher
from device_worker.documents.record import Recorder
from device_worker.documents.sync import Syncer
from queue_server.client.blocking import Documents
from queue_server.client.documents import LOST, MOST_WAITING, Document, Gap, check_lanes
from queue_server.client.run_file import read_documents
from queue_server.clock import SystemClock
from queue_server.protocol.documents import MARK, read_header
from queue_server.protocol.limits import Limits
from queue_server.transport.documents import DocumentsSocket, Door

PATIENCE_S = 60
MARK_EACH_S = 0.02
LARGE = 20_000
POINTS = 300


class Camera:
    """A device whose reading is an array."""

    name = "camera"
    parent = None

    def __init__(self, pixels):
        self.image = np.linspace(0.0, 1.0, pixels)

    def read(self):
        return {"image": {"value": self.image, "timestamp": 1.0}}

    def describe(self):
        return {"image": {"source": "made", "dtype": "array", "shape": [self.image.size]}}

    def read_configuration(self):
        return {}

    def describe_configuration(self):
        return {}


@bpp.run_decorator(md={})
def photograph(camera, points):
    """One run with so many points."""
    for _ in range(points):
        yield from bps.create("primary")
        yield Msg("read", camera)
        yield from bps.save()


class Site:
    """What a worker and its manager have for documents, beside their sockets in one directory."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.address = f"ipc://{directory}/out"
        self._context: zmq.Context = zmq.Context()
        self._subscriptions: list[Documents] = []
        self.forwarder = self.open_forwarder()
        syncer = Syncer()
        syncer.start()
        self.publisher = Publisher(Outlet(f"ipc://{directory}/in", "default", "one"), SystemClock(), MARK_EACH_S)
        self.publisher.start()
        self._flow = DocumentFlow(Recorder(directory, syncer), self.publisher)
        self.engine = RunEngine({}, context_managers=[])
        self._flow.attach(self.engine)

    def open_forwarder(self):
        doors = Door(self.address), [Door(f"ipc://{self.directory}/in")]
        self.forwarder = DocumentsSocket(self._context, *doors, Limits(max_messages_waiting=20))
        return self.forwarder

    def subscribe(self, lanes=None, waiting=MOST_WAITING):
        """Subscribe, and wait until what is published from now on will come."""
        socket = zmq.SyncContext.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, waiting)
        socket.setsockopt(zmq.RECONNECT_IVL, 5)
        for prefix in check_lanes(lanes):
            socket.setsockopt(zmq.SUBSCRIBE, prefix)
        socket.connect(self.address)
        assert socket.poll(PATIENCE_S * 1000)
        assert read_header(socket.recv_multipart()).name == MARK
        self._subscriptions.append(Documents(socket))
        return self._subscriptions[-1]

    @property
    def recorded(self):
        """All documents of all files, in the order in which the runs began."""
        files = sorted(
            (self.directory / "runs").rglob("*.jsonl"), key=lambda file: next(read_documents(file))[1]["time"]
        )
        return [document for file in files for document in read_documents(file)]

    def close(self):
        for subscription in self._subscriptions:
            subscription.close()
        self._flow.close()
        self.forwarder.close()
        self._context.term()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def receive_until(documents, number):
    """Return what comes until the document of this number, or its loss, is told."""
    told, deadline_s = [], time.monotonic() + PATIENCE_S
    while not told or (told[-1].number if isinstance(told[-1], Document) else told[-1].last) < number:
        found = documents.receive(max(0.0, deadline_s - time.monotonic()))
        assert found is not None, f"{told[-1] if told else 'nothing'} is the last that came; {number} is expected"
        told.append(found)
    return told


def spans(told):
    """Return the first and the last number of each document and gap."""
    return [(one.number, one.number) if isinstance(one, Document) else (one.first, one.last) for one in told]


def test_subscribers_get_what_the_file_has(site):
    everything, lane = site.subscribe(), site.subscribe(["default"])
    site.engine(photograph(Camera(10), 20))
    for documents in (everything, lane):
        told = receive_until(documents, site.publisher.number)
        assert all(isinstance(one, Document) for one in told)
        assert [(one.name, one.content) for one in told] == site.recorded
        assert {(one.lane, one.incarnation) for one in told} == {("default", "one")}
        assert [one.number for one in told] == list(range(1, 24))


def test_a_subscriber_that_does_not_read_loses_documents_and_nobody_else_does(site):
    stalled, reading = site.subscribe(waiting=1), site.subscribe()
    total = POINTS + 3
    told_meanwhile = []
    reader = threading.Thread(target=lambda: told_meanwhile.extend(receive_until(reading, total)))
    reader.start()
    site.engine(photograph(Camera(LARGE), POINTS))
    assert site.publisher.number == total
    recorded = site.recorded
    assert [name for name, _ in recorded] == ["start", "descriptor", *["event"] * POINTS, "stop"]
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    for told in (told_meanwhile, receive_until(stalled, total)):
        # Each number once: a document as it was recorded, or told as lost.
        assert all(earlier[1] + 1 == later[0] for earlier, later in pairwise(spans(told)))
        assert (spans(told)[0][0], spans(told)[-1][1]) == (1, total)
        for one in told:
            if isinstance(one, Document):
                assert (one.name, one.content) == recorded[one.number - 1]
            else:
                assert one.reason == LOST
    assert any(isinstance(one, Gap) for one in told)


def test_a_subscriber_learns_what_it_missed_while_the_manager_was_away(site):
    documents = site.subscribe()
    site.engine(photograph(Camera(10), 5))
    before = receive_until(documents, 8)
    site.forwarder.close()
    site.engine(photograph(Camera(10), 5))
    assert site.publisher.number == 16
    site.open_forwarder()
    # The marks tell it, though nothing is published any more.
    told = [*before, *receive_until(documents, 16)]
    assert all(earlier[1] + 1 == later[0] for earlier, later in pairwise(spans(told)))
    assert isinstance(told[-1], Gap)
    site.engine(photograph(Camera(10), 5))
    after = receive_until(documents, 24)
    assert [(one.name, one.content) for one in after if isinstance(one, Document)] == site.recorded[16:]


def test_a_document_that_is_too_large_is_recorded_and_its_loss_is_told_with_the_reason(site):
    documents = site.subscribe()
    site.engine(photograph(Camera(600_000), 1))
    start, descriptor, gap, stop = receive_until(documents, 4)
    assert [one.name for one in (start, descriptor, stop)] == ["start", "descriptor", "stop"]
    assert (gap.first, gap.last) == (3, 3)
    assert "at most 524288 are published" in gap.reason
    assert len(site.recorded[2][1]["data"]["image"]) == 600_000
