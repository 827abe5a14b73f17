"""The verbs of recorded runs: lists that go on, documents and tables from the data directory or from a file."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from queue_server.client.run_file import read_documents
from tests.doubles.recorded_runs import RUN_UID, documents, recorded, start, write_run


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file of a run in the data directory."""
    monkeypatch.setenv("CUELIGHT_DATA", str(tmp_path / "data"))
    return write_run(tmp_path / "data" / recorded()["file"], documents(3))


@pytest.fixture
def bench(cuelight):
    """A manager whose index has one run."""
    cuelight.answer("run_get", {"run": recorded()})
    cuelight.answer("run_list", {"runs": [recorded()], "next_cursor": None})
    return cuelight


def test_runs_are_listed_with_what_is_known_of_them(bench):
    odd = recorded("r2", scan_id=None, is_open=True, exit_status=None, time_stop=None, num_events={})
    lost = recorded("r3", exit_status=None, time_stop=None, plan_name="")
    bench.answer("run_list", {"runs": [recorded(), odd, lost], "next_cursor": "5.0_1"})
    ended = bench("runs", "list", "--limit", "3")
    assert ended.code == 0
    header, first, second, third = ended.out.splitlines()
    assert header.split() == ["STARTED", "SCAN", "PLAN", "LANE", "STATE", "EVENTS", "RUN"]
    assert first.split()[-6:] == ["scan", "default", "success", "primary:3", "baseline:1", RUN_UID]
    assert (second.split()[-2:], third.split()[-4:-1]) == (["open", "r2"], ["unknown", "primary:3", "baseline:1"])
    assert "--cursor 5.0_1" in ended.err


def test_short_pages_are_gone_through_until_there_are_enough(bench):
    pages = {
        None: {"runs": [], "next_cursor": "a"},
        "a": {"runs": [recorded("r1")], "next_cursor": "b"},
        "b": {"runs": [recorded("r2")], "next_cursor": "c"},
    }
    bench.answer("run_list", lambda params: pages[params.get("cursor")])
    reply = json.loads(bench("runs", "list", "--limit", "2", "--json").out)
    assert ([run["uid"] for run in reply["runs"]], reply["next_cursor"]) == (["r1", "r2"], "c")
    assert [(params["limit"], params.get("cursor")) for _, params in bench.requests] == [(2, None), (2, "a"), (1, "b")]


def test_a_run_is_shown_with_its_streams_where_its_documents_are_at_hand(bench, file):
    shown = bench("runs", "show", RUN_UID)
    assert shown.code == 0
    assert all(word in shown.out for word in (RUN_UID, "scan", "success", "10 s", "item-1", "u2[2 x 3]", "baseline"))
    assert json.loads(bench("runs", "show", RUN_UID, "--json").out)["run"] == recorded()
    assert bench("runs", "show", RUN_UID, "--field", "run.scan_id").out == "7\n"


def test_a_run_whose_documents_are_elsewhere_is_shown_with_where(bench, file):
    bench.answer("run_get", {"run": recorded(host="far.example.org")})
    shown = bench("runs", "show", RUN_UID)
    assert (shown.code, "STREAM" in shown.out, "on the host far.example.org" in shown.err) == (0, False, True)


def test_documents_are_printed_as_json_lines(bench, file):
    ended = bench("runs", "documents", RUN_UID)
    assert (ended.code, ended.out) == (0, file.read_text())


def test_a_table_is_csv_and_tells_what_it_lacks(bench, file):
    ended = bench("runs", "table", RUN_UID)
    assert [row["motor"] for row in csv.DictReader(io.StringIO(ended.out))] == ["1.0", "2.0", "3.0"]
    assert "Left out, since CSV has no arrays: image." in ended.err


def test_a_table_goes_into_a_file(bench, file, tmp_path):
    place = tmp_path / "out.parquet"
    place.write_text("older")
    ended = bench("runs", "table", RUN_UID, "--format", "parquet", "--output", str(place))
    assert (ended.code, ended.out) == (0, "")
    assert pq.read_table(place).num_rows == 3
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_failure_leaves_the_file_that_was_there(bench, file, tmp_path):
    place = tmp_path / "out.csv"
    place.write_text("older")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:5], b"damage\n", *lines[5:]]))
    ended = bench("runs", "documents", RUN_UID, "--output", str(place))
    assert (ended.code, "Line 6" in ended.err, place.read_text()) == (5, True, "older")
    assert bench("runs", "table", RUN_UID, "-o", str(tmp_path / "missing" / "x.csv")).code != 0


def test_a_file_needs_no_manager(bench, file, tmp_path):
    place = tmp_path / "table.arrow"
    ended = bench("runs", "table", str(file), "--stream", "baseline", "--format", "arrow", "--output", str(place))
    assert (ended.code, bench.requests) == (0, [])
    with pa.memory_map(str(place)) as source:
        assert pa.ipc.open_file(source).read_all().column("temperature").to_pylist() == [295.5]


def test_a_run_is_exported_into_a_directory(bench, file, tmp_path):
    directory = tmp_path / "out"
    ended = bench("runs", "export", RUN_UID, str(directory), "--format", "csv", "--json")
    assert json.loads(ended.out)["files"] == ["documents.jsonl", "baseline.csv", "primary.csv", "primary.image.npy"]
    assert list(read_documents(directory / "documents.jsonl")) == documents(3)
    assert np.load(directory / "primary.image.npy").shape == (3, 2, 3)
    again = bench("runs", "export", RUN_UID, str(directory))
    assert (again.code, "exists already" in again.err) == (1, True)


def test_what_the_index_lacks_is_added_from_the_files(bench, file):
    far = file.parent / "far.jsonl"
    write_run(far, [start("far", cuelight={"item_uid": "i", "submission": "s", "attempt": 2, "lane": "b"})])
    (file.parent / "damaged.jsonl").write_text("damage")
    bench.answer("run_add", {"added": 1})
    ended = bench("runs", "index", "--json")
    [(_, params)] = bench.requests
    given = {run["uid"]: run for run in params["runs"]}
    assert given.keys() == {RUN_UID, "far"}
    assert (given["far"]["item_uid"], given["far"]["attempt"], given["far"]["lane"]) == ("i", 2, "b")
    assert "exit_status" not in given["far"]
    assert json.loads(ended.out) == {"success": True, "msg": "", "looked_at": 2, "added": 1}
    assert "damaged.jsonl is passed over: It does not begin with a start document." in ended.err


REFUSED = {
    "a stream that is not there": (("table", RUN_UID, "--stream", "x"), 2, "it has 'baseline', 'primary'"),
    "an unknown format": (("table", RUN_UID, "--format", "xlsx"), 1, "xlsx"),
    "a file that is not there": (("table", "/nowhere/run.jsonl"), 2, "There is no file"),
    "a file in the place of a uid": (("show", "run.jsonl"), 1, "Name the uid"),
    "a data directory without the run": (("table", RUN_UID, "--data", "/nowhere"), 2, "bring the file back"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_done_is_refused_with_a_reason(what, bench, file):
    words, code, text = REFUSED[what]
    ended = bench("runs", *words)
    assert (ended.code, text in ended.err, ended.out) == (code, True, "")


def test_the_words_of_a_refusal_are_those_of_the_manager(bench, file):
    bench.answer("run_get", {"success": False, "msg": "No run.", "error": {"code": "not_found", "details": {}}})
    ended = bench("runs", "table", RUN_UID)
    assert (ended.code, "No run." in ended.err) == (2, True)
