"""What the verbs print: data on stdout, talk on stderr, one JSON document where it is wanted."""

from __future__ import annotations

import json

import pytest

RESULT = {
    "exit_status": "completed",
    "run_uids": ["r1"],
    "scan_ids": [1],
    "time_start": 1_700_000_000.0,
    "time_stop": 1_700_000_002.5,
    "msg": "",
    "traceback": "",
    "points": 5,
}
ENTRY = {"name": "count", "args": [["det1"]], "kwargs": {}, "item_uid": "u1", "result": RESULT}
FAILED = {**ENTRY, "item_uid": "u2", "result": {**RESULT, "exit_status": "failed", "traceback": "  File x\nBoom: no\n"}}
NO_REPLY = ("--timeout", "0.05")


def error(code, msg="Error: no."):
    return {"success": False, "msg": msg, "error": {"code": code, "details": {}}}


def test_the_history_is_a_table_and_failures_are_explained_beside_it(cuelight):
    cuelight.answer("history_get", {"items": [ENTRY, FAILED]})
    ended = cuelight("history")
    header, first, second = ended.out.splitlines()
    assert header.split() == ["STARTED", "ITEM", "OUTCOME", "POINTS", "DURATION", "RUNS"]
    assert first.split()[-6:] == ["count([det1])", "completed", "5", "2.5", "s", "r1"]
    assert "failed" in second
    assert ended.err == "count (u2): Boom: no\n"


def test_the_history_says_beside_the_table_why_an_item_has_no_metrics(cuelight):
    lacking = {**ENTRY, "result": {**RESULT, "metrics_error": "Column 'x': there is no point."}}
    cuelight.answer("history_get", {"items": [lacking, ENTRY]})
    assert cuelight("history").err == "count (u1) has no metrics: Column 'x': there is no point.\n"


def test_the_queue_shows_the_running_item_and_why_an_item_is_held(cuelight):
    held = {"name": "scan", "item_uid": "u2", "user": "anna", "state": "held", "hold_reason": "no beam"}
    cuelight.answer("queue_get", {"running_item": {"name": "count", "item_uid": "u1"}, "items": [held]})
    lines = cuelight("queue", "list").out.splitlines()
    assert lines[1].split() == ["running", "count()", "u1"]
    assert lines[2].split() == ["0", "scan()", "anna", "u2", "held:", "no", "beam"]


def test_an_empty_queue_is_talk(cuelight):
    assert cuelight("queue", "list")[1:] == ("", "The queue is empty.\n")


def test_plans_are_listed_with_the_first_line_of_their_description(cuelight):
    cuelight.answer("plans_allowed", {"plans_allowed": {"b": {"description": "\n Second.\nMore"}, "a": {}}})
    assert [line.split() for line in cuelight("plans").out.splitlines()] == [
        ["PLAN", "DESCRIPTION"],
        ["a"],
        ["b", "Second."],
    ]


def test_one_plan_is_shown_with_its_parameters(cuelight):
    parameter = {
        "name": "num",
        "kind": {"name": "KEYWORD_ONLY", "value": 3},
        "default": "1",
        "annotation": {"type": "int"},
    }
    plan = {"name": "count", "description": "Count.", "parameters": [parameter]}
    cuelight.answer("plans_allowed", {"plans_allowed": {"count": plan}})
    lines = cuelight("plans", "count").out.splitlines()
    assert lines[0] == "count: Count."
    assert lines[2].split() == ["num", "keyword", "only", "int", "1"]
    ended = cuelight("plans", "scan")
    assert (ended.code, "no plan 'scan'" in ended.err) == (2, True)


def test_devices_are_listed_with_what_can_be_done_with_them(cuelight):
    motor = {"classname": "SynAxis", "is_readable": True, "is_movable": True, "is_flyable": False}
    cuelight.answer("devices_allowed", {"devices_allowed": {"motor1": motor}})
    assert cuelight("devices").out.splitlines()[1].split() == ["motor1", "SynAxis", "read,", "moved"]
    assert json.loads(cuelight("devices", "motor1").out) == motor


def test_a_page_of_devices_names_the_next_one(cuelight):
    page = {"devices": {"m1": {"classname": "SynAxis"}}, "total": 3, "next_cursor": "m1", "devices_allowed_uid": "d"}
    cuelight.answer("devices_page", page)
    ended = cuelight("devices", "--limit", "1")
    assert ended.out.splitlines()[1].split() == ["m1", "SynAxis"]
    assert "--cursor 'm1'" in ended.err
    cuelight.answer("devices_page", {**page, "next_cursor": None})
    assert cuelight("devices", "--cursor", "m1").err == ""
    assert cuelight("devices", "m1", "--limit", "1").code == 1


