"""Another RunEngine takes the place of the first with all that watches it, or everything stays as it was."""

from __future__ import annotations

from collections import UserDict

import pytest
from bluesky import Msg, RunEngine
from bluesky.utils import RunEngineInterrupted

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.parts import EnvironmentParts
from device_worker.profile import Profile, ProfileError, ResolvedPlan, StartupSource
from device_worker.run_engine.build import contain_exit
from device_worker.seat import Seat
from device_worker.task_orders import TaskOrders
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Continue, Execute, ItemFinished, OrderRefused, REStateChanged


class Reports(list):
    """A reporter that keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.metadata = []

    def report(self, report):
        self.append(report)

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        self.metadata.append(metadata.values)


class Bench:
    """A seat with a RunEngine whose metadata say which it is."""

    def __init__(self):
        self.first = RunEngine({"which": "first"}, context_managers=[])
        self.second = RunEngine({"which": "second"}, context_managers=[])
        self.profile = Profile(StartupSource("sim"), {"RE": self.first})
        self.activity = Activity()
        self.activity.open()
        self.reports = Reports()
        clock = ManualClock()
        self.commands = Commands("default", self.activity, self.reports)
        orders = TaskOrders(self.activity, self.commands, self.reports, clock)
        parts = EnvironmentParts(self.activity, self.commands, orders, self.reports, clock)
        self.plan = measure
        self.seat = Seat(self.profile, lambda _: ResolvedPlan("plan", self.plan, (), {}, {}), parts)

    def execute(self, number) -> ItemFinished:
        """Execute the plan and return its finish report."""
        order = Execute(attempt=AttemptKey(f"item-{number}", "submission", "default", 1, 1), content={})
        self.commands.take(order, 1)
        assert self.commands.next_command() == order
        self.seat.execute(order)
        finished = self.reports[-1]
        assert isinstance(finished, ItemFinished)
        return finished

    def replace(self, engine):
        """Do as a script does that calls something ``RE``."""
        self.profile.namespace["RE"] = engine
        self.seat.replace_engine()

    @property
    def states(self):
        return [report.re_state for report in self.reports if isinstance(report, REStateChanged)]


@pytest.fixture
def bench():
    return Bench()


def measure():
    yield Msg("open_run", None)
    yield Msg("close_run", None)


def test_metadata_are_told_with_each_plan(bench):
    assert bench.execute(1).outcome == "completed"
    (values,) = bench.reports.metadata
    assert (values["which"], values["scan_id"]) == ("first", 1)


def test_metadata_that_cannot_be_read_do_no_harm(bench, caplog):
    class Gone(UserDict):
        def __iter__(self):
            raise OSError("the server is gone")

    bench.first.md = Gone()
    bench.seat.show_metadata()
    assert bench.reports.metadata == []
    assert "the server is gone" in caplog.text


def test_plans_run_on_the_new_run_engine_and_its_states_are_told_once(bench):
    bench.replace(bench.second)
    assert bench.seat.loop is bench.second.loop
    assert bench.execute(1).outcome == "completed"
    assert bench.reports.metadata[-1]["which"] == "second"
    assert bench.states == ["running", "idle"]
    bench.first(measure())
    assert bench.states == ["running", "idle"]


def test_a_run_engine_that_comes_back_is_not_prepared_twice(bench):
    for engine in (bench.second, bench.first, bench.second):
        bench.replace(engine)
    containing, *guards = bench.second.preprocessors
    assert (containing, len(guards)) == (contain_exit, 2)
    assert bench.execute(1).outcome == "completed"
    assert bench.states == ["running", "idle"]


@pytest.mark.parametrize("value", [None, 5, "engine"])
def test_what_is_no_run_engine_leaves_the_earlier_one(bench, value):
    if value is None:
        bench.replace(None)
    else:
        with pytest.raises(ProfileError, match="not a RunEngine"):
            bench.replace(value)
    assert bench.profile.namespace["RE"] is bench.first
    assert bench.execute(1).outcome == "completed"


def test_it_is_not_replaced_while_a_plan_runs(bench):
    refused = []

    def plan():
        with pytest.raises(ProfileError, match="while a plan runs"):
            bench.replace(bench.second)
        refused.append(True)
        yield from measure()

    bench.plan = plan
    assert bench.execute(1).outcome == "completed"
    assert refused == [True]
    assert bench.profile.namespace["RE"] is bench.first


def test_a_pause_outside_an_item_lets_no_later_order_through(bench):
    def plan():
        yield Msg("checkpoint")
        yield Msg("pause", defer=False)

    with pytest.raises(RunEngineInterrupted):
        bench.first(plan())
    bench.first.abort()

    def asks_too_early():
        order = Continue(attempt=bench.activity.attempt, option="abort")
        bench.commands.take(order, 1)
        yield from measure()

    bench.plan = asks_too_early
    assert bench.execute(1).outcome == "completed"
    assert any(isinstance(report, OrderRefused) for report in bench.reports)
