"""Every state that the core can reach in a small world, and what must hold in each of them.

Two searches. In the first, everything may happen at any time: a worker may say anything, in any order. In the second, a
worker behaves as workers do, and its messages, its process and the manager get lost at every instant.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Iterator
from typing import get_args

import pytest
from msgspec.structs import replace

from queue_server.core import effects, events
from queue_server.core.machine import step
from queue_server.core.model import PAUSES, Lane
from queue_server.core.view import is_paused, status_of
from queue_server.protocol.errors import RefusedError, StateError
from queue_server.protocol.items import DEFAULT_LANE, OUTCOMES, AttemptKey
from queue_server.protocol.status import DOCUMENTED_KEYS, EnvironmentState, ManagerState
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import (
    Move,
    exit_of,
    finish,
    list_cancellations,
    list_edits,
    list_ends,
    list_reports,
    list_requests,
    list_side_requests,
    list_stop_events,
    list_worker_events,
    open_key,
    report,
)
from tests.property.queue_server.core.search import Reached, Way, explore
from tests.property.queue_server.core.system import System, Ways, look, make_system
from tests.property.queue_server.core.world import Trace, World, make_entry, make_world, restart, take

# A search takes a few seconds; a machine that is busy with other things may need longer.
pytestmark = pytest.mark.timeout(300)

LANE = DEFAULT_LANE
INSTANCE = "5b0c31f2-6d0e-4c54-9d65-1a7d2a3a4f10"
OTHER_KEY = AttemptKey("another item", "another submission", LANE, 1, 1)
OTHER_HEADS = (make_entry("plan", "held by a person"), make_entry("instruction"))


# --- everything may happen at any time ----------------------------------------------------------------------------


def look_at_core(world: World) -> Hashable:
    """Tell states apart by what the rules read, not by names, times, texts and counters.

    Left out is what is varied where it is read: the items, where one is claimed; mode, policy, autostart and requests
    to stop, where an attempt ends. The state of a RunEngine counts only while an environment is open.
    """
    state = world.state
    lane = state.lane(LANE)
    worker, attempt, size = lane.worker, lane.attempt, len(world.of(LANE).queue)
    common = (state.phase, worker.environment, worker.connected, lane.queue)
    if lane.condition == "estopped":
        return *common, look_at_latch(lane), min(size, 1)
    if attempt is None:
        held, works = lane.condition == "held", lane.foreground_task is not None
        return *common, min(size, 2), lane.autostart, held, works
    ordered = attempt.order, attempt.order_sent, bool(attempt.cancellation)
    shown = (attempt.phase, tuple(run.is_open for run in attempt.runs), *ordered)
    return *common, min(size, 1), shown, worker.re_state if worker.environment == "open" else ""


def look_at_latch(lane: Lane) -> Hashable:
    """Return what the rules read of a latched lane: what has been reached, and when, only the reply does."""
    attempt, works = lane.attempt, lane.foreground_task is not None
    shown = attempt and (attempt.phase == "dispatched", attempt.order is not None, is_paused(lane))
    return lane.estop and lane.estop.answer == "reported", shown, works, lane.worker.stray is not None


def follow_everything(world: World) -> Iterator[Way[World]]:
    """Yield what every event leads to; a manager that has ended can only be started again."""
    yield Way("the manager crashes and is started again", restart(world))
    if world.state.phase == "stopped":
        return
    lane = world.state.lane(LANE)
    happening = (*list_worker_events(lane), *list_stop_events(lane), *list_cancellations(lane))
    for event in (*list_requests(LANE), events.RecoveryFinished(), *happening):
        yield from follow(world, event)
    for name, edit in list_edits(world, LANE, most=2):
        if name not in ("execute", "background task"):
            yield from follow_edit(world, name, edit)


def follow(before: World, event: events.Event) -> Iterator[Way[World]]:
    try:
        after, trace = take(before, event)
    except RefusedError:
        return
    if after.state is before.state and not trace.orders:
        return
    yield Way(event, after, find_step_faults(before, after, trace))
    for other in vary_head(before) if trace.claimed else ():
        after, trace = take(other, event)
        yield Way((event, other.of(LANE).queue[0]), after, find_step_faults(other, after, trace))


def follow_edit(before: World, name: str, edit: Move) -> Iterator[Way[World]]:
    try:
        after, trace = edit(before)
    except RefusedError:
        return
    yield Way(name, after, find_step_faults(before, after, trace))


def vary_head(world: World) -> Iterator[World]:
    rows = world.of(LANE)
    for other in OTHER_HEADS if rows.queue else ():
        yield world.with_rows(LANE, replace(rows, queue=(other, *rows.queue[1:])))


@pytest.fixture(scope="module")
def reached() -> Reached[World]:
    return explore(make_world(), look_at_core, follow_everything, find_state_faults)


def test_nothing_is_ever_wrong_whatever_happens(reached, show):
    show(f"{len(reached.states)} states of the core, {len(reached.ways)} ways")
    assert reached.faults == {}
    assert len(reached.states) > 1000


def test_from_every_state_an_idle_or_ended_manager_can_be_reached(reached):
    def is_idle(world: World) -> bool:
        return world.state.phase == "stopped" or (world.state.phase == "serving" and world.state.lane(LANE).is_idle)

    assert reached.stranded(is_idle) == []


def test_requests_that_resemble_others_do_no_harm_in_any_state(reached):
    found = set()
    for world in reached.states:
        for event in list_side_requests(LANE):
            found |= judge(world, lambda before, event=event: take(before, event))
        for _, edit in list_edits(world, LANE, most=2):
            found |= judge(world, edit)
    assert found == set()


def test_however_an_attempt_ends_under_whatever_settings_nothing_is_wrong(reached):
    """Nothing else reads the mode, the policy, autostart and requests to stop."""
    found, known = set(), set()
    for world in reached.states:
        lane = world.state.lane(LANE)
        if lane.attempt is None:
            continue
        waits = lane.attempt.order in PAUSES
        view = (world.state.phase, lane.worker.environment, waits, min(lane.size, 1))
        if view not in known:
            known.add(view)
            for variant in vary_settings(world):
                for event in list_ends(LANE, lane.attempt.key):
                    found |= judge(variant, lambda before, event=event: take(before, event))
    assert found == set()
    assert len(known) > 20


def vary_settings(world: World) -> Iterator[World]:
    lane, rows = world.state.lane(LANE), world.of(LANE)
    assert lane.attempt is not None
    assert rows.running is not None
    for loop, ignore, stop, auto, immediate in itertools.product((False, True), repeat=5):
        attempt = replace(lane.attempt, is_immediate=immediate)
        changed = replace(lane, loop=loop, ignore_failures=ignore, stop_pending=stop, autostart=auto, attempt=attempt)
        for policy in ("front", "hold"):
            yield World(world.state.with_lane(replace(changed, on_failure=policy)), world.rows)


def judge(before: World, move: Move) -> set[str]:
    try:
        after, trace = move(before)
    except RefusedError:
        return set()
    faults = find_state_faults(after) + find_step_faults(before, after, trace)
    return {f"{fault}: {before}" for fault in faults}


def test_a_late_report_is_refused_in_every_state(reached):
    late = [*list_reports(OTHER_KEY), *(finish(OTHER_KEY, outcome) for outcome in OUTCOMES)]
    for world in reached.states:
        for message in late:
            with pytest.raises(StateError, match=r"^late"):
                step(world.state, report(LANE, message))


def test_a_report_of_the_same_item_from_another_attempt_is_late(reached):
    for world in reached.states:
        key = open_key(world.state.lane(LANE))
        if key is None:
            continue
        for other in (dataclasses.replace(key, number=key.number + 1), dataclasses.replace(key, epoch=key.epoch + 1)):
            with pytest.raises(StateError, match=r"^late"):
                step(world.state, report(LANE, finish(other, "completed")))


def test_a_report_of_another_worker_is_late_in_every_state(reached):
    for world in reached.states:
        key = open_key(world.state.lane(LANE)) or OTHER_KEY
        foreign = events.WorkerReported(LANE, "another worker", finish(key, "completed"), 1.0)
        with pytest.raises(StateError, match=r"^late"):
            step(world.state, foreign)


def test_an_attempt_can_be_ended_in_every_state(reached):
    """By the end of its worker, which a person can bring about as long as the manager lives."""
    for world in reached.states:
        lane = world.state.lane(LANE)
        if lane.attempt is not None:
            after, trace = take(world, exit_of(LANE))
            assert after.state.lane(LANE).attempt is None
            assert [end.key for end in trace.finished] == [lane.attempt.key]
            assert not trace.dispatched
        if world.state.phase == "serving" and lane.worker.environment != "closed":
            assert is_killed(*take(world, events.EnvironmentDestroyRequested(LANE, 0.0)))
        if world.state.phase == "stopping":
            assert is_killed(*take(world, events.StopRequested("kill", 0.0)))


def test_an_emergency_stop_latches_every_state_and_whatever_is_asked_for_then_starts_nothing(reached):
    latched = 0
    for world in reached.states:
        after, trace = take(world, events.EstopRequested(LANE, "somebody", "a reason", 9.0))
        lane = after.state.lane(LANE)
        assert lane.condition == "estopped"
        assert not lane.autostart
        assert not trace.claimed
        latched += 1
        for event in (
            events.QueueStartRequested(LANE),
            events.AutostartSet(LANE, True),
            events.ExecuteRequested(LANE),
            events.EnvironmentOpenRequested(LANE, "another worker", 0.0),
            events.ContinueRequested(LANE, "resume", 0.0),
        ):
            with pytest.raises(RefusedError):
                step(after.state, event)
    assert latched == len(reached.states)


def test_every_emergency_stop_comes_to_an_end_by_its_deadlines_and_the_exit_of_the_worker(reached):
    for world in reached.states:
        lane = world.state.lane(LANE)
        if lane.estop is None or world.state.phase == "stopped":
            continue
        end = events.EstopDeadlinePassed(LANE, lane.estop.at, lane.estop.number, "end", 1.0)
        after, trace = take(world, end)
        if any(isinstance(order, effects.KillWorker) for order in trace.orders):
            after, _ = take(after, exit_of(LANE))
        released, trace = take(after, events.EstopReset(LANE))
        assert released.state.lane(LANE).condition == "open"
        assert trace.orders == []


def is_killed(world: World, trace: Trace) -> bool:
    killed = any(isinstance(order, effects.KillWorker) for order in trace.orders)
    return killed or world.state.lane(LANE).worker.environment in ("closed", "destroying")


def test_every_state_can_be_shown(reached):
    for world in reached.states:
        status = status_of(world.state, INSTANCE, "name")
        lane = world.state.lane(LANE)
        assert set(DOCUMENTED_KEYS) <= set(status)
        assert status["manager_state"] in get_args(ManagerState)
        assert status["worker_environment_state"] in get_args(EnvironmentState)
        assert (status["manager_state"] == "idle") == (lane.is_idle and world.state.phase != "recovering")
        assert status["running_item_uid"] == (lane.attempt.key.item_uid if lane.attempt else None)
        assert not status["pause_pending"] or lane.attempt is not None


# --- workers behave, and everything gets lost ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def systems() -> Reached[System]:
    return explore(make_system(), look, Ways(most_mishaps=1), lambda system: find_state_faults(system.world))


def test_nothing_is_ever_wrong_when_a_message_a_worker_or_the_manager_gets_lost(systems, show):
    show(f"{len(systems.states)} states of manager and worker, {len(systems.ways)} ways")
    assert systems.faults == {}
    assert len(systems.states) > 1000


def test_whatever_got_lost_the_system_comes_to_rest_by_itself(systems):
    """Without a person: what was lost is told again, what was ordered is ordered again, or an exit is seen."""
    assert systems.stranded(lambda system: system.is_settled, natural=True) == []
