"""Invariants: silent about every sound state, and each with a sentence of its own about a broken one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.invariants import violations
from queue_server.core.model import Attempt, Lane, Run, State, Wait, Worker
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.tasks import Task


def key_of(lane: str = "default", number: int = 1, epoch: int = 1) -> AttemptKey:
    return AttemptKey("item", "submission", lane, number, epoch)


KEY = key_of()
OPEN = Worker("open", "w")
SHUTTER = Task("t1", "default", "function", in_background=False, time_start=1.0)
ASIDE = Task("t2", "default", "script", in_background=True, time_start=1.0)
RUNNING = Lane(worker=OPEN, queue="running", attempt=Attempt(KEY, 0.0))


@pytest.mark.parametrize(
    "lane",
    [
        Lane(),
        Lane(worker=OPEN, size=3),
        Lane(worker=Worker("opening", "w", wait=Wait("code", 1.0))),
        Lane(worker=Worker("closing", "w", wait=Wait("the end", 1.0))),
        RUNNING,
        replace(RUNNING, queue="starting", stop_pending=True),
        replace(RUNNING, queue="stopped"),
        replace(RUNNING, worker=Worker("destroying", "w", wait=Wait("the end", 1.0))),
        Lane(condition="held", reason="unknown"),
        Lane(worker=OPEN, tasks=(SHUTTER, ASIDE)),
        replace(RUNNING, tasks=(ASIDE, replace(ASIDE, uid="t3"))),
    ],
)
def test_a_sound_state_breaks_no_rule(lane):
    assert violations(State(epoch=1, lanes=(lane,))) == []


@pytest.mark.parametrize(
    ("lane", "sentence"),
    [
        (Lane(size=-1), "the queue has a negative size"),
        (Lane(worker=Worker("closed", "w")), "a closed environment has a worker"),
        (Lane(worker=Worker("open", "")), "an environment has no worker"),
        (Lane(worker=Worker("closing", "w")), "it is not said what is waited for"),
        (replace(RUNNING, worker=Worker()), "an attempt is open without an environment"),
        (
            replace(RUNNING, worker=Worker("opening", "w", wait=Wait("code", 1.0))),
            "an attempt is open while the environment opens",
        ),
        (Lane(worker=OPEN, queue="running"), "a queue runs without an attempt"),
        (Lane(stop_pending=True), "a queue is asked to stop that does not run"),
        (Lane(condition="held"), "a condition has no reason"),
        (Lane(tasks=(SHUTTER,)), "a task runs without an environment"),
        (Lane(worker=OPEN, tasks=(ASIDE, ASIDE)), "a task runs twice"),
        (Lane(worker=OPEN, tasks=(SHUTTER, replace(SHUTTER, uid="t3"))), "two tasks run in the foreground"),
        (replace(RUNNING, tasks=(SHUTTER,)), "a task runs in the foreground beside a queue"),
        (replace(RUNNING, attempt=Attempt(key_of(lane="b"), 0.0)), "the attempt belongs to another lane"),
        (replace(RUNNING, attempt=Attempt(key_of(number=0), 0.0)), "the attempt has no number"),
        (replace(RUNNING, attempt=Attempt(key_of(epoch=2), 0.0)), "the attempt comes from the future"),
        (replace(RUNNING, attempt=Attempt(KEY, 0.0, runs=(Run("r"), Run("r")))), "a run is recorded twice"),
    ],
)
def test_each_broken_rule_is_named_with_its_lane(lane, sentence):
    assert violations(State(epoch=1, lanes=(Lane("b"), lane))) == [f"lane 'default': {sentence}"]


def test_lanes_and_history_have_rules_too():
    assert violations(State(epoch=1, lanes=(Lane(), Lane()))) == ["the lane 'default' exists twice"]
    assert violations(State(epoch=1, history_size=-1)) == ["the history has a negative size"]


def test_all_broken_rules_are_told_at_once():
    assert len(violations(State(epoch=1, history_size=-1, lanes=(Lane(size=-1, stop_pending=True),)))) == 3
