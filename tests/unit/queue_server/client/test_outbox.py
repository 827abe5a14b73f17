"""Reports are numbered and kept until acknowledged; finish records outlive the process."""

from __future__ import annotations

import errno
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_server.client.outbox import (
    MOST_RECORDS,
    UNNUMBERED,
    WINDOW,
    FinishRecords,
    Outbox,
    finish_record_path,
    read_finish_records,
)
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    CatalogPage,
    EnvironmentClosed,
    ItemFinished,
    REStateChanged,
    RunOpened,
    TaskFinished,
)


def key(number):
    return AttemptKey(f"item-{number}", f"submission-{number}", "default", 1, 1)


def state(re_state="running"):
    return REStateChanged(number=UNNUMBERED, re_state=re_state)


def finish(number, message=""):
    return ItemFinished(
        number=UNNUMBERED,
        attempt=key(number),
        outcome="failed",
        time_start=1.0,
        time_stop=2.0,
        message=message,
    )


def send_all(outbox) -> list[Any]:
    sent = []
    while (report := outbox.take_next()) is not None:
        sent.append(report)
    return sent


def send_numbers(outbox):
    return [report.number for report in send_all(outbox)]


@pytest.fixture
def path(tmp_path):
    return finish_record_path(tmp_path, "one")


@pytest.fixture
def records(path):
    records = FinishRecords(path)
    yield records
    records.close(remove=False)


# --- numbers ---------------------------------------------------------------------------------------------------


def test_reports_are_numbered_from_one_in_their_order():
    outbox = Outbox()
    for re_state in ("running", "pausing", "paused"):
        outbox.put(state(re_state))
    sent = send_all(outbox)
    assert [(report.number, report.re_state) for report in sent] == [(1, "running"), (2, "pausing"), (3, "paused")]
    assert outbox.take_next() is None


def test_what_is_not_acknowledged_is_sent_again_in_order_on_a_new_connection():
    outbox = Outbox()
    for _ in range(4):
        outbox.put(state())
    outbox.take_next()
    outbox.take_next()
    outbox.acknowledge(1)
    assert outbox.first_number == 2
    outbox.rewind()
    assert send_numbers(outbox) == [2, 3, 4]


def test_the_first_number_of_an_empty_outbox_is_the_next_one():
    outbox = Outbox()
    assert outbox.first_number == 1
    outbox.put(state())
    send_all(outbox)
    outbox.acknowledge(1)
    assert outbox.is_empty
    assert outbox.first_number == 2


def test_a_report_that_could_not_be_sent_comes_next_again():
    outbox = Outbox()
    outbox.put(state("running"))
    outbox.put(state("idle"))
    outbox.take_next()
    outbox.give_back()
    assert [report.re_state for report in send_all(outbox)] == ["running", "idle"]


def test_what_was_not_sent_cannot_be_acknowledged():
    outbox = Outbox()
    outbox.put(state())
    outbox.acknowledge(5)
    assert not outbox.is_empty
    assert send_numbers(outbox) == [1]


@given(st.lists(st.one_of(st.sampled_from(["put", "send", "fail", "rewind"]), st.integers(0, 12)), max_size=40))
def test_nothing_is_lost_or_reordered_whatever_happens(steps):
    outbox, put, acknowledged, sent = Outbox(), 0, 0, 0
    for step in steps:
        if step == "put":
            outbox.put(state(f"state {put}"))
            put += 1
        elif step in ("send", "fail"):
            report: Any = outbox.take_next()
            assert (report is None) == (sent == put)
            if report is not None:
                assert (report.number, report.re_state) == (sent + 1, f"state {sent}")
                sent += step == "send"
                if step == "fail":
                    outbox.give_back()
        elif step == "rewind":
            outbox.rewind()
            sent = acknowledged
        else:
            outbox.acknowledge(step)
            acknowledged = max(acknowledged, min(step, sent))
        assert outbox.first_number == acknowledged + 1
    outbox.rewind()
    assert [report.re_state for report in send_all(outbox)] == [f"state {n}" for n in range(acknowledged, put)]


