"""List file and permissions around whole systems: what is known before an environment opens, and what is written."""

from __future__ import annotations

import pytest
import yaml

from tests.processes.requester import USER

LISTS = "existing_plans_and_devices.yaml"
PERMISSIONS = "user_group_permissions.yaml"
UIDS = ("plans_existing_uid", "devices_existing_uid", "plans_allowed_uid", "devices_allowed_uid")
ONLY_QUICK = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["quick"]}}}
EVERYTHING = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": [None]}}}
METADATA = "from bluesky import RunEngine\nRE = RunEngine()\nRE.md['proposal'] = {'id': 7, 'pi': 'Ada'}\n"
MORE = "def one_more():\n    yield from ()\n"


def uids(ask):
    """Return the uids of the lists."""
    status = ask.ask("status")
    return {name: status[name] for name in UIDS}


def allowed(ask):
    """Return the names of the plans that users may run."""
    return set(ask.do("plans_allowed", user_group="primary")["plans_allowed"])


def listed(path):
    """Return the names of the plans in a list file."""
    return set(yaml.safe_load(path.read_bytes())["existing_plans"])


def run_script(ask, script):
    """Run a script in the environment, and wait until it is done."""
    uid = ask.do("script_upload", script=script)["task_uid"]
    ask.wait_for(lambda _: ask.do("task_status", task_uid=uid)["status"] == "completed", "the script")
    assert ask.do("task_result", task_uid=uid)["result"]["success"]


def test_an_environment_writes_its_lists_and_the_next_system_knows_them_at_once(make_system, startup, tmp_path):
    ask = make_system(startup=startup).start().requester
    assert ask.do("plans_existing")["plans_existing"] == {}
    assert "quick" in ask.be_refused("queue_item_add", item={"item_type": "plan", "name": "quick"}, **USER)
    ask.open()
    known = ask.do("plans_existing")["plans_existing"]
    assert listed(startup / LISTS) == set(known)
    # Another system, which has never had an environment.
    other = make_system(startup=startup, data=str(tmp_path / "other")).start().requester
    assert other.do("plans_existing")["plans_existing"] == known
    assert other.do("devices_existing")["devices_existing"] == ask.do("devices_existing")["devices_existing"]
    other.add("quick")
    before, written = uids(other), (startup / LISTS).stat()
    other.open()
    assert uids(other) == before
    assert (startup / LISTS).stat().st_mtime_ns == written.st_mtime_ns


@pytest.mark.night
def test_lists_and_uids_stay_when_the_manager_dies_and_when_the_system_starts_again(system):
    ask = system.requester
    ask.open()
    before = uids(ask)
    system.kill_manager()
    system.wait_ready(2)
    assert uids(ask) == before
    ask.do("environment_close")
    ask.wait_for_state("idle")
    ask.do("manager_stop")
    system.end()
    ask = system.start().requester
    assert uids(ask) == before
    assert "quick" in allowed(ask)


def test_a_script_changes_the_list_file_and_what_the_file_says_can_be_taken_back(make_system, startup):
    (startup / "90-metadata.py").write_text(METADATA)
    settings = {"update_list_file": "always", "script_upload": True, "permitted_metadata_keys": ["/proposal/id"]}
    ask = make_system(startup=startup, **settings).start().requester
    ask.open()
    assert ask.do("re_metadata")["re_metadata"] == {"proposal": {"id": 7}}
    assert "one_more" not in listed(startup / LISTS)
    run_script(ask, MORE)
    assert "one_more" in listed(startup / LISTS)
    content = yaml.safe_load((startup / LISTS).read_bytes())
    del content["existing_plans"]["one_more"]
    (startup / LISTS).write_text(yaml.safe_dump(content))
    before = uids(ask)
    ask.do("permissions_reload", restore_plans_devices=True)
    assert "one_more" not in ask.do("plans_existing")["plans_existing"]
    after = uids(ask)
    assert [name for name in UIDS if after[name] == before[name]] == []


@pytest.mark.night
def test_permissions_that_were_set_outlast_the_manager_and_the_rule_decides_about_a_new_start(make_system, startup):
    (startup / PERMISSIONS).write_text(yaml.safe_dump(EVERYTHING))
    plans = {
        name: {"name": name, "properties": {"is_generator": True}, "parameters": []}
        for name in ("quick", "hold", "fail")
    }
    (startup / LISTS).write_text(yaml.safe_dump({"existing_plans": plans, "existing_devices": {}}))
    system = make_system(startup=startup, permissions_reload="on_startup").start()
    ask = system.requester
    ask.do("permissions_set", user_group_permissions=ONLY_QUICK)
    system.kill_manager()
    system.wait_ready(2)
    assert allowed(ask) == {"quick"}
    ask.do("manager_stop")
    system.end()
    ask = system.start().requester
    assert allowed(ask) == {"quick", "hold", "fail"}


@pytest.mark.night
def test_permissions_that_were_named_and_are_not_there_end_the_start_with_the_reason(make_system, startup):
    system = make_system(startup=startup, permissions=str(startup / "who.yaml"))
    process = system.spawn()
    assert process.wait(60) == 1
    assert system.output.count("who.yaml cannot be read: No such file") > 0
