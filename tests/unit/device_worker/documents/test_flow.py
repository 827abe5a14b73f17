"""The way of a document: recorded before anybody else sees it, and refused to the plan where it is not."""

from __future__ import annotations

import errno
import os

import pytest
from bluesky import Msg, RunEngine

from device_worker.documents import open_documents
from device_worker.documents.flow import DocumentFlow
from device_worker.documents.record import Recorder
from device_worker.documents.run_record import Disk, RecordError
from device_worker.documents.sync import Syncer
from queue_server.client.run_file import read_documents
from queue_server.clock import ManualClock


class Switch:
    """A disk that is full when told so."""

    def __init__(self):
        self.is_full = False

    def write(self, handle, data):
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(handle, data)


@pytest.fixture
def switch():
    return Switch()


@pytest.fixture
def flow(tmp_path, switch):
    syncer = Syncer()
    syncer.start()
    flow = DocumentFlow(Recorder(tmp_path, syncer, Disk(switch.write)))
    yield flow
    flow.close()


@pytest.fixture
def engine(flow):
    engine = RunEngine({}, context_managers=[])
    flow.attach(engine)
    return engine


def recorded(tmp_path):
    return [name for file in (tmp_path / "runs").rglob("*.jsonl") for name, _ in read_documents(file)]


def measure():
    yield Msg("open_run", None)
    yield Msg("create", None, name="primary")
    yield Msg("save")
    yield Msg("close_run", None)


def test_a_subscriber_sees_what_is_recorded_already(engine, tmp_path):
    seen = []
    engine.subscribe(lambda name, _: seen.append((name, recorded(tmp_path)[-1])))
    engine(measure())
    assert seen == [("start", "start"), ("stop", "stop")]


def test_a_subscriber_that_raises_keeps_no_document_from_the_record(tmp_path, flow):
    engine = RunEngine({}, context_managers=[])
    engine.subscribe(lambda *_: 1 / 0, "start")
    flow.attach(engine)
    with pytest.raises(ZeroDivisionError):
        engine(measure())
    assert recorded(tmp_path) == ["start", "stop"]


@pytest.mark.parametrize("ignores", [False, True])
def test_a_plan_whose_start_is_not_recorded_fails_and_measures_nothing(engine, flow, switch, ignores):
    engine.ignore_callback_exceptions = ignores
    measured = []
    switch.is_full = True

    def plan():
        yield Msg("open_run", None)
        measured.append(1)

    with pytest.raises(RecordError, match="No space left on device"):
        engine(plan())
    assert measured == []
    assert "No space left on device" in flow.settle()
    assert str(engine.state) == "idle"
    switch.is_full = False
    engine(measure())
    assert flow.settle() == ""


def test_subscribers_learn_of_the_end_of_a_run_whose_end_is_not_recorded(engine, flow, switch):
    seen = []
    engine.subscribe(lambda name, _: seen.append(name))

    def plan():
        yield Msg("open_run", None)
        switch.is_full = True
        yield Msg("close_run", None)

    with pytest.raises(RecordError):
        engine(plan())
    assert seen == ["start", "stop"]
    assert "No space left on device" in flow.settle()


def test_without_parts_documents_only_pass(tmp_path):
    flow = DocumentFlow()
    flow.take("start", {"uid": "a"})
    assert (flow.name_of("a"), flow.settle(), flow.host) == ("", "", "")
    flow.close()


class Options:
    """What a worker was started with."""

    def __init__(self, data, state_dir, documents=None):
        self.data = data
        self.state_dir = state_dir
        self.documents = documents
        self.keys = None
        self.lane = "default"
        self.incarnation = "me"


def test_a_worker_on_the_host_of_the_manager_records_in_its_data_directory(tmp_path):
    flow = open_documents(Options(tmp_path / "data", tmp_path / "state"), ManualClock())
    flow.take("start", {"uid": "a", "time": 0.0})
    assert (flow.name_of("a"), flow.host) == ("runs/1970-01/a.jsonl", "")
    flow.close()
    assert recorded(tmp_path / "data") == ["start"]


def test_a_worker_elsewhere_records_in_its_own_and_names_its_host(tmp_path):
    flow = open_documents(Options(None, tmp_path / "state"), ManualClock())
    flow.take("start", {"uid": "a", "time": 0.0})
    assert flow.host == os.uname().nodename
    flow.close()
    assert recorded(tmp_path / "state") == ["start"]


def test_where_nothing_can_be_published_runs_are_recorded_all_the_same(tmp_path, caplog):
    flow = open_documents(Options(tmp_path, tmp_path, "nowhere"), ManualClock())
    flow.take("start", {"uid": "a", "time": 0.0})
    flow.close()
    assert recorded(tmp_path) == ["start"]
    assert "recorded, but not published" in caplog.text
