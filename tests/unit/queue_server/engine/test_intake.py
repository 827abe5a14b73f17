"""What comes from workers: applied once, acknowledged after the commit, recorded when it is late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queue_server.protocol.items import DEFAULT_LANE, Outcome
from queue_server.protocol.worker_link import (
    CatalogPage,
    Console,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    Heartbeat,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    Progress,
    REStateChanged,
    RunOpened,
    Welcome,
)
from tests.doubles.bench import DEVICES, PLANS, USER, plan
from tests.doubles.stores import GatedStore


def finish_of(key, outcome: Outcome = "completed", **fields):
    """Return a finish report of an attempt."""
    return ItemFinished(number=1, attempt=key, outcome=outcome, time_start=1.0, time_stop=2.0, **fields)


# --- hello ----------------------------------------------------------------------------------------------------------


async def test_the_worker_that_was_started_is_welcomed_after_the_commit_and_watched(bench):
    await bench.do("environment_open")
    bench.hello(environment="loading")
    await bench.settle()
    assert bench.noted("expect") == [(DEFAULT_LANE, bench.incarnation)]
    assert bench.sent(Welcome) == [Welcome(epoch=1)]


async def test_a_worker_that_nobody_started_is_dismissed(bench):
    await bench.open()
    bench.hello(incarnation="a stranger")
    bench.intake.hear_hello(Hello(lane="nowhere", incarnation="another", pid=1, environment="open", next_report=1))
    await bench.settle()
    dismissed = [entry for entry in bench.noted("send") if isinstance(entry[1], Dismiss)]
    assert [incarnation for incarnation, _ in dismissed] == ["a stranger", "another"]
    assert "nowhere" in dismissed[1][1].reason
    assert bench.lane.worker.connected


# --- reports --------------------------------------------------------------------------------------------------------


async def test_a_report_is_acknowledged_only_after_its_commit(make_bench, store):
    gated = GatedStore(store)
    bench = await make_bench(gated)
    await bench.open()
    mark = len(bench.journal)
    gated.shut()
    number = bench.tell(REStateChanged, re_state="idle")
    await gated.wait_for_turn()
    assert bench.noted("acknowledge", mark) == []
    gated.open()
    await bench.settle()
    assert bench.noted("acknowledge", mark) == [(bench.incarnation, number)]


async def test_reports_are_acknowledged_in_their_order(executing):
    mark = len(executing.journal)
    numbers = [executing.tell(REStateChanged, attempt=executing.key, re_state="running") for _ in range(3)]
    await executing.settle()
    assert [number for _, number in executing.noted("acknowledge", mark)] == numbers


async def test_a_report_about_an_attempt_that_is_over_is_recorded_acknowledged_and_not_applied(executing, store):
    first = executing.key
    await executing.finish()
    state = executing.engine.state
    mark = len(executing.journal)
    number = await executing.report(RunOpened, attempt=first, run_uid="late", scan_id=2)

    assert executing.engine.state == state
    assert executing.noted("acknowledge", mark) == [(executing.incarnation, number)]
    [event] = [event for (event,) in executing.noted("event", mark)]
    assert (event.kind, event.data["report"]["run_uid"]) == ("late_report", "late")
    assert "late" in event.data["reason"]
    assert all(not running.runs for running in await store.transact(lambda tx: tx.running()))


@pytest.mark.parametrize("change", [{"epoch": 0}, {"number": 2}, {"submission": "other"}, {"item_uid": "other"}])
async def test_a_finish_under_another_fencing_token_is_late(executing, change):
    forged = replace(executing.key, **change)
    await executing.report(ItemFinished, attempt=forged, outcome="completed", time_start=1.0, time_stop=2.0)
    assert executing.events()[-1] == "late_report"
    assert executing.lane.attempt.key == executing.key
    assert (await executing.do("history_get"))["items"] == []


async def test_the_second_finish_of_an_attempt_changes_nothing(executing):
    report = {"attempt": executing.key, "outcome": "completed", "time_start": 1.0, "time_stop": 2.0}
    executing.tell(ItemFinished, **report)
    await executing.report(ItemFinished, **report)
    assert len((await executing.do("history_get"))["items"]) == 1
    assert executing.events()[-1] == "late_report"


async def test_a_report_of_a_worker_that_was_replaced_is_late(executing):
    old = executing.incarnation
    await executing.exit()
    await executing.open()
    await executing.report(EnvironmentClosed, incarnation=old)
    assert executing.events()[-1] == "late_report"
    assert executing.lane.worker.environment == "open"


async def test_a_refused_order_is_taken_back(executing):
    await executing.pause()
    await executing.do("re_resume")
    assert executing.status["manager_state"] == "executing_queue"
    await executing.report(OrderRefused, attempt=executing.key, order="resume", message="the motor is gone")
    assert executing.status["manager_state"] == "paused"


# --- the catalog ----------------------------------------------------------------------------------------------------


async def test_pages_are_not_acknowledged_before_the_environment_is_open(bench):
    await bench.do("environment_open")
    bench.hello(environment="loading")
    await bench.settle()
    bench.tell(CatalogPage, catalog="plans", first=True, entries={"count": PLANS["count"]})
    bench.tell(CatalogPage, catalog="plans", first=False, entries={"scan": PLANS["scan"]})
    bench.tell(CatalogPage, catalog="devices", first=True, entries=DEVICES)
    await bench.settle()
    assert bench.noted("acknowledge") == []
    assert set((await bench.do("plans_existing"))["plans_existing"]) == set(PLANS)

    before = bench.status
    number = await bench.report(EnvironmentOpened)
    assert bench.noted("acknowledge") == [(bench.incarnation, number)]
    reply = await bench.do("plans_existing")
    assert set(reply["plans_existing"]) == {"count", "scan"}
    assert reply["plans_existing_uid"] == bench.status["plans_existing_uid"] != before["plans_existing_uid"]


async def test_a_catalog_that_is_the_same_keeps_its_uids(bench):
    await bench.open()
    first = bench.status
    await bench.exit()
    await bench.open()
    names = ("plans_existing_uid", "devices_existing_uid", "plans_allowed_uid", "devices_allowed_uid")
    assert [bench.status[name] for name in names] == [first[name] for name in names]


async def test_the_first_page_drops_what_an_earlier_connection_had_begun(bench):
    await bench.do("environment_open")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries={"gone": PLANS["scan"]})
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries={"count": PLANS["count"]})
    await bench.report(EnvironmentOpened)
    assert set((await bench.do("plans_existing"))["plans_existing"]) == {"count"}


async def test_the_pages_of_a_worker_that_ends_while_it_opens_are_dropped(bench):
    await bench.do("environment_open")
    lost = bench.incarnation
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries=PLANS)
    await bench.exit()
    await bench.engine.post(lambda turn: bench.resources.adopt(turn, lost, EnvironmentOpened(number=2)))
    assert (await bench.do("plans_existing"))["plans_existing"] == {}


async def test_the_catalog_survives_the_manager(bench, make_bench, store):
    await bench.do("environment_open")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries={"count": PLANS["count"]})
    await bench.report(EnvironmentOpened)
    await bench.end()
    again = await make_bench(store.reopen())
    assert set((await again.do("plans_existing"))["plans_existing"]) == {"count"}
    assert (await again.do("devices_existing"))["devices_existing"] == {}


async def test_permissions_of_the_startup_directory_are_kept_and_applied(bench):
    only_scan = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}
    await bench.do("environment_open")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries=PLANS)
    await bench.report(EnvironmentOpened, permissions=only_scan)
    assert (await bench.do("permissions_get"))["user_group_permissions"] == only_scan
    assert set((await bench.do("plans_allowed", user_group="primary"))["plans_allowed"]) == {"scan"}
    refused = await bench.refuse("queue_item_add", item=plan("count"), **USER)
    assert "not in the list of allowed plans" in refused["msg"]


async def test_wrong_permissions_leave_the_last_good_ones(bench):
    await bench.open()
    before = await bench.do("permissions_get")
    await bench.exit()
    await bench.do("environment_open")
    bench.hello(environment="loading")
    await bench.report(EnvironmentOpened, permissions={"user_groups": {"primary": {"allowed_plans": "all"}}})
    assert await bench.do("permissions_get") == before
    assert bench.status["worker_environment_state"] == "idle"


# --- the end of a worker --------------------------------------------------------------------------------------------


async def test_a_finish_found_in_the_remains_of_a_dead_worker_is_applied_before_its_exit(executing):
    key = executing.key
    executing.remains[executing.incarnation] = [
        ItemAcknowledged(number=1, attempt=key),
        finish_of(replace(key, number=9), "failed"),
        finish_of(key, "completed", run_uids=("run-1",)),
    ]
    mark = len(executing.journal)
    await executing.exit()

    [entry] = (await executing.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (key.item_uid, "completed")
    assert executing.events(mark) == ["item_finished", "worker_exited"]


async def test_a_dead_worker_is_not_given_the_next_item(executing):
    """What was never sent to a worker is not uncertain: it stays in the queue as it was."""
    executing.remains[executing.incarnation] = [finish_of(executing.key, "completed")]
    [following] = await executing.uids()
    mark = len(executing.journal)
    await executing.exit()

    reply = await executing.do("queue_get")
    assert [(item["item_uid"], "state" in item) for item in reply["items"]] == [(following, False)]
    assert reply["running_item"] == {}
    assert executing.noted("send", mark) == []
    assert executing.lane.condition == "open"
    assert executing.status["manager_state"] == "idle"
    assert executing.status["queue_stop_pending"] is False


async def test_a_worker_ends_even_if_its_remains_cannot_be_read(executing):
    class Unreadable:
        def __iter__(self):
            raise PermissionError("outbox")

    executing.remains[executing.incarnation] = Unreadable()
    await executing.exit()
    assert executing.status["worker_environment_state"] == "closed"
    assert (await executing.do("history_get"))["items"][0]["result"]["exit_status"] == "unknown"


async def test_a_dead_worker_is_neither_watched_nor_known_to_the_link(executing):
    gone = executing.incarnation
    await executing.exit()
    assert executing.noted("unwatch") == [(gone,)]
    assert executing.noted("forget") == [(gone,)]


async def test_the_history_has_the_runs_that_were_open_when_the_worker_died(executing):
    await executing.exit("killed by SIGKILL")
    [entry] = (await executing.do("history_get"))["items"]
    result = entry["result"]
    assert (result["run_uids"], result["scan_ids"]) == (["run-1"], [1])
    assert "SIGKILL" in result["msg"]


async def test_the_exit_of_an_unknown_worker_changes_nothing(executing):
    state = executing.engine.state
    await executing.exit(incarnation="a stranger")
    assert executing.engine.state == state


async def test_an_environment_that_cannot_be_opened_says_why_in_the_status(bench):
    await bench.do("environment_open")
    bench.hello(environment="failed")
    await bench.report(EnvironmentFailed, message="No module named 'beamline'", traceback="...")
    assert bench.status["manager_state"] == "closing_environment"
    await bench.exit("exit code 1")
    assert bench.status["manager_state"] == "idle"
    assert "beamline" in bench.status["lanes"][0]["reason"]


# --- signs of life and what is told in passing ----------------------------------------------------------------------


async def test_silence_and_its_end_are_shown(executing):
    who = (DEFAULT_LANE, executing.incarnation)
    executing.intake.hear_answering(*who, answering=False)
    await executing.settle()
    assert executing.status["lanes"][0]["answering"] is False
    executing.intake.hear_answering(*who, answering=True)
    await executing.settle()
    assert executing.status["lanes"][0]["answering"] is True


async def test_a_heartbeat_reaches_whoever_watches(bench):
    bench.intake.hear_heartbeat(DEFAULT_LANE, "w", Heartbeat(main_thread_age_s=0.5))
    assert bench.noted("beat") == [(DEFAULT_LANE, "w", 0.5)]


async def test_output_is_published_and_losses_are_told(bench):
    bench.intake.hear_console(Console(time=5.0, text="hello\n"))
    bench.intake.hear_console(Console(time=6.0, text="again\n", dropped=3))
    assert bench.noted("console") == [
        (5.0, "hello\n"),
        (6.0, "[3 chunks of output were dropped]\n"),
        (6.0, "again\n"),
    ]


async def test_progress_is_published_with_the_attempt_that_it_belongs_to(executing):
    executing.intake.hear_progress(Progress(attempt=executing.key, points=3, total=10))
    [(payload,)] = executing.noted("progress")
    assert payload == {
        "time": executing.clock.wall(),
        "item_uid": executing.key.item_uid,
        "attempt": 1,
        "lane": DEFAULT_LANE,
        "points": 3,
        "total": 10,
    }
