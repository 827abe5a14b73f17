"""Every state that a lane can reach whose worker connects by itself, from two places in turn."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import pytest
from msgspec.structs import replace

from queue_server.core import events
from queue_server.core.model import Lane
from queue_server.protocol import worker_link as link
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import DEFAULT_LANE
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import (
    hello,
    list_edits,
    list_requests,
    list_stop_events,
    list_worker_events,
    open_key,
    report,
)
from tests.property.queue_server.core.search import Reached, Way, explore
from tests.property.queue_server.core.world import World, make_world, restart, take

pytestmark = pytest.mark.timeout(300)

LANE = DEFAULT_LANE
NEWER = "the newer connection"
OF_PLANS = (events.PauseRequested, events.ContinueRequested, events.AutostartSet)
"""What is the same in every lane, and searched there."""


def renamed(event: events.Event) -> events.Event:
    """Return what the newer connection says, where the first one could say it."""
    if isinstance(event, events.WorkerConnected):
        return replace(event, hello=event.hello.model_copy(update={"incarnation": NEWER}))
    if isinstance(event, (events.WorkerReported, events.WorkerExited)):
        return replace(event, incarnation=NEWER)
    return event


def look_at_lane(world: World) -> Hashable:
    """Tell states apart by what the rules read of the lane."""
    state = world.state
    lane = state.lane(LANE)
    worker, attempt = lane.worker, lane.attempt
    shown = attempt and (attempt.phase, attempt.order, worker.stray is not None)
    seat = (worker.environment, worker.connected, worker.incarnation == NEWER)
    return state.phase, seat, lane.queue, lane.condition, lane.autostart, bool(lane.size), shown


def follow(world: World) -> Iterator[Way[World]]:
    """Yield what every event leads to."""
    yield Way("the manager crashes and is started again", restart(world))
    if world.state.phase == "stopped":
        return
    lane = world.state.lane(LANE)
    key = open_key(lane)
    told: list[events.Event] = [
        *list_worker_events(lane),
        report(LANE, link.EnvironmentClosed(number=1)),
        *([hello(LANE, key)] if key else []),
        hello(LANE),
    ]
    asked = [event for event in list_requests(LANE) if not isinstance(event, OF_PLANS)]
    asked += [*list_stop_events(lane), events.RecoveryFinished()]
    for event in (*asked, *told, *map(renamed, told)):
        try:
            after, trace = take(world, event)
        except RefusedError:
            continue
        yield Way(event, after, find_step_faults(world, after, trace))
    for name, edit in list_edits(world, LANE, most=1):
        if name in ("foreground task", "background task"):
            continue
        try:
            after, trace = edit(world)
        except RefusedError:
            continue
        yield Way(name, after, find_step_faults(world, after, trace))


@pytest.fixture(scope="module")
def reached() -> Reached[World]:
    start = make_world(Lane(LANE, is_remote=True, autostart=True, on_failure="hold"))
    return explore(start, look_at_lane, follow, find_state_faults)


def test_nothing_is_ever_wrong_whatever_two_connections_say(reached, show):
    show(f"{len(reached.states)} states of the lane, {len(reached.ways)} ways")
    assert reached.faults == {}
    assert len(reached.states) > 100


def test_from_every_state_the_device_can_work_again(reached):
    def works(world: World) -> bool:
        lane = world.state.lane(LANE)
        return world.state.phase == "stopped" or (lane.attempt is not None and lane.worker.incarnation == NEWER)

    assert reached.stranded(works) == []


def test_nobody_waits_for_a_connection_to_close(reached):
    assert not [world for world in reached.states if world.state.lane(LANE).worker.environment == "closing"]
