"""Plans run, fail, pause and end in a real RunEngine; what is late or repeated changes nothing."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import (
    Close,
    Execute,
    Heartbeat,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    Progress,
    REStateChanged,
    RunClosed,
    RunOpened,
)
from tests.doubles.router import PATIENCE_S
from tests.doubles.worker_process import STARTUP


def test_a_plan_completes_with_its_runs_and_points(new_plan):
    plan = new_plan().order("count", ["det1"], num=3)
    finished = plan.finished()
    assert (finished.outcome, finished.message, finished.traceback, finished.points) == ("completed", "", "", 3)
    assert 0 <= finished.time_stop - finished.time_start < PATIENCE_S
    reports = plan.reports(ItemAcknowledged, REStateChanged, RunOpened, RunClosed, ItemFinished)
    assert [report.kind for report in reports] == [
        "item_acknowledged",
        "re_state_changed",
        "run_opened",
        "run_closed",
        "re_state_changed",
        "item_finished",
    ]
    assert plan.states == ["running", "idle"]
    (opened,), (closed,) = plan.reports(RunOpened), plan.reports(RunClosed)
    assert (opened.run_uid, closed.run_uid) == (finished.run_uids[0], finished.run_uids[0])
    assert (opened.scan_id, closed.exit_status) == (finished.scan_ids[0], "success")
    progress = plan.reports(Progress)[-1]
    assert (progress.points, progress.total) == (3, 3)
    assert plan.router.messages.index(progress) < plan.router.messages.index(finished)


@pytest.mark.parametrize(
    ("name", "arguments", "points"),
    [
        ("two_runs", [4], 8),
        ("grid_scan", [["det1"], "motor1", -1, 1, 3, "motor2", -1, 1, 4], 12),
        ("do_nothing", [], 0),
    ],
)
def test_the_last_progress_tells_all_points_of_all_runs(new_plan, name, arguments, points):
    plan = new_plan().order(name, *arguments)
    assert plan.finished().points == points
    last = plan.reports(Progress)[-1:]
    assert [(progress.points, progress.total) for progress in last] == ([(points, points)] if points else [])


def test_the_start_document_tells_which_attempt_a_run_belongs_to(new_plan):
    plan = new_plan().order("print_start", "cuelight")
    plan.finished()
    key = plan.key
    expected = {"item_uid": key.item_uid, "submission": key.submission, "attempt": 1, "lane": "default"}
    plan.router.wait_for_console(str(expected))


def test_what_a_plan_prints_reaches_the_manager_and_the_log(new_plan, worker_log):
    plan = new_plan().order("talk", "good morning")
    plan.finished()
    plan.router.wait_for_console("\ngood morning\n")
    plan.router.wait_for_console("to stderr: good morning\n")
    assert "good morning" in worker_log.read_text()


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("fail", ["no beam"], "ValueError: no beam"),
        ("leave", ["exit"], "enough"),
        ("leave", ["interrupt"], "KeyboardInterrupt"),
        ("leave_at_once", [], "SystemExit"),
        ("count", [["no_such_detector"]], "no_such_detector"),
        ("count", [], "detectors"),
        ("no_such_plan", [], "'no_such_plan'"),
    ],
)
def test_a_plan_that_cannot_be_run_fails_with_the_reason(new_plan, name, arguments, words):
    finished = new_plan().order(name, *arguments).finished()
    assert finished.outcome == "failed"
    assert words in finished.message


def test_an_item_that_does_not_fit_is_never_acknowledged_as_handed_over(new_plan):
    plan = new_plan().order("no_such_plan")
    assert plan.finished().traceback == ""
    assert plan.reports(ItemAcknowledged) == []


def test_the_traceback_of_a_failure_begins_with_the_plan_and_not_with_the_worker(new_plan):
    plan = new_plan().order("fail", "no beam")
    finished = plan.finished()
    assert STARTUP.name in finished.traceback
    assert "device_worker" not in finished.traceback
    assert [report.exit_status for report in plan.reports(RunClosed)] == ["fail"]


# --- pausing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["deferred", "immediate"])
def test_a_paused_plan_resumes_and_completes(new_plan, go, option):
    plan = new_plan().order("measure_around", str(go)).started().pause(option).paused()
    go.touch()
    finished = plan.proceed("resume").finished()
    assert (finished.outcome, finished.points) == ("completed", 2)
    assert plan.states == ["running", "pausing", "paused", "running", "idle"]


@pytest.mark.parametrize(
    ("option", "outcome", "exit_status"),
    [("stop", "stopped", "success"), ("abort", "aborted", "abort"), ("halt", "halted", "abort")],
)
def test_a_paused_plan_can_be_ended(new_plan, go, option, outcome, exit_status):
    plan = new_plan().order("measure_around", str(go)).started().pause().paused()
    finished = plan.proceed(option).finished()
    assert (finished.outcome, finished.points) == (outcome, 1)
    assert [report.exit_status for report in plan.reports(RunClosed)] == [exit_status]


def test_a_plan_can_be_paused_again_after_it_was_resumed(new_plan, go):
    plan = new_plan().order("measure_around", str(go)).started()
    for _ in range(2):
        plan.pause().paused().proceed("resume")
        plan.router.wait_for(REStateChanged, lambda message: message.re_state == "running")
    go.touch()
    assert plan.finished().outcome == "completed"


def test_a_point_that_is_measured_again_after_a_pause_counts_once(new_plan, go):
    plan = new_plan().order("measure_twice_in_one_step", str(go)).started().pause().paused()
    go.touch()
    assert plan.proceed("resume").finished().points == 2


def test_a_pause_that_comes_with_the_item_waits_for_the_plan_to_begin(new_plan, go):
    plan = new_plan().order("measure_around", str(go)).pause().paused()
    assert plan.proceed("abort").finished().outcome == "aborted"


def test_a_failure_while_a_plan_is_being_stopped_is_a_failure(new_plan, go):
    plan = new_plan().order("fail_in_cleanup", str(go)).started(0).pause().paused()
    finished = plan.proceed("stop").finished()
    assert (finished.outcome, finished.message) == ("failed", "OSError: the shutter is stuck")


def test_a_pause_where_none_is_possible_aborts_the_plan_and_says_so(new_plan, go):
    finished = new_plan().order("measure_without_checkpoint", str(go)).started().pause().finished()
    assert finished.outcome == "aborted"
    assert "could not have been resumed" in finished.message


def test_a_deferred_pause_that_meets_no_checkpoint_lets_the_plan_complete(new_plan, go):
    plan = new_plan().order("measure_without_checkpoint", str(go)).started().pause("deferred")
    plan.router.wait_for_console("Deferred pause acknowledged")
    go.touch()
    assert plan.finished().outcome == "completed"


def test_orders_that_cannot_be_carried_out_are_refused(new_plan, go):
    plan = new_plan().order("measure_around", str(go)).started().proceed("abort")
    refused = plan.router.wait_for(OrderRefused)
    assert (refused.order, refused.attempt) == ("abort", plan.key)
    plan.pause().paused().pause()
    assert plan.router.wait_for(OrderRefused).order == "pause"
    assert plan.proceed("stop").proceed("resume").finished().outcome == "stopped"


def test_a_plan_that_blocks_the_event_loop_is_seen_and_is_paused_when_it_goes_on(new_plan, go):
    plan = new_plan().order("block_loop", str(go)).started().pause()
    plan.router.wait_for(Heartbeat, lambda message: message.main_thread_age_s > 1.5)
    plan.proceed("resume")
    assert plan.router.wait_for(OrderRefused).order == "resume"
    go.touch()
    assert plan.paused().proceed("abort").finished().outcome == "aborted"
    plan.router.wait_for(Heartbeat, lambda message: message.main_thread_age_s == 0)


# --- fences --------------------------------------------------------------------------------------------------


def test_an_item_is_executed_once_however_often_it_is_ordered(new_plan, go):
    first, second = new_plan(), new_plan()
    first.order("measure_around", str(go)).started().order("measure_around", str(go))
    second.order("count", ["det1"])
    go.touch()
    first.finished()
    first.order("measure_around", str(go))
    third = new_plan().order("count", ["det1"])
    assert third.finished().outcome == "completed"
    assert [len(plan.reports(ItemFinished)) for plan in (first, second, third)] == [1, 0, 1]
    assert len(first.reports(ItemAcknowledged)) == 1


def test_late_and_foreign_orders_change_nothing(new_plan, go):
    later, foreign, other = new_plan(epoch=99), new_plan(lane="other"), new_plan()
    later.order("count", ["det1"])
    foreign.order("count", ["det1"])
    plan = new_plan().order("measure_around", str(go)).started()
    other.pause().proceed("abort")
    later.pause("deferred")
    plan.router.send(Close())
    plan.router.send_frames(b"\x00 no message")
    plan.router.send_frames(b"two", b"frames")
    go.touch()
    assert plan.finished().outcome == "completed"
    assert plan.states == ["running", "idle"]
    assert plan.router.of(OrderRefused) == []
    assert [len(stray.reports(ItemFinished)) for stray in (later, foreign, other)] == [0, 0, 0]


def test_an_item_that_is_no_plan_fails(new_plan):
    plan = new_plan()
    plan.router.send(Execute(attempt=plan.key, content={"item_type": "instruction", "name": "queue_stop"}))
    assert "instruction" in plan.finished().message
