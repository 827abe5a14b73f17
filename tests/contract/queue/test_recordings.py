"""The index of recorded runs, as clients see it: written with the reports of workers, kept whatever is cleared."""

from __future__ import annotations

import pytest

from queue_server.engine.allowance import MOST_RECORDED
from queue_server.protocol.items import Run
from queue_server.protocol.worker_link import RunClosed, RunOpened

FILE = "runs/1970-01/run-1.jsonl"


async def runs(bench, **wanted):
    """Return the runs that are listed."""
    return (await bench.do("run_list", **wanted))["runs"]


async def open_run(bench, uid="run-1", **more):
    """Let the running attempt open a run."""
    fields = {"scan_id": 7, "plan_name": "count", "time": 100.5, "file": f"runs/1970-01/{uid}.jsonl", **more}
    await bench.report(RunOpened, **{"attempt": bench.key, "run_uid": uid, **fields})


async def close_run(bench, uid="run-1", **more):
    """Let the running attempt close a run."""
    fields = {"exit_status": "success", "time": 105.5, "num_events": {"primary": 3}, **more}
    await bench.report(RunClosed, **{"attempt": bench.key, "run_uid": uid, **fields})


@pytest.fixture
async def started(bench):
    """The uid of a plan that was started and has opened no run yet."""
    await bench.open()
    [uid] = await bench.add("count")
    await bench.do("queue_start")
    return uid


async def test_a_run_is_in_the_index_from_its_opening_and_has_an_end_from_its_closing(bench, started):
    assert await runs(bench) == []
    await open_run(bench)
    opened = {
        "uid": "run-1",
        "scan_id": 7,
        "plan_name": "count",
        "lane": "default",
        "item_uid": started,
        "submission": bench.key.submission,
        "attempt": 1,
        "is_open": True,
        "exit_status": None,
        "time_start": 100.5,
        "time_stop": None,
        "num_events": {},
        "file": FILE,
        "host": "",
    }
    assert await runs(bench) == [opened]
    await close_run(bench)
    closed = opened | {"is_open": False, "exit_status": "success", "time_stop": 105.5, "num_events": {"primary": 3}}
    assert (await bench.do("run_get", run_uid="run-1"))["run"] == closed


async def test_the_index_outlives_the_history(bench, started):
    await open_run(bench)
    await close_run(bench)
    await bench.finish(run_uids=("run-1",), scan_ids=(7,))
    await bench.do("history_clear")
    [run] = await runs(bench, item_uid=started)
    assert run["exit_status"] == "success"


async def test_a_run_whose_worker_dies_is_open_no_more_and_has_no_end(bench, started):
    await open_run(bench)
    await bench.exit()
    [run] = await runs(bench)
    assert (run["is_open"], run["exit_status"], run["time_stop"]) == (False, None, None)


async def test_reports_without_times_have_those_of_their_arrival(bench, started):
    await open_run(bench, time=None)
    await close_run(bench, time=None)
    [run] = await runs(bench)
    assert (run["time_start"], run["time_stop"]) == (bench.clock.wall(), bench.clock.wall())


async def test_a_report_that_is_repeated_changes_nothing(bench, started):
    await open_run(bench)
    await open_run(bench)
    await close_run(bench)
    await close_run(bench, exit_status="fail")
    await open_run(bench)
    [run] = await runs(bench)
    assert run["exit_status"] == "success"


async def test_a_run_that_a_hello_has_told_first_is_in_the_index_once_it_is_reported(bench, started):
    bench.hello(attempt=bench.key, runs=(Run("run-1", 7),))
    await bench.settle()
    assert await runs(bench) == []
    await open_run(bench)
    [run] = await runs(bench)
    assert run["file"] == FILE


async def test_a_late_report_is_in_the_index_since_its_documents_are_in_a_file(bench, started):
    key = bench.key
    await bench.finish()
    await bench.report(RunOpened, attempt=key, run_uid="late", time=1.0, file="runs/1970-01/late.jsonl")
    await bench.report(RunClosed, attempt=key, run_uid="late", exit_status="success", time=2.0)
    [run] = await runs(bench)
    assert (run["uid"], run["item_uid"], run["exit_status"]) == ("late", started, "success")


