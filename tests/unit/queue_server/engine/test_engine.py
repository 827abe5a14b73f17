"""Turns of the engine: group commit, failures that undo only themselves, orders that do not wait."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.core.events import HistoryChanged, ModeSet, PauseRequested, QueueChanged
from queue_server.protocol.codec import decode
from queue_server.protocol.errors import RefusedError, StateError, StorageError, StorageFullError
from queue_server.protocol.items import BACK, DEFAULT_LANE, Item, Origin
from queue_server.protocol.worker_link import (
    Continue,
    ItemAcknowledged,
    ItemFinished,
    Pause,
    REStateChanged,
    Welcome,
)
from tests.doubles.bench import PATIENCE_S, USER, plan
from tests.doubles.stores import FailingStore, GatedStore


def insert(uid):
    """Return work that queues an item, as a handler does."""

    def work(turn):
        turn.tx.insert([Item(uid, DEFAULT_LANE, uid, {"item_uid": uid})], BACK)
        turn.apply(QueueChanged(DEFAULT_LANE, 1))
        turn.record("added", data={"item_uid": uid})
        return uid

    return work


async def outcomes(*answers):
    """Return the results or errors of some futures."""
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.gather(*answers, return_exceptions=True)


@pytest.fixture
def gated(store):
    return GatedStore(store)


@pytest.fixture
def failing(store):
    return FailingStore(store)


# --- group commit ---------------------------------------------------------------------------------------------------


async def test_what_waits_while_a_turn_is_under_way_shares_one_transaction(make_bench, gated):
    bench = await make_bench(gated)
    gated.shut()
    first = bench.engine.post(insert("first"))
    await gated.wait_for_turn()
    before = gated.transactions
    others = [bench.engine.post(insert(f"other-{number}")) for number in range(20)]
    gated.open()

    assert await outcomes(first, *others) == ["first", *(f"other-{number}" for number in range(20))]
    assert gated.transactions == before + 1


async def test_one_turn_takes_at_most_256_entries(make_bench, gated):
    bench = await make_bench(gated)
    before = gated.transactions
    await outcomes(*[bench.engine.post(lambda _: None) for _ in range(600)])
    assert gated.transactions == before + 3


async def test_entries_see_what_the_entries_before_them_did_in_the_same_turn(bench):
    seen = []
    answers = [bench.engine.post(insert("a")), bench.engine.post(lambda turn: seen.append(turn.state.lanes[0].size))]
    await outcomes(*answers)
    assert seen == [1]


# --- a failing entry ------------------------------------------------------------------------------------------------


def fail_after_everything(turn):
    """Change all that a turn can change, then refuse."""
    insert("undone")(turn)
    turn.apply(ModeSet(DEFAULT_LANE, loop=True, ignore_failures=True))
    turn.orders.append("an order that must not leave")
    turn.after_commit.append(lambda: pytest.fail("what follows the commit must not happen"))
    raise StateError("not now")


async def test_a_refused_entry_undoes_only_itself(bench):
    done = await outcomes(*[bench.engine.post(work) for work in (insert("a"), fail_after_everything, insert("b"))])

    assert done[0] == "a"
    assert str(done[1]) == "not now"
    assert done[2] == "b"
    assert await bench.uids() == ["a", "b"]
    assert bench.lane.size == 2
    assert not bench.lane.loop
    assert [event.data["item_uid"] for event in (entry[0] for entry in bench.noted("event"))] == ["a", "b"]
    assert [event.seq for event in (entry[0] for entry in bench.noted("event"))] == [1, 2]


async def test_an_entry_that_breaks_undoes_itself_and_tells_its_own_error(bench):
    def work(turn):
        insert("undone")(turn)
        raise ZeroDivisionError

    done = await outcomes(bench.engine.post(work), bench.engine.post(insert("a")))
    assert isinstance(done[0], ZeroDivisionError)
    assert await bench.uids() == ["a"]


async def test_a_turn_of_refusals_leaves_the_very_same_state_and_writes_nothing(bench, store):
    await outcomes(bench.engine.post(insert("a")))
    state, saved = bench.engine.state, await store.transact(lambda tx: tx.load("core"))
    bench.journal.clear()
    await outcomes(bench.engine.post(fail_after_everything))
    assert bench.engine.state is state
    assert await store.transact(lambda tx: tx.load("core")) == saved
    assert bench.journal == []


# --- a failing commit -----------------------------------------------------------------------------------------------


async def test_a_full_disk_keeps_the_old_state_answers_all_and_ends_nothing(make_bench, failing):
    bench = await make_bench(failing)
    await outcomes(bench.engine.post(insert("a")))
    state = bench.engine.state
    bench.journal.clear()

    failing.failure = StorageFullError()
    done = await outcomes(bench.engine.post(insert("b")), bench.engine.post(insert("c")))
    assert [type(error) for error in done] == [StorageFullError, StorageFullError]
    assert bench.engine.state is state
    assert bench.journal == []

    failing.failure = None
    assert await outcomes(bench.engine.post(insert("d"))) == ["d"]
    assert await bench.uids() == ["a", "d"]


async def test_a_full_disk_answers_requests_with_its_code(make_bench, failing):
    bench = await make_bench(failing)
    failing.failure = StorageFullError()
    reply = await bench.ask("queue_item_add", item=plan(), **USER)
    assert reply["success"] is False
    assert reply["error"]["code"] == "storage_full"
    assert (reply["qsize"], reply["item"]) == (None, None)


async def test_what_has_happened_outlasts_a_full_disk_in_its_order(make_bench, failing):
    bench = await make_bench(failing)
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    bench.journal.clear()

    key = (await failing.inner.transact(lambda tx: tx.running()))[0].attempt
    failing.failure = StorageFullError()
    first = bench.tell(ItemAcknowledged, attempt=key)
    second = bench.tell(
        ItemFinished, attempt=key, outcome="completed", time_start=1.0, time_stop=2.0, run_uids=("run-1",)
    )
    assert (await bench.ask("queue_clear"))["error"]["code"] == "storage_full"
    third = bench.tell(REStateChanged, re_state="idle")
    assert bench.noted("acknowledge") == []

    failing.failure = None
    await bench.settle()
    assert bench.noted("acknowledge") == [(bench.incarnation, number) for number in (first, second, third)]
    [entry] = (await bench.do("history_get"))["items"]
    assert entry["result"]["run_uids"] == ["run-1"]


async def test_the_end_of_a_worker_outlasts_a_full_disk(make_bench, failing):
    bench = await make_bench(failing)
    await bench.open()
    failing.failure = StorageFullError()
    bench.intake.hear_exit(DEFAULT_LANE, bench.incarnation, "killed by SIGKILL")
    assert (await bench.ask("queue_clear"))["success"] is False
    assert bench.lane.worker.environment == "open"

    failing.failure = None
    await bench.settle()
    assert bench.lane.worker.environment == "closed"


async def test_a_fatal_error_of_the_store_answers_the_turn_refuses_the_rest_and_ends_the_engine(make_bench, failing):
    gated = GatedStore(failing)
    bench = await make_bench(gated)
    failing.failure = StorageError("the disk is gone")
    gated.shut()
    first = bench.engine.post(insert("a"))
    await gated.wait_for_turn()
    waiting = bench.engine.post(insert("b"), insist=True)
    gated.open()

    with pytest.raises(StorageError, match="the disk is gone"):
        await bench.running
    done = await outcomes(first, waiting)
    assert isinstance(done[0], StorageError)
    assert isinstance(done[1], asyncio.CancelledError)
    assert failing.attempts == 2, "an error of the disk is never tried again"


# --- the end --------------------------------------------------------------------------------------------------------


async def test_requests_that_wait_at_the_end_are_told_so(make_bench, gated):
    bench = await make_bench(gated)
    gated.shut()
    stopped = bench.request("manager_stop")
    await gated.wait_for_turn()
    late = bench.request("queue_item_add", item=plan(), **USER)
    gated.open()

    async with asyncio.timeout(PATIENCE_S):
        await bench.running
        assert decode(await stopped)[0]["success"] is True
        reply = decode(await late)[0]
    assert bench.ended.is_set()
    assert reply["success"] is False
    assert "stopping" in reply["msg"]
    assert reply["error"]["code"] == "shutting_down"


async def test_a_request_after_the_end_is_told_so(bench):
    await bench.do("manager_stop")
    async with asyncio.timeout(PATIENCE_S):
        await bench.running
    assert "stopping" in (await bench.ask("queue_get"))["msg"]


# --- replies and notices --------------------------------------------------------------------------------------------


async def test_nothing_is_told_before_the_commit(make_bench, gated):
    bench = await make_bench(gated)
    bench.journal.clear()
    gated.shut()
    reply = bench.request("environment_open")
    await gated.wait_for_turn()
    assert not reply.done()
    assert bench.journal == []
    assert bench.status["manager_state"] == "idle"
    gated.open()
    assert decode(await reply)[0]["success"] is True


async def test_orders_leave_first_then_the_replies_then_the_status_then_the_events(bench):
    bench.journal.clear()
    await bench.do("environment_open")
    assert [entry[0] for entry in bench.journal] == ["start", "reply", "status", "event"]
    assert bench.journal[2][1]["manager_state"] == "creating_environment"


async def test_the_notices_of_a_turn_keep_the_order_of_its_events(bench):
    await outcomes(*[bench.engine.post(insert(f"{number}")) for number in range(5)])
    events = [entry[0] for entry in bench.noted("event")]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert [event.data["item_uid"] for event in events] == ["0", "1", "2", "3", "4"]


async def test_a_turn_that_changes_nothing_that_is_shown_publishes_no_status(bench):
    bench.journal.clear()
    await bench.do("queue_get")
    assert bench.noted("status") == []


async def test_what_the_manager_did_in_between_is_shown_also_where_a_turn_goes_on_at_once(make_bench, gated):
    """The acknowledgement and the end of a short plan can come together; clients wait for both states."""
    bench = await make_bench(gated)
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    key, since = bench.key, len(bench.journal)
    gated.shut()
    bench.engine.post(lambda _: None)
    await gated.wait_for_turn()
    bench.tell(ItemAcknowledged, attempt=key)
    bench.tell(ItemFinished, attempt=key, outcome="completed", time_start=1.0, time_stop=2.0)
    gated.open()
    await bench.settle()
    states = [status["manager_state"] for (status,) in bench.noted("status", since)]
    assert states == ["executing_queue", "idle"]


async def test_an_event_that_cannot_be_published_stops_neither_the_replies_nor_the_engine(bench):
    bench.publisher.breaks_at = "queue_item_add"
    [uid] = await bench.add("count")
    assert await bench.uids() == [uid]
    assert (await bench.do("events_get"))["events"][0]["kind"] == "queue_item_add"


async def test_whoever_waits_for_a_state_is_woken_by_the_turn_that_reaches_it(bench):
    waiting = asyncio.ensure_future(bench.engine.wait_until(lambda state: state.lanes[0].size == 2))
    await outcomes(bench.engine.post(insert("a")))
    assert not waiting.done()
    await outcomes(bench.engine.post(insert("b")), waiting)
    assert waiting.exception() is None


async def test_the_history_is_counted_once_for_each_change(bench):
    await outcomes(bench.engine.post(lambda turn: turn.apply(HistoryChanged(3))))
    assert bench.status["items_in_history"] == 3


# --- orders of motion -----------------------------------------------------------------------------------------------


@pytest.fixture
async def at_the_gate(make_bench, gated):
    """A manager whose worker executes the first of two plans, on a store that a test can stop."""
    bench = await make_bench(gated)
    await bench.open()
    await bench.add("count", "scan")
    await bench.do("queue_start")
    await bench.run_plan()
    return bench


async def test_a_pause_leaves_and_is_answered_while_a_turn_is_under_way(at_the_gate, gated):
    bench = at_the_gate
    gated.shut()
    slow = bench.request("queue_item_add", item=plan(), **USER)
    await gated.wait_for_turn()

    reply = await bench.do("re_pause", option="immediate")
    assert reply == {"success": True, "msg": ""}
    assert [(pause.attempt, pause.option) for pause in bench.sent(Pause)] == [(bench.key, "immediate")]
    assert bench.status["pause_pending"] is True
    assert not slow.done()

    gated.open()
    await bench.settle()
    assert slow.done()
    assert bench.status["pause_pending"] is True
    assert len(bench.sent(Pause)) == 1


async def test_the_status_is_answered_while_a_turn_is_under_way(at_the_gate, gated):
    gated.shut()
    slow = at_the_gate.request("queue_clear")
    await gated.wait_for_turn()
    assert (await at_the_gate.ask("status"))["manager_state"] == "executing_queue"
    assert not slow.done()
    gated.open()


async def test_the_record_of_an_order_follows_in_the_event_log(executing):
    await executing.do("re_pause", option="deferred")
    await executing.settle()
    event = executing.noted("event")[-1][0]
    assert (event.kind, event.data, event.item_uid) == ("ordered", {"order": "pause_deferred"}, executing.key.item_uid)


async def test_an_order_that_does_not_fit_is_refused_and_leaves_no_trace(executing):
    await executing.settle()
    executing.journal.clear()
    await executing.refuse("re_resume")
    await executing.settle()
    assert executing.sent(Continue) == []
    assert executing.noted("event") == []


async def test_the_order_stays_when_the_turn_under_way_fails(make_bench, failing):
    gated = GatedStore(failing)
    bench = await make_bench(gated)
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    await bench.run_plan()
    failing.failure = StorageFullError()
    gated.shut()
    lost = bench.request("queue_clear")
    await gated.wait_for_turn()
    await bench.do("re_pause")
    gated.open()
    assert decode(await lost)[0]["success"] is False
    assert bench.status["pause_pending"] is True
    assert len(bench.sent(Pause)) == 1


async def test_a_pause_that_meets_the_change_of_items_holds_for_the_next_one(at_the_gate, gated):
    bench = at_the_gate
    first = bench.key
    gated.shut()
    finish = {"outcome": "completed", "time_start": 1.0, "time_stop": 2.0}
    bench.tell(REStateChanged, attempt=first, re_state="idle")
    bench.tell(ItemFinished, attempt=first, **finish)
    await gated.wait_for_turn()
    await bench.do("re_pause")
    assert [pause.attempt for pause in bench.sent(Pause)] == [first]
    gated.open()
    await bench.settle()

    second = bench.key
    assert second != first
    assert bench.lane.attempt.order == "pause_deferred"
    bench.tell(ItemAcknowledged, attempt=second)
    await bench.report(REStateChanged, attempt=second, re_state="running")
    assert [pause.attempt for pause in bench.sent(Pause)] == [first, second]


async def test_a_pause_that_waits_for_the_plan_to_begin_is_sent_when_the_turn_under_way_begins_it(make_bench, gated):
    """The order finds the plan not yet running and so does not leave; the turn that does not know of it learns that
    the plan runs. The order must leave then, or it never would.
    """
    bench = await make_bench(gated)
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    gated.shut()
    bench.tell(ItemAcknowledged, attempt=bench.key)
    bench.tell(REStateChanged, attempt=bench.key, re_state="running")
    await gated.wait_for_turn()
    await bench.do("re_pause", option="immediate")
    assert bench.sent(Pause) == []
    gated.open()
    await bench.settle()

    assert [(pause.attempt, pause.option) for pause in bench.sent(Pause)] == [(bench.key, "immediate")]
    await bench.pause()
    assert bench.status["manager_state"] == "paused"


async def test_an_order_to_a_worker_that_is_only_now_welcomed_is_sent_again_behind_the_welcome(at_the_gate, gated):
    """A worker drops orders that reach it between its hello and the welcome."""
    bench = at_the_gate
    await bench.pause()
    gated.shut()
    bench.hello(re_state="paused", attempt=bench.key)
    await gated.wait_for_turn()
    bench.journal.clear()
    await bench.do("re_resume")
    gated.open()
    await bench.settle()
    messages = [message for _, message in bench.noted("send")]
    assert [type(message) for message in messages] == [Continue, Welcome, Continue]


async def test_a_resume_for_an_attempt_that_ended_meanwhile_is_dropped(at_the_gate, gated):
    bench = at_the_gate
    await bench.pause()
    first = bench.key
    gated.shut()
    bench.tell(REStateChanged, attempt=first, re_state="idle")
    bench.tell(ItemFinished, attempt=first, outcome="completed", time_start=1.0, time_stop=2.0)
    await gated.wait_for_turn()
    await bench.do("re_resume")
    gated.open()
    await bench.settle()

    assert bench.lane.attempt.key != first
    assert bench.lane.attempt.order is None
    assert [order.attempt for order in bench.sent(Continue)] == [first]


async def test_a_pause_that_meets_a_plan_that_pauses_by_itself_is_met(at_the_gate, gated):
    bench = at_the_gate
    gated.shut()
    bench.tell(REStateChanged, attempt=bench.key, re_state="paused")
    await gated.wait_for_turn()
    await bench.do("re_pause")
    gated.open()
    await bench.settle()
    assert bench.status["manager_state"] == "paused"
    assert bench.status["pause_pending"] is False


async def test_an_order_is_refused_in_its_own_words_when_nothing_runs(bench):
    with pytest.raises(RefusedError, match="Environment does not exist"):
        bench.engine.command(PauseRequested(DEFAULT_LANE, "immediate", bench.clock.wall()), Origin())
    assert bench.noted("send") == []


async def test_an_answer_that_cannot_be_given_keeps_nobody_else_from_theirs(bench, caplog):
    def fail(done):
        raise ValueError("no way to tell")

    bench.engine.ask(lambda turn: None, fail)
    assert await bench.engine.post(lambda turn: 5) == 5
    assert "An answer could not be given" in caplog.text
