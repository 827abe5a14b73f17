"""Each document is in the file of its run when it is taken, or is refused; of every run there is one file."""

from __future__ import annotations

import errno
import logging
import math
import os
import threading

import numpy as np
import pytest

from device_worker.documents.record import Recorder, name_file
from device_worker.documents.run_record import Disk, RecordError
from device_worker.documents.sync import Syncer
from queue_server.client.run_file import read_documents
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.run_reports import RunOpened

NOVEMBER = 1795302000.0
DECEMBER = NOVEMBER + 15 * 86400


class RecordedDisk:
    """The disk, with a list of what was asked of it, and room for so many bytes."""

    def __init__(self):
        self.asked = []
        self.room = None
        self.failing_syncs = False

    def write(self, handle, data):
        if self.room is not None and len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.asked.append("write")
        return os.write(handle, data)

    def sync(self, handle):
        self.asked.append("sync")
        if self.failing_syncs:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(handle)


@pytest.fixture
def disk():
    return RecordedDisk()


@pytest.fixture
def recorder(tmp_path, disk):
    # The thread that waits for the disk is not started: only what the recorder itself waits for is seen.
    recorder = Recorder(tmp_path, Syncer(), Disk(disk.write, disk.sync))
    yield recorder
    recorder.settle()


def start(uid="a", time=NOVEMBER, **more):
    return {"uid": uid, "time": time, **more}


def run(uid="a", points=2, **more):
    """Return the documents of a small run."""
    return [
        ("start", start(uid, **more)),
        ("descriptor", {"uid": f"{uid}-d", "run_start": uid, "name": "primary"}),
        *(("event", {"uid": f"{uid}-{n}", "descriptor": f"{uid}-d", "seq_num": n}) for n in range(1, points + 1)),
        ("stop", {"uid": f"{uid}-s", "run_start": uid, "exit_status": "success"}),
    ]


def files(tmp_path):
    """Return the documents of all files, by their names."""
    found = sorted((tmp_path / "runs").rglob("*.jsonl"))
    return {str(path.relative_to(tmp_path)): list(read_documents(path)) for path in found}


def take(recorder, documents):
    for name, document in documents:
        recorder.take(name, document)


def test_every_run_has_a_file_in_the_month_of_its_start(recorder, tmp_path):
    first, second = run("a"), run("b", time=DECEMBER)
    take(recorder, first + second)
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": first, "runs/2026-12/b.jsonl": second}
    assert recorder.settle() == ""


def test_a_document_is_in_the_file_when_it_is_taken(recorder, tmp_path):
    documents = run("a")
    for count, (name, document) in enumerate(documents, 1):
        recorder.take(name, document)
        assert files(tmp_path) == {"runs/2026-11/a.jsonl": documents[:count]}


def test_documents_of_runs_that_are_open_together_are_kept_apart(recorder, tmp_path):
    first, second = run("a"), run("b")
    take(recorder, [document for pair in zip(first, second, strict=True) for document in pair])
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": first, "runs/2026-11/b.jsonl": second}


def test_documents_of_files_find_their_run_by_what_they_belong_to(recorder, tmp_path):
    outer = [
        ("start", start("a")),
        ("resource", {"uid": "r", "run_start": "a"}),
        ("stream_resource", {"uid": "sr", "run_start": "a"}),
        ("descriptor", {"uid": "ad", "run_start": "a"}),
    ]
    inner = [("start", start("b")), ("descriptor", {"uid": "bd", "run_start": "b"})]
    late = [
        ("datum", {"datum_id": "r/1", "resource": "r"}),
        ("datum_page", {"datum_id": ["r/2"], "resource": "r"}),
        ("stream_datum", {"uid": "x", "stream_resource": "sr", "descriptor": "ad"}),
        ("event_page", {"descriptor": "ad", "seq_num": [1, 2]}),
        ("stop", {"run_start": "a"}),
    ]
    # Before 2019 a resource did not say to which run it belongs: that is the one opened last.
    unknown = [("resource", {"uid": "old"}), ("datum", {"datum_id": "old/1", "resource": "old"})]
    take(recorder, outer + inner + late + unknown)
    recorder.take("stop", {"run_start": "b"})
    assert files(tmp_path) == {
        "runs/2026-11/a.jsonl": outer + late,
        "runs/2026-11/b.jsonl": [*inner, *unknown, ("stop", {"run_start": "b"})],
    }


def test_a_document_without_a_run_is_told_and_left_out(recorder, tmp_path, caplog):
    with caplog.at_level(logging.ERROR):
        recorder.take("event", {"descriptor": "none"})
        take(recorder, run("a"))
        recorder.take("event", {"descriptor": "a-d"})
    assert caplog.text.count("belongs to no open run") == 2
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": run("a")}


def test_a_repeated_uid_gets_a_file_of_its_own(recorder, tmp_path):
    for _ in range(3):
        take(recorder, run("a"))
    assert list(files(tmp_path)) == ["runs/2026-11/a.2.jsonl", "runs/2026-11/a.3.jsonl", "runs/2026-11/a.jsonl"]
    assert recorder.name_of("a") == "runs/2026-11/a.3.jsonl"