def test_events_show_who_did_what(cuelight):
    event = {
        "seq": 4,
        "time": 1.7e9,
        "kind": "queue_clear",
        "origin": {"user": "anna"},
        "item_uid": "u",
        "data": {"n": 1},
    }
    cuelight.answer("events_get", {"events": [event], "last_seq": 4})
    row = cuelight("events").out.splitlines()[1].split()
    assert (row[0], row[-4:]) == ("4", ["queue_clear", "anna", "u", "n=1"])


def test_runs_show_whether_they_are_open(cuelight):
    runs = [{"uid": "r1", "scan_id": 3, "is_open": False, "exit_status": "success"}, {"uid": "r2", "is_open": True}]
    cuelight.answer("re_runs", {"run_list": runs})
    assert [line.split() for line in cuelight("runs").out.splitlines()[1:]] == [["r1", "3", "success"], ["r2", "open"]]


@pytest.mark.parametrize(
    "words",
    ["status", "env open", "queue list", "queue start", "pause", "history", "plans", "config", "events", "call ping"],
)
def test_json_is_exactly_the_reply(cuelight, words):
    reply = {"success": True, "msg": "", "items": [], "run_list": [], "last_seq": 0, "events": [], "config": {}}
    reply |= {"plans_allowed": {}, "running_item": {}}
    for method in ("status", "ping", "environment_open", "queue_get", "queue_start", "re_pause", "history_get"):
        cuelight.answer(method, reply)
    for method in ("plans_allowed", "config_get", "events_get"):
        cuelight.answer(method, reply)
    ended = cuelight(*words.split(), "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == reply


def test_a_refusal_with_json_prints_the_reply_and_says_why_beside_it(cuelight):
    cuelight.answer("queue_start", error("wrong_state"))
    ended = cuelight("queue", "start", "--json")
    assert ended.code == 2
    assert json.loads(ended.out) == error("wrong_state")
    assert "Error: The manager refused queue_start: Error: no." in ended.err


@pytest.mark.parametrize(
    ("path", "shown"), [("re_state", "null"), ("manager_state", "idle"), ("plan_queue_mode", '{\n  "loop": true\n}')]
)
def test_one_field_can_be_printed(cuelight, path, shown):
    cuelight.answer("status", {"manager_state": "idle", "re_state": None, "plan_queue_mode": {"loop": True}})
    assert cuelight("status", "--field", path).out == f"{shown}\n"
    assert cuelight("status", "--field=plan_queue_mode.loop").out == "true\n"
    assert cuelight("status", "--field", "manager_state", "--json").out == '"idle"\n'


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("invalid_parameter", 1), ("wrong_state", 2), ("not_found", 2), ("internal", 4), ("storage", 5), ("forbidden", 9)],
)
def test_a_refusal_has_the_exit_code_of_its_kind(cuelight, code, exit_code):
    cuelight.answer("queue_start", error(code))
    ended = cuelight("queue", "start")
    assert ended.code == exit_code
    assert ended.out == ""
    assert ended.err.startswith("Error: The manager refused queue_start: Error: no.")


@pytest.mark.parametrize("words", [("status",), ("queue", "start")])
def test_a_manager_that_is_not_there_is_a_communication_error_with_the_fix(cuelight, words):
    ended = cuelight(*words, *NO_REPLY, "--control", "ipc:///nonexistent/socket")
    assert ended.code == 3
    assert "ipc:///nonexistent/socket" in ended.err
    assert "cuelight up" in ended.err


@pytest.mark.parametrize("words", [("status",), ("queue", "start")])
def test_a_manager_that_stays_silent_is_a_timeout(cuelight, words):
    for method in ("status", "queue_start"):
        cuelight.manager.answers[method] = lambda _: None
    ended = cuelight(*words, *NO_REPLY)
    assert ended.code == 8
    assert "did not answer" in ended.err


def test_an_unknown_address_form_names_its_source(cuelight, monkeypatch):
    monkeypatch.setenv("CUELIGHT_CONTROL", "localhost:60615")
    ended = cuelight("status")
    assert (ended.code, "CUELIGHT_CONTROL" in ended.err) == (1, True)