async def test_late_reports_without_end_are_not(bench, started):
    key = bench.key
    await bench.finish()
    for number in range(MOST_RECORDED + 5):
        bench.tell(RunOpened, attempt=key, run_uid=f"late-{number}")
    await bench.settle()
    first = await bench.do("run_list", limit=1_000)
    assert len(first["runs"]) == MOST_RECORDED
    assert first["next_cursor"] is None


async def test_runs_are_listed_by_what_is_known_of_them(bench, started):
    for number, plan in enumerate(("count", "scan", "scan"), 1):
        await open_run(bench, f"run-{number}", scan_id=number, plan_name=plan, time=100.0 + number)
    assert [run["uid"] for run in await runs(bench)] == ["run-3", "run-2", "run-1"]
    assert [run["uid"] for run in await runs(bench, plan="scan")] == ["run-3", "run-2"]
    assert [run["uid"] for run in await runs(bench, scan_id=1)] == ["run-1"]
    assert [run["uid"] for run in await runs(bench, time_from=102.0, time_to=103.0)] == ["run-2"]
    assert await runs(bench, lane="other") == []
    first = await bench.do("run_list", limit=2)
    second = await bench.do("run_list", limit=2, cursor=first["next_cursor"])
    assert [run["uid"] for run in first["runs"] + second["runs"]] == ["run-3", "run-2", "run-1"]
    assert second["next_cursor"] is None


REFUSED = {
    "a cursor of nothing": ({"cursor": "x"}, "cursor"),
    "a limit of nothing": ({"limit": 0}, "limit"),
    "times that are none": ({"time_from": 2.0, "time_to": 1.0}, "time_to"),
    "a scan id that nothing can have": ({"scan_id": 2**63}, "scan_id"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_list_is_refused_by_the_name_of_the_field(what, bench):
    params, field = REFUSED[what]
    assert (await bench.refuse("run_list", **params))["error"]["details"]["field"] == field


async def test_a_run_that_nobody_has_recorded_is_not_found(bench):
    reply = await bench.refuse("run_get", run_uid="nothing")
    assert (reply["error"]["code"], reply["run"]) == ("not_found", {})


ENTRY = {"uid": "run-1", "file": FILE, "time_start": 100.5, "scan_id": 7, "plan_name": "count", "lane": "default"}
END = {"exit_status": "success", "time_stop": 105.5, "num_events": {"primary": 3}}


async def test_runs_that_the_index_lacks_are_added_once(bench):
    other = {**ENTRY, "uid": "run-2", "file": "runs/1970-01/run-2.jsonl", "item_uid": "i", "attempt": 2, **END}
    assert (await bench.do("run_add", runs=[ENTRY, other], user="anna"))["added"] == 2
    assert bench.events()[-1] == "run_add"
    assert (await bench.do("run_add", runs=[ENTRY, other]))["added"] == 0
    [second, first] = await runs(bench)
    assert (second["item_uid"], second["attempt"], second["exit_status"]) == ("i", 2, "success")
    assert (first["file"], first["exit_status"], first["is_open"]) == (FILE, None, False)


async def test_a_run_of_the_index_gets_the_end_that_no_report_has_told(bench, started):
    await open_run(bench)
    key = bench.key
    await bench.exit()
    told = {**ENTRY, "item_uid": started, "submission": key.submission, "attempt": 1}
    assert (await bench.do("run_add", runs=[told | {"plan_name": "other"}]))["added"] == 0
    assert (await bench.do("run_add", runs=[told | END]))["added"] == 1
    assert (await bench.do("run_add", runs=[told | END | {"exit_status": "fail"}]))["added"] == 0
    [run] = await runs(bench)
    assert (run["exit_status"], run["num_events"], run["plan_name"]) == ("success", {"primary": 3}, "count")


WRONG = {
    "a file outside": ({"file": "../secret.jsonl"}, "runs[1].file"),
    "no file": ({"file": ""}, "runs[1].file"),
    "a time that is none": ({"time_start": "noon"}, "runs[1].time_start"),
    "an end without a time": ({"exit_status": "success"}, "runs[1]"),
    "a field that no run has": ({"colour": "red"}, "runs[1].colour"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_of_runs_of_which_one_is_wrong_none_is_added(what, bench):
    change, field = WRONG[what]
    reply = await bench.refuse("run_add", runs=[ENTRY, {**ENTRY, "uid": "other", **change}])
    assert reply["error"]["details"]["field"] == field
    assert await runs(bench) == []
