"""The worker outlives its manager, and each finish is told until it is acknowledged."""

from __future__ import annotations

import os
import signal

import pytest

from queue_server.client.outbox import read_finish_records
from queue_server.protocol.worker_link import (
    Close,
    EnvironmentClosed,
    EnvironmentOpened,
    Heartbeat,
    Hello,
    ItemFinished,
    REStateChanged,
    RunOpened,
    Welcome,
)
from tests.doubles.router import Router
from tests.doubles.worker_process import Plan, Worker


def numbers(router):
    return [message.number for message in router.messages if hasattr(message, "number")]


def test_a_plan_survives_its_managers_and_its_finish_is_told_until_it_is_acknowledged(worker, router, go):
    plan = Plan(router).order("measure_around", str(go)).started()
    (opened,) = plan.reports(RunOpened)
    last_number = max(numbers(router))
    router.close()
    with Router(worker.address, epoch=2, acknowledges=False) as second:
        plan.router = second
        hello = second.wait_for(Hello)
        assert (hello.environment, hello.re_state, hello.attempt) == ("open", "running", plan.key)
        assert [run.uid for run in hello.runs] == [opened.run_uid]
        assert hello.next_report == last_number + 1
        second.wait_for(Heartbeat)
        # Adopted: the attempt keeps the epoch of its start.
        plan.pause().paused()
    go.touch()
    with Router(worker.address, epoch=3, acknowledges=False) as third:
        plan.router = third
        assert third.wait_for(Hello).re_state == "paused"
        third.wait_for(REStateChanged, lambda message: message.re_state == "paused")
        plan.proceed("resume").finished()
    with Router(worker.address, epoch=4) as fourth:
        plan.router = fourth
        hello = fourth.wait_for(Hello)
        assert (hello.attempt, hello.re_state) == (None, "idle")
        finished = plan.finished()
        assert (finished.outcome, finished.points, finished.run_uids) == ("completed", 2, (opened.run_uid,))
        assert numbers(fourth) == list(range(last_number + 1, finished.number + 1))
        # A manager that did not know of the finish yet may have dispatched the item again.
        plan.order("measure_around", str(go))
        Plan(fourth).order("count", ["det1"]).finished()
        assert len(plan.reports(ItemFinished)) == 1


def test_a_plan_that_ends_while_the_manager_is_away_is_on_the_disk_and_told_later(worker, router, go):
    plan = Plan(router).order("measure_around", str(go)).started()
    router.close()
    go.touch()
    while not read_finish_records(worker.finish_records):
        assert worker.process.poll() is None
        os.sched_yield()
    (record,) = read_finish_records(worker.finish_records)
    assert (record.attempt, record.outcome) == (plan.key, "completed")
    with Router(worker.address, epoch=2) as second:
        assert second.wait_for(ItemFinished).run_uids == record.run_uids
        second.send(Close())
        second.wait_for(EnvironmentClosed)
        assert worker.wait() == 0
    assert not worker.finish_records.exists()


@pytest.mark.night
def test_managers_of_earlier_epochs_and_orders_before_the_welcome_are_not_obeyed(directory):
    with Router(f"ipc://{directory}/link", epoch=5) as router, Worker(directory) as worker:
        router.wait_for(EnvironmentOpened)
        router.close()
        with Router(worker.address, epoch=4) as earlier:
            earlier.wait_for(Hello)
            Plan(earlier).order("count", ["det1"])
            assert earlier.drain(0.5) == []
        with Router(worker.address, epoch=6, welcomes=False) as later:
            later.wait_for(Hello)
            Plan(later).order("count", ["det1"])
            later.send(Welcome(epoch=6))
            plan = Plan(later).order("count", ["det1"])
            assert later.wait_for(ItemFinished).attempt == plan.key


@pytest.mark.night
def test_sigkill_leaves_the_finish_records_that_were_not_acknowledged(directory):
    with Router(f"ipc://{directory}/link", acknowledges=False) as router, Worker(directory) as worker:
        router.wait_for(EnvironmentOpened)
        plan = Plan(router).order("count", ["det1"])
        assert plan.finished().outcome == "completed"
        Plan(router).order("kill_worker")
        assert worker.wait() == -signal.SIGKILL
        (record,) = read_finish_records(worker.finish_records)
        assert (record.attempt, record.outcome, record.points) == (plan.key, "completed", 1)
