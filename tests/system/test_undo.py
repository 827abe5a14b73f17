"""Edits of the queue are taken back by the command of a person, also after everything has died in between."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.processes.requester import USER


@pytest.fixture
def cuelight(system):
    """Run the command against the system as it is then; return its exit code and what it printed."""

    def run(*words):
        ready = system.ready
        address = ["--control", ready["control"], "--info", ready["info"]]
        command = [sys.executable, "-m", "queue_server.cli", *words, *address]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    return run


def test_edits_are_undone_after_everything_has_died(system, cuelight):
    ask = system.requester
    ask.open()
    items = [{"item_type": "plan", "name": "quick", "kwargs": {"label": str(number)}} for number in range(4)]
    uids = [item["item_uid"] for item in ask.do("queue_item_add_batch", items=items, **USER)["items"]]
    ask.do("queue_item_hold", uid=uids[2], reason="later")
    before = ask.queue()
    ask.do("queue_item_move", uid=uids[3], pos_dest="front")
    ask.do("queue_item_remove_batch", uids=uids[:2])
    ask.do("queue_clear")

    system.kill_everything()
    ask = system.start().requester
    assert ask.queue() == []
    code, out, err = cuelight("queue", "undo", "3", "--user", "anna")
    assert (code, "the queue has 4" in err) == (0, True)
    undone = [int(line.split()[0]) for line in out.splitlines()[1:]]
    kinds = [("queue_clear" in line, "remove_batch" in line, "item_move" in line) for line in out.splitlines()[1:]]
    assert kinds == [(True, False, False), (False, True, False), (False, False, True)]
    assert ask.queue() == before

    code, out, _ = cuelight("log", "--kind", "queue_undo", "--json")
    [undo] = json.loads(out)["events"]
    assert (undo["origin"]["user"], undo["data"]["undone"]) == ("anna", undone)
    assert undo["data"]["queue_uid"] == ask.status()["plan_queue_uid"]


@pytest.mark.night
def test_an_item_that_has_run_is_not_taken_back(system, cuelight):
    ask = system.requester
    ask.open()
    uid = ask.add("quick")
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the plan to end")
    code, _, err = cuelight("queue", "undo")
    assert code == 2
    assert f"'{uid}' has started since" in err
    assert len(ask.history()) == 1
