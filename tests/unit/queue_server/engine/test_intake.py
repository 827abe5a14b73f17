"""What comes from workers: applied once, acknowledged after the commit, recorded when it is late."""

from __future__ import annotations

import dataclasses

import pytest

from queue_server.engine.allowance import MOST_RECORDED, MOST_WAITING_BYTES
from queue_server.protocol.items import DEFAULT_LANE, AttemptKey, Outcome
from queue_server.protocol.unreadable_report import UnreadableReport
from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Console,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    EnvironmentUpdated,
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
    assert [incarnation for _, incarnation in bench.noted("expect")] == [bench.incarnation]
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


async def test_an_end_that_cannot_be_read_is_unknown_and_the_worker_goes_on(executing):
    mark = len(executing.journal)
    unreadable = UnreadableReport(7, "item_finished", "there is no outcome 'excellent'", executing.key)
    executing.intake.hear_unreadable(DEFAULT_LANE, executing.incarnation, unreadable)
    await executing.settle()
    assert executing.noted("acknowledge", mark) == [(executing.incarnation, 7)]
    [entry] = (await executing.do("history_get"))["items"]
    assert entry["result"]["exit_status"] == "unknown"
    assert "item_finished" in entry["result"]["msg"]
    assert "excellent" in entry["result"]["msg"]
    assert executing.lane.condition == "held"
    assert "unreadable_report" in executing.events()


@pytest.mark.parametrize("change", [{"epoch": 0}, {"number": 2}])
async def test_an_end_of_another_attempt_that_cannot_be_read_is_recorded_only(executing, change):
    state, mark = executing.engine.state, len(executing.journal)
    unreadable = UnreadableReport(7, "item_finished", "why", dataclasses.replace(executing.key, **change))
    executing.intake.hear_unreadable(DEFAULT_LANE, executing.incarnation, unreadable)
    await executing.settle()
    assert executing.engine.state == state
    assert executing.noted("acknowledge", mark) == [(executing.incarnation, 7)]
    assert executing.events()[-1] == "unreadable_report"


async def test_news_that_cannot_be_read_are_recorded_and_acknowledged(executing):
    state, mark = executing.engine.state, len(executing.journal)
    unreadable = UnreadableReport(7, "run_opened", "why", executing.key)
    executing.intake.hear_unreadable(DEFAULT_LANE, executing.incarnation, unreadable)
    await executing.settle()
    assert executing.engine.state == state
    assert executing.noted("acknowledge", mark) == [(executing.incarnation, 7)]


async def test_an_environment_whose_opening_cannot_be_read_is_closed_and_says_why(bench):
    await bench.do("environment_open")
    bench.hello(environment="loading")
    await bench.settle()
    unreadable = UnreadableReport(1, "environment_opened", "the permissions are no map")
    bench.intake.hear_unreadable(DEFAULT_LANE, bench.incarnation, unreadable)
    await bench.settle()
    assert bench.sent(Close) == [Close()]
    assert bench.lane.worker.environment == "closing"
    bench.intake.hear_exit(DEFAULT_LANE, bench.incarnation, "exit code 0")
    await bench.settle()
    assert "no map" in bench.lane.worker.failure


async def test_lists_with_a_page_that_cannot_be_read_are_not_adopted(bench):
    await bench.open()
    before = bench.resources.catalog_of(DEFAULT_LANE)
    page = {"catalog": "plans", "first": True, "entries": {"other": {"name": "other"}}}
    bench.tell(CatalogPage, **page)
    mark = len(bench.journal)
    bench.intake.hear_unreadable(DEFAULT_LANE, bench.incarnation, UnreadableReport(8, "catalog_page", "why"))
    await bench.report(EnvironmentUpdated)
    assert bench.resources.catalog_of(DEFAULT_LANE) is before
    # Pages are acknowledged by the report that follows them.
    assert len(bench.noted("acknowledge", mark)) == 1
    bench.tell(CatalogPage, **page)
    await bench.report(EnvironmentUpdated)
    assert bench.resources.catalog_of(DEFAULT_LANE) is not before


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
    forged = dataclasses.replace(executing.key, **change)
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
    await bench.engine.post(lambda turn: bench.resources.adopt(turn, DEFAULT_LANE, lost))
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


async def test_permissions_that_were_set_hold_when_an_environment_opens(bench):
    only_scan = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}
    await bench.do("permissions_set", user_group_permissions=only_scan)
    await bench.open()
    assert (await bench.do("permissions_get"))["user_group_permissions"] == only_scan
    refused = await bench.refuse("queue_item_add", item=plan("count"), **USER)
    assert "not in the list of allowed plans" in refused["msg"]


# --- the end of a worker --------------------------------------------------------------------------------------------


