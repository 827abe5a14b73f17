"""The emergency stop from the shell: what was not stopped is said, and shows in the exit code."""

from __future__ import annotations

import json

import pytest

LANE = {"lane": "default", "answer": "reported", "note": "", "stopped": ["motor"], "omitted": 0}
GOOD = {**LANE, "failed": [], "not_reached": []}
BAD = {**LANE, "failed": [{"device": "m2", "reason": "no answer"}], "not_reached": []}


def test_a_stop_tells_what_was_stopped_and_how_it_is_released(cuelight):
    cuelight.answer("estop", {"lanes": [GOOD], "recorded": True})
    run = cuelight("estop", "-m", "smoke", "--user", "jdoe")
    assert run.code == 0
    assert cuelight.requests == [("estop", {"reason": "smoke", "user": "jdoe"})]
    assert "motor" in run.out
    assert "cuelight estop reset" in run.err
    assert "recorded" not in run.err


@pytest.mark.parametrize("lane", [BAD, {**GOOD, "answer": "silent"}, {**GOOD, "answer": "killed"}])
def test_what_was_not_stopped_shows_in_the_exit_code(cuelight, lane):
    cuelight.answer("estop", {"lanes": [lane], "recorded": False})
    run = cuelight("estop")
    assert run.code == 5
    assert "not yet recorded" in run.err


def test_the_reply_can_be_had_as_json(cuelight):
    cuelight.answer("estop", {"lanes": [GOOD], "recorded": True})
    assert json.loads(cuelight("estop", "--json").out)["lanes"] == [GOOD]


def test_a_reset_names_what_was_released(cuelight):
    cuelight.answer("estop_reset", {"released": ["default"]})
    run = cuelight("estop", "reset", "-m", "searched", "--user", "jdoe")
    assert cuelight.requests == [("estop_reset", {"reason": "searched", "user": "jdoe"})]
    assert "default" in run.err
    cuelight.answer("estop_reset", {"released": []})
    assert "Nothing was latched" in cuelight("estop", "reset").err
