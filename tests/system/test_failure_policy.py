"""What becomes of a plan that fails: back at the front, or held there until a person has dealt with it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.processes.system import ROOT, read_journal


@pytest.fixture
def start(make_system, startup):
    """Start a system on the same data directory with a policy, and open its environment."""

    def start(**settings):
        system = make_system(startup=startup, **settings).start()
        system.requester.open()
        return system

    return start


def run_a_failing_plan(ask):
    """Queue a plan that fails and one that does not; start the queue; return their uids."""
    failing, next_one = ask.add("fail"), ask.add("quick")
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1 and status["manager_state"] == "idle", "the failure")
    return failing, next_one


def test_by_default_a_failed_plan_is_at_the_front_again_and_the_next_start_runs_it(start):
    ask = start().requester
    failing, next_one = run_a_failing_plan(ask)
    first, second = ask.queue()
    assert (first["name"], second["item_uid"]) == ("fail", next_one)
    assert first["item_uid"] != failing
    assert "state" not in first
    assert ask.status()["lanes"][0]["condition"] == "open"

    ask.do("queue_start")
    ask.wait_for(
        lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "another failure"
    )
    assert [entry["name"] for entry in ask.history()] == ["fail", "fail"]


def test_with_hold_a_failed_plan_blocks_its_lane_until_it_is_released(start):
    system = start(on_failure="hold")
    ask = system.requester
    failing, next_one = run_a_failing_plan(ask)
    held, waiting = ask.queue()
    assert (held["name"], held["state"], waiting["item_uid"]) == ("fail", "held", next_one)
    assert "failed: " in held["hold_reason"]
    assert "asked to fail" in held["hold_reason"]
    status = ask.status()
    assert status["items_in_queue"] == 2
    assert status["lanes"][0]["condition"] == "held"
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (failing, "failed")

    refusal = ask.be_refused("queue_start")
    assert held["hold_reason"] in refusal
    assert "queue_item_release" in refusal
    shell = [sys.executable, "-m", "queue_server.cli", "queue", "start", "--json", "--control", system.ready["control"]]
    ended = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout)["msg"]) == (2, refusal)
    assert f"cuelight queue release {held['item_uid']}" in ended.stderr
    assert len(read_journal(system.startup)) == 1

    ask.do("queue_item_release", uid=held["item_uid"])
    assert ask.status()["lanes"][0]["condition"] == "open"
    ask.do("queue_start")
    ask.wait_for(
        lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "another failure"
    )
    [held_again, _] = ask.queue()
    assert held_again["state"] == "held"

    ask.do("queue_item_remove", uid=held_again["item_uid"])
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 3 and status["manager_state"] == "idle", "the next plan")
    assert [entry["name"] for entry in ask.history()] == ["fail", "fail", "quick"]


@pytest.mark.night
def test_autostart_does_not_go_past_a_held_item(start):
    system = start(on_failure="default=hold")
    ask = system.requester
    ask.do("queue_autostart", enable=True)
    ask.add("fail")
    ask.wait_for(lambda status: status["items_in_history"] == 1 and status["manager_state"] == "idle", "the failure")
    ask.add("quick")
    assert ask.status()["queue_autostart_enabled"] is False
    assert "is held" in ask.be_refused("queue_start")
    assert [item.get("state") for item in ask.queue()] == ["held", None]


@pytest.mark.night
def test_a_changed_policy_applies_at_the_next_start_and_what_is_held_stays_held(start):
    first = start(on_failure="hold")
    run_a_failing_plan(first.requester)
    first.close()

    second = start(on_failure="front")
    ask = second.requester
    held, _ = ask.queue()
    assert held["state"] == "held"
    assert "is held" in ask.be_refused("queue_start")
    ask.do("queue_item_release", uid=held["item_uid"])
    ask.do("queue_start")
    ask.wait_for(
        lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "another failure"
    )
    assert "state" not in ask.queue()[0]


@pytest.mark.night
def test_a_policy_for_a_lane_that_does_not_exist_ends_the_start_with_the_reason(make_system, startup):
    system = make_system(startup=startup, on_failure="defualt=hold")
    process = system.spawn()
    assert process.wait(60) == 1
    system.output.wait_for("names the lane 'defualt', which does not exist. Lanes: ['default']")