def test_a_uid_that_is_open_is_not_opened_again(recorder):
    recorder.take("start", start("a"))
    with pytest.raises(RecordError, match="open already"):
        recorder.take("start", start("a"))


@pytest.mark.parametrize("uid", ["../../etc/x", "", ".", "-x", "a/b", "ü" * 100, "x" * 200, "\ud800", "a\0b"])
def test_a_uid_that_is_no_name_of_a_file_is_told_by_its_digest(recorder, tmp_path, uid):
    take(recorder, run(uid))
    [(name, documents)] = files(tmp_path).items()
    assert name == recorder.name_of(uid) == f"runs/2026-11/{name_file(uid)}.jsonl"
    assert documents == run(uid)
    attempt = AttemptKey("item", "submission", "default", 1, 1)
    assert RunOpened(number=0, attempt=attempt, run_uid="u", file=name).file == name


@pytest.mark.parametrize("time", [None, "soon", math.nan, 1e300])
def test_a_start_that_does_not_say_when_is_refused(recorder, time, tmp_path):
    with pytest.raises(RecordError, match="does not say when"):
        recorder.take("start", start("a", time))
    assert not (tmp_path / "runs").exists()


def test_first_and_last_document_are_on_the_disk_when_they_are_taken(recorder, disk):
    for name, document in run("a", points=3):
        recorder.take(name, document)
    assert disk.asked == ["write", "sync", *["write"] * 5, "sync"]


def test_values_of_numpy_become_plain(recorder, tmp_path):
    take(recorder, [("start", start("a", levels=np.array([1.5, np.nan]), plan_args={"det": object}))])
    [[(_, document)]] = files(tmp_path).values()
    assert document["levels"][0] == 1.5
    assert math.isnan(document["levels"][1])
    assert document["plan_args"] == {"det": "<class 'object'>"}


# --- where the promise cannot be kept --------------------------------------------------------------------------------


def test_on_a_full_disk_the_document_is_refused_and_so_is_every_later_one_of_the_run(recorder, disk, tmp_path):
    documents = run("a", points=3)
    take(recorder, documents[:3])
    disk.room = 0
    for name, document in documents[3:5]:
        with pytest.raises(RecordError, match="No space left on device"):
            recorder.take(name, document)
    disk.room = None
    with pytest.raises(RecordError, match="No space left on device"):
        recorder.take("event", documents[4][1])
    # The end is written all the same, so that whoever reads the file knows how the run has ended.
    with pytest.raises(RecordError, match="No space left on device"):
        recorder.take("stop", documents[-1][1])
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": [*documents[:3], documents[-1]]}
    assert "No space left on device" in recorder.settle()
    assert recorder.settle() == ""
    take(recorder, run("b"))
    assert recorder.settle() == ""


def test_a_run_whose_start_is_not_recorded_is_refused(recorder, disk, tmp_path):
    disk.failing_syncs = True
    with pytest.raises(RecordError, match="may be lost"):
        recorder.take("start", start("a"))
    assert recorder.name_of("a") == ""
    assert "may be lost" in recorder.settle()


def test_a_stop_that_is_not_on_the_disk_is_refused(recorder, disk):
    take(recorder, run("a")[:-1])
    disk.failing_syncs = True
    with pytest.raises(RecordError, match="may be lost"):
        recorder.take(*run("a")[-1])
    assert "may be lost" in recorder.settle()


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    recorder = Recorder(tmp_path, Syncer())
    with pytest.raises(RecordError, match=f"cannot be recorded in {tmp_path}/runs/2026-11: "):
        recorder.take("start", start("a"))


def test_a_document_that_contains_itself_is_refused_and_so_is_every_later_one_of_the_run(recorder, tmp_path):
    documents = run("a", points=2)
    cycle: dict = {"uid": "e", "descriptor": "a-d"}
    cycle["data"] = cycle
    take(recorder, documents[:3])
    for event in (cycle, documents[3][1]):
        with pytest.raises(RecordError, match="contains itself"):
            recorder.take("event", event)
    assert "contains itself" in recorder.settle()
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": documents[:3]}


def test_what_is_left_open_is_closed_with_the_attempt(recorder, tmp_path, caplog):
    take(recorder, run("a")[:3])
    assert recorder.settle() == ""
    assert "a has no end" in caplog.text
    assert files(tmp_path) == {"runs/2026-11/a.jsonl": run("a")[:3]}


def test_documents_of_several_threads_are_all_recorded(recorder, tmp_path):
    take(recorder, run("a")[:2])

    def emit(thread):
        for number in range(200):
            recorder.take("event", {"uid": f"{thread}-{number}", "descriptor": "a-d", "data": {"x": "y" * number}})

    threads = [threading.Thread(target=emit, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    recorder.take(*run("a")[-1])
    [documents] = files(tmp_path).values()
    emitted = [document["uid"] for name, document in documents if name == "event"]
    assert sorted(emitted) == sorted(f"{thread}-{number}" for thread in range(4) for number in range(200))
    for thread in range(4):
        assert [uid for uid in emitted if uid.startswith(f"{thread}-")] == [f"{thread}-{n}" for n in range(200)]