async def test_a_finish_found_in_the_remains_of_a_dead_worker_is_applied_before_its_exit(executing):
    key = executing.key
    executing.remains[executing.incarnation] = [
        ItemAcknowledged(number=1, attempt=key),
        finish_of(dataclasses.replace(key, number=9), "failed"),
        finish_of(key, "completed", run_uids=("run-1",)),
    ]
    mark = len(executing.journal)
    await executing.exit()

    [entry] = (await executing.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (key.item_uid, "completed")
    assert executing.events(mark) == ["item_finished", "worker_exited"]


@pytest.mark.parametrize(("is_asked", "is_expected"), [(True, True), (False, False)])
async def test_the_event_of_an_end_tells_whether_somebody_asked_for_it(bench, is_asked, is_expected):
    await bench.open()
    if is_asked:
        await bench.do("environment_close")
    await bench.exit("exit status 0")
    [told] = [event for event in (await bench.do("events_get"))["events"] if event["kind"] == "worker_exited"]
    assert told["data"]["is_expected"] is is_expected


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

    executing.remains[executing.incarnation] = remains = Unreadable()
    await executing.exit()
    assert list(executing.remains.values()) == [remains]
    assert executing.status["worker_environment_state"] == "closed"
    assert (await executing.do("history_get"))["items"][0]["result"]["exit_status"] == "unknown"


async def test_what_a_dead_worker_had_written_down_is_discarded_after_the_commit(executing):
    executing.remains[executing.incarnation] = [finish_of(executing.key, "completed")]
    executing.intake.hear_exit(DEFAULT_LANE, executing.incarnation, "killed")
    assert executing.remains
    await executing.settle()
    assert executing.remains == {}


# --- attempts that the manager does not know ------------------------------------------------------------------------


@pytest.fixture
async def straying(bench, stray):
    """A bench whose worker has come back with an attempt that nobody here knows."""
    await bench.open()
    bench.hello(re_state="running", attempt=stray)
    await bench.settle()
    return bench


@pytest.fixture
def stray():
    """An attempt that the manager has never given."""
    return AttemptKey("lost", "lost", DEFAULT_LANE, 1, 1)


async def test_a_worker_that_runs_an_unknown_attempt_is_not_shown_as_idle(straying, stray):
    assert straying.status["manager_state"] == "executing_queue"
    assert straying.status["worker_environment_state"] == "executing_plan"
    assert stray.item_uid in straying.status["lanes"][0]["waiting_for"]
    assert straying.events()[-1] == "unknown_attempt"
    await straying.do("queue_item_add", item=plan("count"), **USER)
    assert "idle" in (await straying.refuse("queue_start"))["msg"]


async def test_the_end_of_an_unknown_attempt_is_recorded_and_frees_the_worker(straying, stray):
    await straying.report(
        ItemFinished, attempt=stray, outcome="completed", time_start=1.0, time_stop=2.0, run_uids=("run",)
    )
    assert straying.status["manager_state"] == "idle"
    assert straying.events()[-1] == "late_report"
    assert (await straying.do("history_get"))["items"] == []


async def test_the_end_of_an_unknown_attempt_is_recorded_from_the_remains_of_its_worker(straying, stray):
    straying.remains[straying.incarnation] = [finish_of(stray)]
    await straying.exit()
    assert straying.events()[-2:] == ["late_report", "worker_exited"]
    assert straying.remains == {}


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
    executing.intake.hear_progress(
        DEFAULT_LANE, executing.incarnation, Progress(attempt=executing.key, points=3, total=10)
    )
    [(payload,)] = executing.noted("progress")
    assert payload == {
        "time": executing.clock.wall(),
        "item_uid": executing.key.item_uid,
        "attempt": 1,
        "lane": DEFAULT_LANE,
        "points": 3,
        "total": 10,
    }


# --- a worker that is not in order ----------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"item_uid": "another"}, {"epoch": 7}, {"number": 2}, {"lane": "other"}])
async def test_progress_of_another_attempt_is_not_published(executing, change):
    forged = Progress(attempt=dataclasses.replace(executing.key, **change), points=3)
    executing.intake.hear_progress(DEFAULT_LANE, executing.incarnation, forged)
    executing.intake.hear_progress(DEFAULT_LANE, "another", Progress(attempt=executing.key, points=3))
    executing.intake.hear_progress("nowhere", executing.incarnation, Progress(attempt=executing.key, points=3))
    assert executing.noted("progress") == []


async def test_many_hellos_and_heartbeats_take_few_turns(executing):
    for _ in range(1000):
        executing.hello(attempt=executing.key, re_state="running")
        executing.intake.hear_answering(DEFAULT_LANE, executing.incarnation, answering=False)
    executing.intake.hear_answering(DEFAULT_LANE, executing.incarnation, answering=True)
    await executing.settle()
    await executing.settle()
    await executing.settle()
    assert len(executing.sent(Welcome)) <= 4
    assert executing.status["lanes"][0]["answering"]


async def test_a_stranger_is_dismissed_without_a_turn(bench):
    await bench.open()
    bench.hello(incarnation="a stranger")
    assert len(bench.sent(Dismiss)) == 1


async def test_reports_in_vain_are_recorded_in_part_and_so_often(executing):
    late = dataclasses.replace(executing.key, number=2)
    for _ in range(MOST_RECORDED + 20):
        executing.tell(ItemFinished, attempt=late, outcome="failed", time_start=1.0, time_stop=2.0, message="x" * 9_000)
    await executing.settle()
    recorded = [event for (event,) in executing.noted("event") if event.kind == "late_report"]
    assert len(recorded) == MOST_RECORDED
    assert len(recorded[0].data["report"]["message"]) < 3_000
    assert executing.key


async def test_a_worker_that_waits_for_nothing_finds_no_more_room(make_bench, store):
    gated = GatedStore(store)
    bench = await make_bench(gated)
    await bench.open()
    gated.shut()
    part = MOST_WAITING_BYTES // 4
    for number in range(4):
        assert bench.intake.has_room(bench.incarnation, part)
        report = REStateChanged(number=number + 1, re_state="idle")
        bench.intake.hear_report(DEFAULT_LANE, bench.incarnation, report, part)
    assert not bench.intake.has_room(bench.incarnation, part)
    gated.open()
    while not bench.intake.has_room(bench.incarnation, part):
        await bench.settle()