def test_waiting_ends_when_everything_is_acknowledged():
    outbox = Outbox()
    outbox.put(EnvironmentClosed(number=UNNUMBERED))
    send_all(outbox)
    assert not outbox.wait_empty(0.0)
    threading.Thread(target=outbox.acknowledge, args=(1,)).start()
    assert outbox.wait_empty(5.0)


# --- bounds ----------------------------------------------------------------------------------------------------


def test_a_full_outbox_drops_the_oldest_reports_that_are_told_again_and_leaves_no_gap(caplog):
    outbox = Outbox(capacity=3)
    outbox.put(finish(1))
    outbox.put(RunOpened(number=UNNUMBERED, attempt=key(1), run_uid="a"))
    for re_state in ("one", "two", "three"):
        outbox.put(state(re_state))
    outbox.put(finish(2))
    sent = send_all(outbox)
    assert [report.number for report in sent] == [1, 2, 3]
    assert [type(report) for report in sent] == [ItemFinished, REStateChanged, ItemFinished]
    assert sent[1].re_state == "three"
    assert len(caplog.records) == 1


def test_what_is_on_its_way_is_not_dropped():
    outbox = Outbox(capacity=2)
    outbox.put(state("sent"))
    outbox.take_next()
    for re_state in ("first", "second", "third"):
        outbox.put(state(re_state))
    outbox.rewind()
    assert [report.re_state for report in send_all(outbox)] == ["sent", "third"]


def test_a_full_outbox_without_anything_to_drop_keeps_all():
    outbox = Outbox(capacity=1)
    for number in range(3):
        outbox.put(finish(number))
    assert send_numbers(outbox) == [1, 2, 3]


def test_no_more_reports_are_under_way_than_the_window_holds():
    outbox = Outbox()
    for _ in range(WINDOW + 5):
        outbox.put(state())
    assert len(send_all(outbox)) == WINDOW
    outbox.acknowledge(3)
    assert send_numbers(outbox) == [WINDOW + 1, WINDOW + 2, WINDOW + 3]


@pytest.mark.parametrize(("message", "error"), [("\udcff", TypeError), ("x" * 1_100_000, ValueError)])
def test_whoever_reports_what_cannot_be_sent_learns_it(message, error):
    outbox = Outbox()
    with pytest.raises(error):
        outbox.put(finish(1, message))
    assert outbox.is_empty


# --- finish records --------------------------------------------------------------------------------------------


def test_a_finish_record_is_on_the_disk_before_it_can_be_sent(path, records):
    outbox = Outbox(records)
    assert read_finish_records(path) == ()
    outbox.put(finish(1, "first"))
    outbox.put(finish(2, "second"))
    assert [record.message for record in read_finish_records(path)] == ["first", "second"]
    assert read_finish_records(path)[0].attempt == key(1)


def test_records_that_nobody_needs_any_more_are_overwritten(path, records):
    outbox = Outbox(records)
    for number in range(500):
        outbox.put(state())
        outbox.put(finish(number, "x" * 1000))
        outbox.put(state())
        outbox.acknowledge(send_all(outbox)[-1].number - 1)
    outbox.put(finish(501, "short"))
    assert [record.message for record in read_finish_records(path)] == ["short"]
    assert path.stat().st_size <= 64 * 1024


def test_the_file_is_removed_unless_a_finish_is_not_acknowledged(path):
    outbox = Outbox(FinishRecords(path))
    outbox.put(finish(1))
    outbox.put(state())
    send_all(outbox)
    outbox.acknowledge(1)
    outbox.close()
    assert not path.exists()
    outbox = Outbox(FinishRecords(path))
    outbox.put(finish(1))
    outbox.close()
    assert path.exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_in_a_directory_that_is_shared_with_a_group_the_group_can_read_it(tmp_path):
    tmp_path.chmod(0o2770)
    outbox = Outbox(FinishRecords(tmp_path / "outbox-shared"))
    outbox.put(finish(1))
    outbox.close()
    assert (tmp_path / "outbox-shared").stat().st_mode & 0o777 == 0o640


