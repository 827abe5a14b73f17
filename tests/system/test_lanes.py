"""Two lanes with workers of their own: their plans overlap in time, and what befalls one is nothing to the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from queue_server.process import living_workers
from tests.processes.requester import USER
from tests.processes.system import ROOT, copy_startup, read_journal
from tests.processes.waiting import kill

ONLY_HERE = '''
def only_here():
    """A plan that no other lane knows."""
    yield from bps.null()
'''


@pytest.fixture
def other_startup(tmp_path):
    """Startup code of another lane: with a plan of its own, and without a plan that the lane default has."""
    directory = copy_startup(tmp_path / "startup-b")
    code = (directory / "00-light.py").read_text()
    (directory / "00-light.py").write_text(code.partition("def fail(")[0] + ONLY_HERE)
    return directory


@pytest.fixture
def lanes(make_system, startup, other_startup):
    """A system with two lanes whose environments are open."""
    system = make_system(startup=startup, lanes={"b": str(other_startup)}).start()
    ask = system.requester
    ask.do("environment_open", lane="b")
    ask.do("environment_open")
    ask.wait_for(
        lambda status: all(lane["worker_state"] == "idle" for lane in status["lanes"]), "two open environments"
    )
    return system


def of_lane(status, name):
    """Return what a status says of a lane."""
    [lane] = [lane for lane in status["lanes"] if lane["lane"] == name]
    return lane


def start_hold(ask, gate, **lane):
    """Run a plan in a lane that lasts until ``gate`` exists; return its uid, and that of a plan behind it."""
    uids = []
    for name, args in (("hold", [str(gate)]), ("quick", [])):
        item = {"item_type": "plan", "name": name, "args": args}
        uids.append(ask.do("queue_item_add", item=item, **lane, **USER)["item"]["item_uid"])
    ask.do("queue_start", **lane)
    ask.wait_for(lambda _: ask.do("re_runs", **lane)["run_list"], f"a run {lane}")
    return uids


def worker_of(system, name):
    """Return the process id of the worker of a lane."""
    wanted = of_lane(system.requester.status(), name)["worker"]
    [pid] = [
        pid
        for pid in living_workers(system.data / "workers")
        if wanted in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    ]
    return pid


def outcomes(ask, lane):
    """Return how the items of a lane ended, by uid."""
    entries = ask.do("history_get", lane=lane)["items"]
    return {entry["item_uid"]: entry["result"]["exit_status"] for entry in entries}


def check_plans(ask):
    """Check that each lane knows the plans of its own startup code."""
    known = {name: set(ask.do("plans_existing", lane=name)["plans_existing"]) for name in ("default", "b")}
    assert known == {"default": {"quick", "hold", "fail"}, "b": {"quick", "hold", "only_here"}}
    assert "only_here" in ask.be_refused("queue_item_add", item={"item_type": "plan", "name": "only_here"}, **USER)


def test_plans_of_two_lanes_overlap_and_the_death_of_one_worker_leaves_the_other_alone(
    lanes, startup, other_startup, tmp_path
):
    ask = lanes.requester
    ours, _ = start_hold(ask, tmp_path / "gate")
    theirs, behind = start_hold(ask, tmp_path / "gate-b", lane="b")
    status = ask.status()
    assert [lane["running_item_uid"] for lane in status["lanes"]] == [ours, theirs]
    assert worker_of(lanes, "default") != worker_of(lanes, "b")

    kill(worker_of(lanes, "default"))
    status = ask.wait_for(lambda status: status["items_in_history"] == 1, "the end of the attempt")
    assert of_lane(status, "default")["condition"] == "held"
    assert (of_lane(status, "b")["manager_state"], of_lane(status, "b")["condition"]) == ("executing_queue", "open")
    assert (status["manager_state"], status["worker_environment_exists"]) == ("idle", False)

    (tmp_path / "gate-b").touch()
    ask.wait_for(lambda status: of_lane(status, "b")["manager_state"] == "idle", "the end of the queue of lane b")
    assert outcomes(ask, "default") == {ours: "unknown"}
    assert outcomes(ask, "b") == {theirs: "completed", behind: "completed"}
    assert [entry["item_uid"] for entry in read_journal(startup)] == [ours]
    assert [entry["item_uid"] for entry in read_journal(other_startup)] == [theirs, behind]


def test_a_manager_that_was_killed_finds_the_workers_of_all_lanes_again(lanes, startup, other_startup, tmp_path):
    ask = lanes.requester
    ours, after_ours = start_hold(ask, tmp_path / "gate")
    theirs, after_theirs = start_hold(ask, tmp_path / "gate-b", lane="b")
    workers = sorted(living_workers(lanes.data / "workers"))
    check_plans(ask)

    lanes.kill_manager()
    status = ask.wait_for(
        lambda status: all(lane["manager_state"] == "executing_queue" for lane in status["lanes"]), "both lanes again"
    )
    assert status["epoch"] == 2
    assert [lane["running_item_uid"] for lane in status["lanes"]] == [ours, theirs]
    assert sorted(living_workers(lanes.data / "workers")) == workers
    check_plans(ask)

    (tmp_path / "gate-b").touch()
    ask.wait_for(lambda status: of_lane(status, "b")["manager_state"] == "idle", "the end of the queue of lane b")
    assert of_lane(ask.status(), "default")["running_item_uid"] == ours
    (tmp_path / "gate").touch()
    ask.wait_for_state("idle")
    assert outcomes(ask, "default") == dict.fromkeys((ours, after_ours), "completed")
    assert outcomes(ask, "b") == dict.fromkeys((theirs, after_theirs), "completed")
    assert [entry["item_uid"] for entry in read_journal(startup)] == [ours, after_ours]
    assert [entry["item_uid"] for entry in read_journal(other_startup)] == [theirs, after_theirs]


@pytest.mark.night
def test_the_command_line_acts_in_the_lane_that_is_named(lanes):
    def cuelight(*words):
        shell = [sys.executable, "-m", "queue_server.cli", *words, "--json", "--control", lanes.ready["control"]]
        notices = ["--info", lanes.ready["info"]]
        ended = subprocess.run([*shell, *notices], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    uid = cuelight("queue", "add", "only_here", "--lane", "b")["item"]["item_uid"]
    assert lanes.requester.queue() == []
    [finished] = cuelight("queue", "start", "--wait", "--lane", "b")["items"]
    assert (finished["item_uid"], finished["result"]["exit_status"]) == (uid, "completed")
    assert [lane["lane"] for lane in cuelight("lanes")["lanes"]] == ["default", "b"]
