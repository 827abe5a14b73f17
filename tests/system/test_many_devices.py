"""Thirteen thousand devices: the environment opens, lists come whole and in pages, and nobody else has to wait."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.processes.requester import USER

STARTUP = Path(__file__).parents[1] / "processes" / "many_devices"
# Mostly without components: what the worker needs for those is not looked at here.
COUNTS = {"signals": 12_880, "axes": 10, "stages": 100, "sensors": 10}
DEVICES = 13_000
GROUP = {"user_group": "primary"}


@pytest.fixture
def large(make_system, tmp_path):
    """A system whose environment has many devices, and is open."""
    startup = shutil.copytree(STARTUP, tmp_path / "startup")
    (startup / "counts.json").write_text(json.dumps(COUNTS))
    system = make_system(startup=startup).start()
    system.requester.do("environment_open")
    system.requester.wait_for(
        lambda status: status["worker_environment_state"] == "idle", "the opening of the environment"
    )
    return system


def read_pages(ask, limit):
    """Return all devices, page by page."""
    found, cursor = {}, None
    while True:
        page = ask.do("devices_page", **GROUP, limit=limit, cursor=cursor)
        assert 0 < len(page["devices"]) <= limit
        assert page["total"] == DEVICES
        assert not found.keys() & page["devices"].keys()
        found |= page["devices"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def be_answered_first(ask):
    """Ask for a list that has to be found first, and right behind it for the status, which is there before the list."""
    number, other = ask.post("devices_allowed", **GROUP), ask.post("status")
    replies = ask.collect([number, other])
    assert list(replies) == [other, number], "the list was there before the status"
    assert replies[other]["manager_state"] == "idle"
    return replies[number]


@pytest.mark.night
def test_many_devices_are_listed_whole_and_in_pages_while_others_are_answered(large, figure):
    ask = large.requester
    begin = time.monotonic()
    devices = be_answered_first(ask)["devices_allowed"]
    figure("seconds until the whole list is there", "at most 2", round(time.monotonic() - begin, 2))
    assert len(devices) == DEVICES
    assert devices["stage_00000"]["components"]["x"]["components"].keys() == {"setpoint", "readback"}
    assert ask.do("devices_existing")["devices_existing"] == devices
    assert read_pages(ask, 1_000) == devices

    permissions = ask.do("permissions_get")["user_group_permissions"]
    permissions["user_groups"]["primary"]["allowed_devices"] = [":^s.*"]
    ask.do("permissions_set", user_group_permissions=permissions)
    fewer = be_answered_first(ask)
    assert fewer["devices_allowed"].keys() == {name for name in devices if name.startswith("s")}
    assert fewer["devices_allowed_uid"] == ask.status()["devices_allowed_uid"]

    known, unknown = "stage_00099.y.readback", "axis_00001"
    permissions["user_groups"]["primary"]["allowed_devices"] = [":?.*:depth=5"]
    ask.do("permissions_set", user_group_permissions=permissions)
    assert known in ask.do("queue_item_add", item=look(known), **USER)["item"]["args"][0]
    verdicts = ask.do("item_validate", items=[look(unknown), look("nothing"), look(known, unknown)], **GROUP)
    assert [verdict["valid"] for verdict in verdicts["results"]] == [True, False, False]


def look(device, signal="signal_08999"):
    return {"item_type": "plan", "name": "look", "args": [[device], signal]}