def test_the_file_of_another_process_is_not_touched(path, records):
    with pytest.raises(FileExistsError):
        FinishRecords(path)


def test_reading_where_there_is_no_file_finds_nothing(path):
    assert read_finish_records(path) == ()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_torn_record_ends_the_reading(path, records, damage):
    outbox = Outbox(records)
    outbox.put(finish(1, "whole"))
    outbox.put(finish(2, "torn"))
    content = bytearray(path.read_bytes().rstrip(b"\0"))
    if damage == "cut":
        content = content[:-5]
    elif damage == "flip":
        content[-5] ^= 1
    else:
        content = bytearray()
    path.write_bytes(content)
    assert [record.message for record in read_finish_records(path)] == ([] if damage == "empty" else ["whole"])


class BrokenDisk:
    """Finish records on a disk that does not work."""

    appended = 0
    is_closed = False

    def append(self, record, *, alone):
        self.appended += 1
        raise OSError(errno.EIO, "broken")

    def close(self, *, remove):
        assert not remove
        self.is_closed = True


def test_a_disk_that_fails_costs_the_record_but_not_the_report_and_is_not_tried_again(caplog):
    disk: Any = BrokenDisk()
    outbox = Outbox(disk)
    outbox.put(finish(1))
    outbox.put(finish(2))
    assert send_numbers(outbox) == [1, 2]
    assert (disk.appended, disk.is_closed) == (1, True)
    assert len(caplog.records) == 1


def test_a_file_that_would_grow_beyond_its_limit_is_not_written_any_more(path, caplog):
    outbox = Outbox(FinishRecords(path))
    for number in range(5):
        outbox.put(finish(number, "x" * 900_000))
    assert len(read_finish_records(path)) == 4
    for number in range(1, 6):
        assert send_numbers(outbox) == [number]
        outbox.acknowledge(number)
    assert "would exceed" in caplog.text


# --- tasks -----------------------------------------------------------------------------------------------------


def test_the_ends_of_tasks_are_known_until_they_are_acknowledged():
    outbox = Outbox()
    for uid in ("one", "two"):
        outbox.put(TaskFinished(number=UNNUMBERED, task_uid=uid, success=True, time_start=1.0, time_stop=2.0))
        outbox.put(state())
    first = outbox.take_next()
    assert first is not None
    assert outbox.ended_tasks == ("one", "two")
    outbox.acknowledge(first.number)
    assert outbox.ended_tasks == ("two",)
    outbox.rewind()
    assert outbox.ended_tasks == ("two",)


# --- a file that is not trusted --------------------------------------------------------------------------------


def test_a_link_in_the_place_of_the_file_is_not_followed(path, tmp_path):
    other = tmp_path / "other"
    records = FinishRecords(other)
    records.append(finish(1), alone=True)
    records.close(remove=False)
    path.symlink_to(other)
    with pytest.raises(OSError, match="symbolic link"):
        read_finish_records(path)


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(OSError, match="ordinary file"):
        read_finish_records(path)


def test_of_too_many_records_the_first_are_read(path, caplog):
    outbox = FinishRecords(path)
    for number in range(MOST_RECORDS + 5):
        outbox.append(finish(number), alone=False)
    outbox.close(remove=False)
    assert len(read_finish_records(path)) == MOST_RECORDS
    assert "passed over" in caplog.text


# --- the window ------------------------------------------------------------------------------------------------


def test_so_many_bytes_wait_for_an_acknowledgement_and_pages_do_not_count():
    outbox = Outbox()
    entries = {"device": {"text": "x" * 900_000}}
    for _ in range(10):
        outbox.put(CatalogPage(number=UNNUMBERED, catalog="devices", first=False, entries=entries))
    for number in range(4):
        outbox.put(finish(number, "x" * 450_000))
    assert send_numbers(outbox) == list(range(1, 13))
    outbox.rewind()
    assert send_numbers(outbox) == list(range(1, 13))
    outbox.acknowledge(11)
    assert send_numbers(outbox) == [13]
    outbox.give_back()
    assert send_numbers(outbox) == [13]
    outbox.acknowledge(13)
    assert send_numbers(outbox) == [14]
