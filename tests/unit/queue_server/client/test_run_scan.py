"""What files of runs tell for the index: from the first and the last line, without what cannot be stored."""

from __future__ import annotations

import math

import pytest

from queue_server.client.run_scan import scan_runs
from queue_server.protocol.methods.recordings import RunEntry
from tests.doubles.recorded_runs import RUN_UID, descriptor, documents, event, recorded, row, start, stop, write_run


@pytest.fixture
def scan(tmp_path):
    """Return what the file of a run with these documents tells, after checking that the manager takes it."""

    def read(*given, torn=b""):
        path = write_run(tmp_path / recorded()["file"], given)
        path.write_bytes(path.read_bytes() + torn)
        told = []
        found = list(scan_runs(tmp_path, told.append))
        for entry in found:
            RunEntry.model_validate(entry)
        return found, told

    return read


def test_a_run_is_told_as_it_was_recorded(scan):
    known = {"item_uid": "i", "submission": "s", "attempt": 3, "lane": "b"}
    [entry], told = scan(start(cuelight=known), *documents(3)[1:])
    assert entry == {
        "uid": RUN_UID,
        "file": recorded()["file"],
        "time_start": 100.0,
        "scan_id": 7,
        "plan_name": "scan",
        "exit_status": "success",
        "time_stop": 110.0,
        "num_events": {"primary": 3, "baseline": 1},
        **known,
    }
    assert told == []


@pytest.mark.parametrize("torn", [b"", b'["stop", {"exit', b'["stop",{}]x'])
def test_a_run_that_was_cut_off_has_no_end(torn, scan):
    [entry], _ = scan(start(), descriptor(), event(1, row(1)), torn=torn)
    assert "exit_status" not in entry
    assert "time_stop" not in entry


def test_a_long_run_is_not_read_as_a_whole(scan):
    picture = {"picture": [1] * 1_000_000}
    [entry], _ = scan(start(), descriptor(), event(1, picture), stop(primary=1))
    assert entry["exit_status"] == "success"
    [entry], _ = scan(start(), descriptor(), event(1, picture))
    assert "exit_status" not in entry


def test_what_cannot_be_stored_is_left_out(scan):
    odd = start(time=math.nan, scan_id=2**64, plan_name=["scan"], cuelight={"attempt": -1, "lane": 5, "item_uid": None})
    [entry], _ = scan(odd, stop("x", "y" * 200, primary=-1, **{"z" * 200: 1}, good=2))
    assert (entry["scan_id"], entry["plan_name"], entry["attempt"], entry["lane"]) == (None, "", 0, "")
    assert math.isfinite(entry["time_start"])
    assert (len(entry["exit_status"]), entry["num_events"]) == (128, {"good": 2})


@pytest.mark.parametrize("content", [b"", b"damage\n", b'["stop",{}]\n', b'["start",{"uid":5}]\n'])
def test_what_is_no_file_of_a_run_is_told_and_passed_over(content, scan, tmp_path):
    bad = tmp_path / "runs/1970-01/bad.jsonl"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(content)
    [entry], [told] = scan(*documents(1))
    assert entry["uid"] == RUN_UID
    assert told == f"{bad} is passed over: It does not begin with a start document."


def test_links_and_files_of_other_kinds_are_not_followed(scan, tmp_path):
    outside = write_run(tmp_path / "outside.jsonl", documents(1))
    (tmp_path / "runs/1970-01").mkdir(parents=True)
    (tmp_path / "runs/1970-01/link.jsonl").symlink_to(outside)
    (tmp_path / "runs/other").mkdir()
    write_run(tmp_path / "runs/other/x.jsonl", documents(1))
    (tmp_path / "runs/1970-01/x.txt").write_text("x")
    found, [told] = scan(*documents(1))
    assert [entry["uid"] for entry in found] == [RUN_UID]
    assert "link.jsonl is passed over" in told


def test_without_runs_there_is_nothing(tmp_path):
    assert list(scan_runs(tmp_path, print)) == []
