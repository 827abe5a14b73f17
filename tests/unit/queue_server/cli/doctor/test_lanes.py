from pathlib import Path

import pytest

from queue_server.cli.doctor.lanes import WAITS_TOO_LONG_S, check_lane

DATA = Path("/data")
NOW = 1_800_000_000.0
LANE = {
    "lane": "default",
    "condition": "open",
    "reason": "",
    "worker_state": "idle",
    "answering": True,
    "silent_since": None,
    "running_item_uid": None,
    "waiting_for": "",
    "waiting_since": None,
}


@pytest.mark.parametrize(
    ("changes", "level", "part", "action"),
    [
        ({}, "ok", "is open", ""),
        ({"worker_state": "closed", "answering": False}, "ok", "is closed", ""),
        ({"condition": "held", "reason": "worker died"}, "warning", "held: worker died", "cuelight queue list"),
        ({"condition": "estopped"}, "warning", "emergency stop.", "cuelight estop reset"),
        ({"worker_state": "failed"}, "warning", "did not open", "tail -n 50 /data/workers/default.log"),
        (
            {"answering": False, "silent_since": NOW - 75, "running_item_uid": "abc"},
            "failure",
            "has not answered for 1 min 15 s, with item abc",
            "cuelight abort || cuelight env destroy",
        ),
        ({"answering": False}, "failure", "has not answered.", "cuelight abort || cuelight env destroy"),
        ({"waiting_for": "pause", "waiting_since": NOW - WAITS_TOO_LONG_S}, "ok", "is open", ""),
        (
            {"waiting_for": "pause", "waiting_since": NOW - WAITS_TOO_LONG_S - 1},
            "warning",
            "waiting for pause for 1 min 01 s",
            "cuelight status",
        ),
        (
            {"waiting_for": "'cryo'", "waiting_item_uid": "u", "waiting_since": NOW - WAITS_TOO_LONG_S - 1},
            "ok",
            "waits for 'cryo'.",
            "",
        ),
    ],
)
def test_what_is_unusual_about_a_lane_is_told_with_what_to_do(changes, level, part, action):
    [found] = check_lane(LANE | changes, DATA, NOW)
    assert (found.level, found.action.partition("    #")[0]) == (level, action)
    assert part in found.text


@pytest.mark.parametrize("changes", [{"condition": "held"}, {"answering": False}])
def test_what_to_do_in_another_lane_names_it(changes):
    [found] = check_lane({**LANE, "lane": "b", **changes}, DATA, NOW)
    assert found.action.count("cuelight") == found.action.count("--lane b")


def test_several_things_can_be_unusual():
    lane = LANE | {"condition": "held", "answering": False, "waiting_for": "abort", "waiting_since": NOW - 100}
    assert [found.level for found in check_lane(lane, DATA, NOW)] == ["warning", "failure", "warning"]
