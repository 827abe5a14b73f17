"""Whatever happens to an item, exactly one finish report tells it, and the worker is free before it leaves."""

from __future__ import annotations

import pytest
from bluesky import Msg, RunEngine

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.executor import Executor, judge_record
from device_worker.profile import ItemResolutionError, ResolvedPlan
from device_worker.run_engine.control import Pauser
from device_worker.run_engine.outcome import Ending
from device_worker.run_engine.outputs import Outputs
from device_worker.run_engine.products import ProductCollector
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Continue, Execute, ItemAcknowledged, ItemFinished

KEY = AttemptKey("item", "submission", "default", 1, 1)


class Reports(list):
    """A reporter that keeps what it is given, and whether the worker was free then."""

    def __init__(self, activity):
        super().__init__()
        self.activity = activity

    def report(self, report):
        self.append((report, self.activity.attempt is None))

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


class Bench:
    """An executor with a RunEngine of its own, and a plan that a test provides."""

    def __init__(self):
        self.activity = Activity()
        self.activity.open()
        self.reports = Reports(self.activity)
        self.commands = Commands("default", self.activity, self.reports)
        self.engine = RunEngine({}, context_managers=[])
        self.starts = []
        self.engine.subscribe(lambda _, doc: self.starts.append(doc), "start")
        self.clock = ManualClock()
        pauser = Pauser(self.engine, self.activity, self.commands)
        self.executor = Executor(
            self.engine, self.resolve, pauser, ProductCollector(Outputs()), self.reports, self.clock
        )

    def resolve(self, content):
        if not callable(content["name"]):
            raise ItemResolutionError("There is no such plan")
        return ResolvedPlan("plan", content["name"], (), {}, {"sample": "gold", "cuelight": "not this"})

    def execute(self, plan):
        """Execute a plan and return its finish report."""
        order = Execute(attempt=KEY, content={"name": plan})
        self.commands.take(order, 1)
        assert self.commands.next_command() == order
        self.executor.execute(order, self.activity, self.commands)
        ((finished, was_free),) = [entry for entry in self.reports if isinstance(entry[0], ItemFinished)]
        assert was_free
        assert self.reports[-1][0] is finished
        return finished

    @property
    def is_acknowledged(self):
        return any(isinstance(report, ItemAcknowledged) for report, _ in self.reports)


@pytest.fixture
def bench():
    return Bench()


def measure():
    yield Msg("open_run", None)
    yield Msg("close_run", None)


def test_a_completed_plan_is_told_with_its_runs_and_times(bench):
    finished = bench.execute(measure)
    assert (finished.outcome, finished.run_uids) == ("completed", (bench.starts[0]["uid"],))
    assert (finished.time_start, finished.time_stop) == (bench.clock.wall(), bench.clock.wall())
    assert bench.is_acknowledged


def test_runs_carry_the_metadata_of_the_item_and_the_attempt(bench):
    bench.execute(measure)
    (start,) = bench.starts
    assert start["sample"] == "gold"
    assert start["cuelight"] == {"item_uid": "item", "submission": "submission", "attempt": 1, "lane": "default"}


def test_an_item_that_cannot_be_resolved_fails_without_being_acknowledged(bench):
    finished = bench.execute("unknown")
    assert (finished.outcome, finished.message) == ("failed", "There is no such plan")
    assert not bench.is_acknowledged


def test_a_plan_function_that_exits_is_a_failure(bench):
    def leave():
        raise SystemExit(2)

    finished = bench.execute(leave)
    assert (finished.outcome, finished.message) == ("failed", "SystemExit: 2")
    assert bench.is_acknowledged


def test_a_clock_that_steps_back_gives_no_negative_duration(bench):
    def turn_back():
        bench.clock.advance(-10)
        yield Msg("null")

    finished = bench.execute(turn_back)
    assert finished.time_stop == finished.time_start


class Refusal:
    """A record that says after each attempt why something is missing."""

    host = ""

    def __init__(self, *failures):
        self.failures = list(failures)

    def name_of(self, run_uid):
        return "runs/2026-11/a.jsonl"

    def settle(self):
        return self.failures.pop(0)


def test_an_attempt_whose_documents_are_not_all_recorded_has_failed(bench):
    bench.executor.record_with(Refusal("No space left on device"))
    finished = bench.execute(measure)
    assert (finished.outcome, finished.message) == ("failed", "No space left on device")
    assert bench.reports[1][0].file == "runs/2026-11/a.jsonl"


@pytest.mark.parametrize(
    ("ending", "failure", "judged"),
    [
        (Ending("completed"), "", Ending("completed")),
        (Ending("stopped"), "full", Ending("failed", "full")),
        (Ending("failed", "RecordError: full", "trace"), "full", Ending("failed", "RecordError: full", "trace")),
        (Ending("failed", "KeyError", "trace"), "full", Ending("failed", "KeyError full", "trace")),
        (Ending("aborted", "as ordered."), "full", Ending("aborted", "as ordered. full")),
        (Ending("halted"), "full", Ending("halted", "full")),
    ],
)
def test_what_a_missing_record_makes_of_an_ending(ending, failure, judged):
    assert judge_record(ending, failure) == judged


def paused_plan():
    yield Msg("checkpoint")
    yield Msg("pause", defer=False)
    yield Msg("null")


@pytest.mark.parametrize(
    ("option", "outcome"),
    [("resume", "completed"), ("stop", "stopped"), ("abort", "aborted"), ("halt", "halted")],
)
def test_a_paused_plan_ends_as_it_is_decided(bench, option, outcome):
    def plan():
        bench.commands.accept_continue()
        bench.commands.take(Continue(attempt=KEY, option=option), 1)
        yield from paused_plan()

    assert bench.execute(plan).outcome == outcome


def test_the_end_of_the_worker_aborts_a_paused_plan_and_is_not_forgotten(bench):
    def plan():
        bench.commands.end("SIGTERM was sent twice")
        yield from paused_plan()

    finished = bench.execute(plan)
    assert (finished.outcome, finished.message) == (
        "aborted",
        "The worker was told to end: SIGTERM was sent twice.",
    )
    assert bench.commands.next_command().reason == "SIGTERM was sent twice"
