"""The manager and one worker process together: what happens by itself, what people ask for, and what goes wrong.

An order is delivered at once or lost, with the connection or with the manager that had committed it. A report waits in
the outbox of the worker until it is delivered, and stays there if its acknowledgement is lost. A mishap is a crash of
the manager, a lost connection, the death of the worker, or the orderly end of the manager.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.core import effects, events
from queue_server.core.view import is_paused
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import DEFAULT_LANE, AttemptKey
from queue_server.protocol.worker_link import StopReport
from tests.property.queue_server.core.faults import find_step_faults
from tests.property.queue_server.core.moves import (
    exit_of,
    incarnation_of,
    list_cancellations,
    list_edits,
    list_requests,
    report,
)
from tests.property.queue_server.core.process import Process
from tests.property.queue_server.core.search import Way
from tests.property.queue_server.core.world import Trace, World, make_world, restart, take

LANE = DEFAULT_LANE

# A worker that is ahead of its manager by more than this waits, or the states would have no end.
MOST_UNDELIVERED = 3


# What happens without a person and without a mishap.
NATURAL = frozenset(
    (
        "the exit is seen",
        "the worker says hello",
        "reports arrive",
        "the manager has waited enough",
        "the worker goes on",
        "the worker tells what it has stopped",
        "the time of an emergency stop is over",
    )
)


class System(Struct, frozen=True):
    """A manager, its worker process if it has one, whether a pause is owed to a person, and how much went wrong."""

    world: World
    process: Process | None = None
    owes_pause: bool = False
    mishaps: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether the manager process has ended in order."""
        return self.world.state.phase == "stopped"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way: idle, ended, or a plan that waits for a person."""
        lane = self.world.state.lane(LANE)
        return self.has_ended or (self.world.state.phase == "serving" and (lane.is_idle or is_paused(lane)))


def make_system() -> System:
    """Return a manager without a worker."""
    return System(make_world())


def look(system: System) -> Hashable:
    """Return what tells one system from another; names and numbers that grow do not."""
    state = system.world.state
    lane = state.lane(LANE)
    worker, attempt = lane.worker, lane.attempt
    key = attempt.key if attempt else None
    shown = attempt and (attempt.phase, _look_at_runs(attempt.runs), attempt.order, attempt.order_sent)
    queue = tuple(bool(entry.hold_reason) for entry in system.world.of(LANE).queue)
    return (
        (state.phase, worker.environment, worker.connected, worker.re_state, lane.queue, lane.autostart, shown, queue),
        lane.estop and lane.estop.answer == "reported",
        _look_at_process(system.process, key) if system.process else None,
        system.owes_pause,
        system.mishaps,
    )


def _look_at_runs(runs: Iterable[object]) -> Hashable:
    return tuple(getattr(run, "is_open", None) for run in runs)


def _look_at_process(process: Process, key: AttemptKey | None) -> Hashable:
    # What is told of attempts that have ended changes nothing any more, but it has to be delivered.
    outbox = [portion for portion in process.outbox if getattr(portion[0], "attempt", key) == key]
    return (
        (process.environment, process.is_alive, process.is_welcome, process.stage, process.is_asked_to_pause),
        process.outcome if process.stage == "ended" else "",
        process.attempt and process.attempt == key,
        key in process.seen,
        _look_at_runs(process.runs),
        len(process.outbox),
        tuple(
            tuple(
                (told.kind, *(getattr(told, name, "") for name in ("re_state", "outcome", "order"))) for told in portion
            )
            for portion in outbox
        ),
    )


class _Turn(Struct, frozen=True):
    """What one turn of the manager has led to; ``unacknowledged`` is the worker before reports of it arrived."""

    world: World
    trace: Trace
    process: Process | None
    faults: list[str] = field(default_factory=list)
    unacknowledged: Process | None = None


class Ways:
    """Everything that can happen next to a system, with at most ``most_mishaps`` mishaps."""

    def __init__(self, most_mishaps: int) -> None:
        self._most_mishaps = most_mishaps

    def __call__(self, system: System) -> Iterator[Way[System]]:
        """Yield every next system."""
        yield from self._of_worker(system)
        if system.has_ended:
            yield Way("the manager is started again", _restart(system))
            return
        if system.mishaps < self._most_mishaps:
            yield Way("the manager crashes", replace(_restart(system), mishaps=system.mishaps + 1))
        yield from self._of_link(system)
        yield from self._of_stop(system)
        yield from self._of_people(system)
        if system.world.state.phase == "recovering":
            yield from self._happen(system, "the manager has waited enough", events.RecoveryFinished())

    def _of_worker(self, system: System) -> Iterator[Way[System]]:
        process = system.process
        if process is None or not process.is_alive:
            return
        is_listening = process.is_welcome and not system.has_ended
        if len(process.outbox) < (1 if is_listening else MOST_UNDELIVERED):
            for next_process in process.advance():
                yield Way(
                    "the worker goes on",
                    System(system.world, next_process, system.owes_pause, system.mishaps),
                    [],
                    True,
                )
        if system.mishaps >= self._most_mishaps:
            return
        mishaps = system.mishaps + 1
        yield Way("the worker dies", replace(system, process=replace(process, is_alive=False), mishaps=mishaps))
        if is_listening:
            yield Way("the connection is lost", replace(system, process=_away(process), mishaps=mishaps))

    def _of_link(self, system: System) -> Iterator[Way[System]]:
        process = system.process
        if process is None or not process.is_alive:
            if system.world.state.lane(LANE).worker.environment != "closed":
                exit_event = exit_of(LANE, *(process.remains if process else ()))
                yield from self._happen(system, "the exit is seen", exit_event, process=None)
        elif not process.is_welcome:
            yield from self._happen(system, "the worker says hello", events.WorkerConnected(process.hello()))
        elif process.outbox:
            told = [report(LANE, message) for message in process.outbox[0]]
            rest = replace(process, outbox=process.outbox[1:])
            yield from self._happen(system, "reports arrive", *told, process=rest, unacknowledged=process)

    def _of_stop(self, system: System) -> Iterator[Way[System]]:
        process, lane = system.process, system.world.state.lane(LANE)
        estop = lane.estop
        if estop is None:
            return
        if process is not None and process.is_alive and process.is_welcome and estop.answer == "awaited":
            report = events.EstopReported(LANE, incarnation_of(LANE), StopReport(order=estop.number))
            if lane.worker.environment != "closed":
                yield from self._happen(system, "the worker tells what it has stopped", report)
        deadline = events.EstopDeadlinePassed(LANE, estop.at, estop.number, "end", 1.0)
        yield from self._happen(system, "the time of an emergency stop is over", deadline)

    def _of_people(self, system: System) -> Iterator[Way[System]]:
        is_latched = system.world.state.lane(LANE).estop is not None
        lane = system.world.state.lane(LANE)
        for request in (*list_requests(LANE), *list_cancellations(lane)):
            if is_latched and not isinstance(request, events.EstopReset | events.EnvironmentDestroyRequested):
                continue  # the search of the core alone asks for everything in a latched lane
            if isinstance(request, events.AutostartSet):
                continue  # one person less: what starts by itself is left to the search of the core alone
            if not isinstance(request, events.StopRequested):
                yield from self._request(system, request)
            elif system.mishaps < self._most_mishaps:
                yield from self._request(replace(system, mishaps=system.mishaps + 1), request)
        for name, edit in () if is_latched else list_edits(system.world, LANE, most=1):
            if name in ("add plan", "release"):
                world, trace = edit(system.world)
                yield from self._settle(system, name, _Turn(world, trace, system.process))

    def _request(self, system: System, request: events.Event) -> Iterator[Way[System]]:
        try:
            yield from self._happen(system, type(request).__name__, request)
        except RefusedError:
            return

    def _happen(
        self,
        system: System,
        name: str,
        *happening: events.Event,
        process: Process | str | None = "same",
        unacknowledged: Process | None = None,
    ) -> Iterator[Way[System]]:
        """Yield what events lead to, delivered and lost; a report that is late is recorded, and changes nothing."""
        world, trace, faults = system.world, Trace(), []
        for event in happening:
            try:
                after, step = take(world, event)
            except RefusedError:
                if unacknowledged is None:
                    raise
                continue
            faults += find_step_faults(world, after, step)
            _add(trace, step)
            world = after
        wanted = isinstance(happening[0], events.QueueStartRequested)
        faults += _judge_pause(system, trace, wanted=wanted) + _judge_truth(system, trace)
        if isinstance(happening[0], events.PauseRequested):
            system = replace(system, owes_pause=True)
        if isinstance(happening[0], events.ContinueRequested):
            system = replace(system, owes_pause=False)
        now = system.process if isinstance(process, str) else process
        yield from self._settle(system, name, _Turn(world, trace, now, faults, unacknowledged))

    def _settle(self, system: System, name: str, turn: _Turn) -> Iterator[Way[System]]:
        lane, orders = turn.world.state.lane(LANE), turn.trace.orders
        owes_pause = system.owes_pause and lane.attempt is not None and not is_paused(lane)
        after = System(turn.world, _deliver(turn.process, orders), owes_pause, system.mishaps)
        yield Way(name, after, turn.faults, name in NATURAL)
        if system.mishaps >= self._most_mishaps or not (orders or turn.unacknowledged):
            return
        kept = turn.unacknowledged or turn.process
        lost = System(turn.world, kept, owes_pause, system.mishaps + 1)
        yield Way(f"{name}, and after the commit the manager crashes", _restart(lost))
        local = [order for order in orders if isinstance(order, effects.StartWorker | effects.KillWorker)]
        yield Way(f"{name}, and the connection is lost", replace(lost, process=_away(_deliver(kept, local))))


def _restart(system: System) -> System:
    # An order to pause that was not sent yet dies with its manager.
    return replace(system, world=restart(system.world), process=_away(system.process), owes_pause=False)


def _away(process: Process | None) -> Process | None:
    return process and replace(process, is_welcome=False)


def _deliver(process: Process | None, orders: Sequence[effects.OuterEffect]) -> Process | None:
    for order in orders:
        if isinstance(order, effects.StartWorker):
            assert process is None, "a second worker is started"
            process = Process(incarnation_of(LANE))
        elif process is not None:
            process = process.receive(order)
    return process


def _add(trace: Trace, step: Trace) -> None:
    trace.orders += step.orders
    trace.claimed += step.claimed
    trace.again += step.again
    trace.finished += step.finished


def _judge_pause(system: System, trace: Trace, *, wanted: bool) -> list[str]:
    goes_on = system.owes_pause and trace.claimed and not wanted
    return ["a person has ordered a pause, and the next plan begins"] if goes_on else []


def _judge_truth(system: System, trace: Trace) -> list[str]:
    process = system.process
    if process is None:
        return []
    found: list[str] = []
    for end in trace.finished:
        told = [record.outcome for record in process.remains if record.attempt == end.key]
        if told and told[0] != end.result.outcome:
            found.append(f"the worker has written down {told[0]}, the manager {end.result.outcome}")
    return found
