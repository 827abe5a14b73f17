"""The report that a plan has ended. P3: the manager dies before it is committed. P15: it is about another attempt."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager

import pytest
import zmq

from queue_server.process import living_workers
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Hello, ItemFinished, pack
from queue_server.workers.sockets import link_address
from tests.processes.system import read_journal

KILLS = 25
LATE_REPORTS = 50
# Far above the numbers of the true worker.
FIRST_NUMBER = 1_000_000

# A manager that adopts a worker in the middle of a plan takes one turn for the hello, one for the end of the recovery,
# and one for the watchdog; the next one is about the end of the plan. Its first transaction reads the state.
BEFORE_THE_END_IS_COMMITTED = {"engine.before_turn": 4, "store.before_commit": 5}


@pytest.mark.fault("P3")
@pytest.mark.parametrize("point", BEFORE_THE_END_IS_COMMITTED)
def test_the_end_of_a_plan_is_recorded_once_although_the_manager_dies_over_it(rig, point, tmp_path, figure):
    gates = [tmp_path / f"gate{number}" for number in range(KILLS + 1)]
    manager = rig.recover()
    ask = manager.requester
    ask.open()
    uids = [ask.add("hold", str(gate), label=gate.name) for gate in gates]
    ask.do("queue_start")
    for number in range(KILLS):
        ask.wait_for(lambda status, uid=uids[number]: status["running_item_uid"] == uid, f"plan {number}")
        ask.wait_for_runs()
        manager.kill()
        victim = rig.start(f"{point}=kill@{BEFORE_THE_END_IS_COMMITTED[point]}").must_be_ready()
        gates[number].touch()
        rig.was_killed(victim, point)
        manager = rig.recover()
        ask = manager.requester
    gates[KILLS].touch()
    ask.wait_for_state("idle")

    history = ask.history()
    assert [entry["item_uid"] for entry in history] == uids
    assert {entry["result"]["exit_status"] for entry in history} == {"completed"}
    journal = read_journal(rig.startup)
    assert [entry["item_uid"] for entry in journal] == uids
    assert [entry["result"]["run_uids"] for entry in history] == [[entry["run_uid"]] for entry in journal]
    assert ask.queue() == []
    # The worker tells again what was not acknowledged. An end that had been committed comes too late: then the kill
    # has missed its moment, because a busy machine had let two turns become one.
    events = ask.do("events_get", since=0, limit=1000)["events"]
    assert len([event for event in events if event["kind"] == "late_report"]) <= KILLS // 4
    figure(f"ends recorded once after a kill at {point}", KILLS, len(rig.kills))


def late_finishes(key):
    """Return reports of other attempts than the open one: of epochs before and after, other numbers, other items."""
    others = [
        dataclasses.replace(key, epoch=key.epoch - 1),
        dataclasses.replace(key, epoch=key.epoch + 1),
        dataclasses.replace(key, number=2),
        dataclasses.replace(key, item_uid="another"),
        dataclasses.replace(key, submission="another"),
    ]
    return [
        ItemFinished(
            number=FIRST_NUMBER + number,
            attempt=others[number % len(others)],
            outcome="failed",
            time_start=0.0,
            time_stop=1.0,
            run_uids=("forged",),
        )
        for number in range(LATE_REPORTS)
    ]


@contextmanager
def speaking_as_worker(data, status, key, reports):
    """Say hello in the name of the worker that runs ``key``, send reports, and stay connected for a while."""
    [pid] = living_workers(data / "workers")
    incarnation = status["lanes"][0]["worker"]
    hello = Hello(
        lane="default",
        incarnation=incarnation,
        pid=pid,
        environment="open",
        re_state="running",
        attempt=key,
        next_report=FIRST_NUMBER,
    )
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 5_000)
        socket.connect(link_address(data))
        for message in (hello, *reports):
            socket.send(pack(message))
        yield


@pytest.mark.fault("P15")
def test_a_late_report_is_recorded_and_never_applied(rig, tmp_path, figure):
    gate = tmp_path / "gate"
    manager = rig.recover()
    manager.requester.open()
    uid = manager.requester.add("hold", str(gate))
    manager.requester.do("queue_start")
    [run] = manager.requester.wait_for_runs()
    # The epoch rises, and the attempt keeps the epoch in which it was started.
    manager.kill()
    manager = rig.recover()
    ask = manager.requester
    status = ask.wait_for_state("executing_queue")
    key = AttemptKey(uid, uid, "default", 1, status["epoch"] - 1)
    queue_before, seq = ask.do("queue_get"), ask.do("events_get", since=0, limit=1)["last_seq"]

    def late_reports(_):
        events = ask.do("events_get", since=seq, limit=1000)["events"]
        return sum(event["kind"] == "late_report" for event in events) == LATE_REPORTS

    with speaking_as_worker(rig.data, status, key, late_finishes(key)):
        ask.wait_for(late_reports, "all late reports in the event log")
    assert ask.do("queue_get") == queue_before
    assert ask.history() == []
    figure("late reports recorded and not applied", LATE_REPORTS, LATE_REPORTS)

    # The forged hello has taken the place of the true worker, which the next manager will hear again.
    manager.kill()
    ask = rig.recover().requester
    ask.wait_for_state("executing_queue")
    gate.touch()
    ask.wait_for_state("idle")
    [entry] = ask.history()
    assert (entry["result"]["exit_status"], entry["result"]["run_uids"]) == ("completed", [run["uid"]])
