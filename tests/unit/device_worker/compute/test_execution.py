from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from device_worker.compute import node
from device_worker.compute.composition import recording
from device_worker.compute.execution import Cancel, Execution, StepEnded
from device_worker.compute.outcome import Aborted, Completed, Failed, GraphProgress, Unknown
from device_worker.compute.step import prepare_steps
from device_worker.compute.workplace import Workplace


class Gate:
    """Where nodes wait. They run in threads of the test, so that there is one gate for all of them."""

    begun = threading.Event()
    opened = threading.Event()


@node
def double(value):
    """Double a value."""
    return value * 2


@node
def wait(value):
    """Begin, and end when the test allows it."""
    Gate.begun.set()
    Gate.opened.wait()
    return value


@node
def fail(value):
    """Fail as soon as the waiting node has begun."""
    Gate.begun.wait()
    raise ValueError(f"{value} is wrong")


@pytest.fixture(autouse=True)
def gate(cluster):
    Gate.begun.clear()
    Gate.opened.clear()
    yield
    Gate.opened.set()


@pytest.fixture
def events():
    return SimpleQueue()


@pytest.fixture
def progress():
    return []


@pytest.fixture
def place(tmp_path):
    return Workplace.create(tmp_path / "results")


@pytest.fixture
def execute(place, cluster, events, progress):
    def execute(compose):
        with recording("g") as recorder:
            recorder.add_file("a.json", compose(), "result")
        composition = recorder.finish()
        execution = Execution(prepare_steps(composition, place.directory, []), place, cluster, events)
        return execution.run("token", len(composition.steps), progress.append)

    return execute


def test_all_steps_are_performed_and_counted(execute, place, progress, cluster):
    assert execute(lambda: double(double(double(1)))) == Completed()
    assert progress == [GraphProgress(done, 3) for done in range(4)]
    assert cluster.client.keys == ["double-token-0", "double-token-1", "double-token-2", "write-token-3"]
    assert [entry.name for entry in place.publish()] == ["a.json"]
    assert (place.directory / "a.json").read_text() == "8\n"


def test_a_failing_node_is_named_and_others_are_ended(execute, cluster):
    failed = execute(lambda: [wait(1), fail.map([7])])
    assert isinstance(failed, Failed)
    assert failed.node == "fail[0]"
    assert failed.message.startswith("Node 'fail[0]' failed: ValueError: 7 is wrong")
    assert "raise ValueError" in failed.traceback
    assert failed.still_running == ("wait",)
    assert cluster.client.cancelled


def test_a_step_that_needs_the_failed_one_does_not_hide_it(execute):
    Gate.begun.set()
    failed = execute(lambda: double(double(fail(7))))
    assert isinstance(failed, Failed)
    assert failed.node == "fail"


def test_a_cancelled_execution_ends_though_a_node_does_not(execute, events, place, progress):
    threading.Thread(target=lambda: Gate.begun.wait() and events.put(Cancel("no longer wanted")), daemon=True).start()
    assert execute(lambda: double(wait(double(1)))) == Aborted("no longer wanted", ("wait",))
    assert progress[-1].done <= 1
    Gate.opened.set()
    assert place.publish() == ()


def test_what_was_cancelled_before_it_began_does_not_run(execute, events):
    events.put(Cancel("too late"))
    assert execute(lambda: wait(1)).outcome == "aborted"


def test_without_the_scheduler_the_outcome_is_unknown(execute, events):
    threading.Thread(target=lambda: Gate.begun.wait() and events.put(StepEnded(0, "cancelled")), daemon=True).start()
    unknown = execute(lambda: wait(1))
    assert isinstance(unknown, Unknown)
    assert "connection to the scheduler is lost" in unknown.message
    assert unknown.still_running == ("wait",)


class ProcessDied(Exception):
    """Stands for Dask's error about a process that died."""

    last_worker = SimpleNamespace(name="3", pid=os.getpid())


@node
def die(value):
    """End like a process that takes its steps with it."""
    Gate.begun.wait()
    return value


def test_a_dead_process_is_named_with_what_it_was_running(execute, cluster, monkeypatch):
    cluster.memory_limit_bytes = 512 * 1024 * 1024
    perform = cluster.client.perform

    def perform_or_die(function, order, needed):
        value = perform(function, order, needed)
        if order.name == "die":
            raise ProcessDied
        return value

    monkeypatch.setattr(cluster.client, "perform", perform_or_die)
    failed = execute(lambda: [wait(1), die(2)])
    assert isinstance(failed, Failed)
    assert failed.process == f"3 (pid {os.getpid()})"
    assert failed.node == "wait"
    assert failed.message == (
        f"Process 3 (pid {os.getpid()}) died while it ran node 'wait'; "
        "a process that needs more than its 512 MiB of memory is ended"
    )


def test_another_error_of_the_scheduler_is_a_failure_of_the_step(execute, cluster, monkeypatch):
    def refuse(function, order, needed):
        raise TimeoutError("no process for 60 s")

    monkeypatch.setattr(cluster.client, "perform", refuse)
    failed = execute(lambda: double(1))
    assert isinstance(failed, Failed)
    assert failed.message == "Node 'double' failed: TimeoutError: no process for 60 s"
