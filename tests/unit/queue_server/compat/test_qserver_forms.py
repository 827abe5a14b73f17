"""The grammar of ``qserver``: every form means one method with its parameters."""

from __future__ import annotations

import shlex

import pytest
from pydantic import ValidationError

from queue_server.compat.qserver_forms import FORMS, read_command, usages_for
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods import METHODS

PLAN = '{"name": "count", "args": [["det"]]}'
ITEM = {"name": "count", "args": [["det"]], "item_type": "plan"}
STOP = {"name": "queue_stop", "item_type": "instruction"}
WHO = {"user": "qserver-cli", "user_group": "primary"}
FUNCTION = {"name": "count", "args": [["det"]], "item_type": "function"}

FORMS_WITHOUT_LOCK = [
    ("ping", "ping", {}),
    ("monitor", "ping", {}),
    ("status", "status", {}),
    ("config", "config_get", {}),
    ("existing plans", "plans_existing", {}),
    ("existing devices", "devices_existing", {}),
    ("allowed plans", "plans_allowed", {"user_group": "primary"}),
    ("allowed devices", "devices_allowed", {"user_group": "primary"}),
    ("permissions get", "permissions_get", {}),
    ("queue get", "queue_get", {}),
    ("queue item get", "queue_item_get", {}),
    ("queue item get front", "queue_item_get", {"pos": "front"}),
    ("queue item get back", "queue_item_get", {"pos": "back"}),
    ("queue item get 0", "queue_item_get", {"pos": 0}),
    ("queue item get -2", "queue_item_get", {"pos": -2}),
    ("queue item get 8a-3", "queue_item_get", {"uid": "8a-3"}),
    ("re metadata", "re_metadata", {}),
    ("re runs", "re_runs", {}),
    ("re runs active", "re_runs", {"option": "active"}),
    ("re runs open", "re_runs", {"option": "open"}),
    ("re runs closed", "re_runs", {"option": "closed"}),
    ("history get", "history_get", {}),
    ("task result u", "task_result", {"task_uid": "u"}),
    ("task status 5", "task_status", {"task_uid": "5"}),
    ("manager stop", "manager_stop", {}),
    ("manager stop safe on", "manager_stop", {"option": "safe_on"}),
    ("manager stop safe off", "manager_stop", {"option": "safe_off"}),
    ("manager kill test", "manager_kill", {}),
]
FORMS_WITH_LOCK = [
    ("environment open", "environment_open", {}),
    ("environment close", "environment_close", {}),
    ("environment destroy", "environment_destroy", {}),
    ("environment update", "environment_update", {}),
    ("environment update background", "environment_update", {"run_in_background": True}),
    ("permissions reload", "permissions_reload", {}),
    ("permissions reload lists", "permissions_reload", {"restore_plans_devices": True}),
    (f"queue add plan '{PLAN}'", "queue_item_add", {"item": ITEM, **WHO}),
    (f"queue add plan front '{PLAN}'", "queue_item_add", {"pos": "front", "item": ITEM, **WHO}),
    (f"queue add plan back '{PLAN}'", "queue_item_add", {"pos": "back", "item": ITEM, **WHO}),
    (f"queue add plan 2 '{PLAN}'", "queue_item_add", {"pos": 2, "item": ITEM, **WHO}),
    (f"queue add plan -1 '{PLAN}'", "queue_item_add", {"pos": -1, "item": ITEM, **WHO}),
    (f"queue add plan before u '{PLAN}'", "queue_item_add", {"before_uid": "u", "item": ITEM, **WHO}),
    (f"queue add plan after u '{PLAN}'", "queue_item_add", {"after_uid": "u", "item": ITEM, **WHO}),
    ("queue add instruction queue-stop", "queue_item_add", {"item": STOP, **WHO}),
    ("queue add instruction 2 queue-stop", "queue_item_add", {"pos": 2, "item": STOP, **WHO}),
    (
        f"queue update plan u '{PLAN}'",
        "queue_item_update",
        {"item": {**ITEM, "item_uid": "u"}, "replace": False, **WHO},
    ),
    (
        f"queue replace plan u '{PLAN}'",
        "queue_item_update",
        {"item": {**ITEM, "item_uid": "u"}, "replace": True, **WHO},
    ),
    (
        "queue update instruction u queue-stop",
        "queue_item_update",
        {"item": {**STOP, "item_uid": "u"}, "replace": False, **WHO},
    ),
    (
        "queue replace instruction u queue-stop",
        "queue_item_update",
        {"item": {**STOP, "item_uid": "u"}, "replace": True, **WHO},
    ),
    (f"queue execute plan '{PLAN}'", "queue_item_execute", {"item": ITEM, **WHO}),
    ("queue execute instruction queue-stop", "queue_item_execute", {"item": STOP, **WHO}),
    ("queue clear", "queue_clear", {}),
    ("queue item remove", "queue_item_remove", {}),
    ("queue item remove back", "queue_item_remove", {"pos": "back"}),
    ("queue item remove 3", "queue_item_remove", {"pos": 3}),
    ("queue item remove u", "queue_item_remove", {"uid": "u"}),
    ("queue item move 2 5", "queue_item_move", {"pos": 2, "pos_dest": 5}),
    ("queue item move back front", "queue_item_move", {"pos": "back", "pos_dest": "front"}),
    ("queue item move u -2", "queue_item_move", {"uid": "u", "pos_dest": -2}),
    ("queue item move 2 before v", "queue_item_move", {"pos": 2, "before_uid": "v"}),
    ("queue item move u after v", "queue_item_move", {"uid": "u", "after_uid": "v"}),
    ("queue start", "queue_start", {}),
    ("queue stop", "queue_stop", {}),
    ("queue stop cancel", "queue_stop_cancel", {}),
    ("queue autostart enable", "queue_autostart", {"enable": True}),
    ("queue autostart disable", "queue_autostart", {"enable": False}),
    ("queue mode set loop True", "queue_mode_set", {"mode": {"loop": True}}),
    (
        "queue mode set loop false ignore_failures True",
        "queue_mode_set",
        {"mode": {"loop": False, "ignore_failures": True}},
    ),
    ("re pause", "re_pause", {"option": "deferred"}),
    ("re pause deferred", "re_pause", {"option": "deferred"}),
    ("re pause immediate", "re_pause", {"option": "immediate"}),
    ("re resume", "re_resume", {}),
    ("re stop", "re_stop", {}),
    ("re abort", "re_abort", {}),
    ("re halt", "re_halt", {}),
    ("history clear", "history_clear", {}),
    ("history clear 200", "history_clear", {"size": 200}),
    ("history clear u", "history_clear", {"item_uid": "u"}),
    (f"function execute '{PLAN}'", "function_execute", {"item": FUNCTION, "run_in_background": False, **WHO}),
    (f"function execute '{PLAN}' background", "function_execute", {"item": FUNCTION, "run_in_background": True, **WHO}),
    ("kernel interrupt", "kernel_interrupt", {}),
    ("kernel interrupt task", "kernel_interrupt", {"interrupt_task": True}),
    ("kernel interrupt plan task", "kernel_interrupt", {"interrupt_task": True, "interrupt_plan": True}),
    ("lock environment", "lock", {"environment": True, "user": "qserver-cli"}),
    ("lock queue 'for an hour'", "lock", {"queue": True, "note": "for an hour", "user": "qserver-cli"}),
    ("lock all", "lock", {"environment": True, "queue": True, "user": "qserver-cli"}),
    ("lock info", "lock_info", {}),
    ("unlock", "unlock", {}),
]


@pytest.mark.parametrize(("line", "method", "params"), FORMS_WITHOUT_LOCK + FORMS_WITH_LOCK)
def test_a_form_means_one_method_with_its_parameters(line, method, params):
    command = read_command(tuple(shlex.split(line)))
    assert (command.method, command.params) == (method, params)
    assert command.repeats == (line == "monitor")


@pytest.mark.parametrize(("line", "method", "params"), FORMS_WITH_LOCK)
def test_the_key_of_the_lock_goes_with_every_form_that_takes_it(line, method, params):
    command = read_command(tuple(shlex.split(line)), "a key")
    assert (command.method, command.params) == (method, {**params, "lock_key": "a key"})


@pytest.mark.parametrize(("line", "method", "params"), FORMS_WITHOUT_LOCK)
def test_the_key_of_the_lock_is_not_sent_where_it_would_be_refused(line, method, params):
    assert read_command(tuple(shlex.split(line)), "a key").params == params


def test_every_form_of_the_table_is_tested():
    from_files = {"permissions set", "script upload"}  # see below
    lines = [tuple(shlex.split(line)) for line, *_ in FORMS_WITHOUT_LOCK + FORMS_WITH_LOCK]
    assert {form.words for form in FORMS if not any(form.fits(line) for line in lines)} == from_files


def test_a_script_is_sent_with_its_flags(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("é = 1\n", encoding="utf-8")
    flags = {"run_in_background": False, "update_re": False, "update_lists": True}
    command = read_command(("script", "upload", str(path)))
    assert (command.method, command.params) == ("script_upload", {"script": "é = 1\n", **flags})
    command = read_command(("script", "upload", str(path), "keep-lists", "background", "update-re"), "a key")
    assert command.params == {
        "script": "é = 1\n",
        "run_in_background": True,
        "update_re": True,
        "update_lists": False,
        "lock_key": "a key",
    }


def test_permissions_are_read_from_a_file(tmp_path):
    path = tmp_path / "permissions.yaml"
    path.write_text("user_groups: {primary: {allowed_plans: [':.*']}}")
    command = read_command(("permissions", "set", str(path)), "a key")
    permissions = {"user_groups": {"primary": {"allowed_plans": [":.*"]}}}
    assert command.method == "permissions_set"
    assert command.params == {"user_group_permissions": permissions, "lock_key": "a key"}


@pytest.mark.parametrize(
    ("line", "message", "usage"),
    [
        ("queue stop now", "'now' is too much in 'queue stop now'", "queue stop cancel"),
        ("queue item move", "is missing behind 'queue item move'", "queue item move front|back|POS|UID "),
        ("queue item move 2 v", "'v' is no place", "queue item move"),
        ("queue item move 2 before", "The UID is missing behind 'before'", "queue item move"),
        ("queue add plan", "'PLAN' is missing behind 'queue add plan'", "queue add plan [front|back|POS|before UID"),
        ("queue add plan 5", "'PLAN' is missing", "queue add plan"),
        ("queue add plan 5 x", "The plan 'x' is neither JSON nor a Python literal", "queue add plan"),
        ("queue add plan [1]", "The plan must be a map", "queue add plan"),
        ("queue add instruction x", "There is no instruction 'x'; there is queue-stop.", "queue add instruction"),
        ("queue update plan u", "'PLAN' is missing behind the UID 'u'", "queue update plan UID 'PLAN'"),
        ("queue autostart on", "There is no command 'queue autostart on'", "queue autostart enable"),
        ("queue mode set loop", "'loop' has no value", "queue mode set [loop True|False]"),
        ("re pause now", "'now' is not possible here; choose deferred or immediate.", "re pause [deferred|immediate]"),
        ("kernel interrupt all", "'all' is not possible here; choose task or plan.", "kernel interrupt [task] [plan]"),
        ("lock environment queue", "One lock is set at a time", "lock environment [NOTE]"),
        ("script upload /nowhere/at/all", "The script cannot be read from '/nowhere/at/all'", "script upload FILE"),
        ("permissions set /nowhere", "The permissions of user groups cannot be read", "permissions set FILE"),
        ("manager stop safe", "'safe' is too much", "manager stop safe on"),
    ],
)
def test_a_wrong_form_is_answered_with_the_reason_and_the_usage(line, message, usage):
    with pytest.raises(ParameterError) as caught:
        read_command(tuple(line.split()))
    assert message in caught.value.message
    assert f"\n  {usage}" in caught.value.message


def test_permissions_that_are_not_yaml_are_refused(tmp_path):
    path = tmp_path / "permissions.yaml"
    path.write_text("a: b: c")
    with pytest.raises(ParameterError, match="permissions of user groups in"):
        read_command(("permissions", "set", str(path)))


@pytest.mark.parametrize(("content", "value"), [("- a list\n", ["a list"]), ("", None)])
def test_permissions_that_are_no_map_are_left_to_the_manager_to_refuse(content, value, tmp_path):
    path = tmp_path / "permissions.yaml"
    path.write_text(content)
    assert read_command(("permissions", "set", str(path))).params == {"user_group_permissions": value}


def test_an_unknown_first_word_is_answered_with_all_first_words():
    with pytest.raises(ParameterError) as caught:
        read_command(("quit",))
    words = caught.value.message.partition("one of: ")[2].rstrip(".").split(", ")
    assert words == list(dict.fromkeys(form.words.split()[0] for form in FORMS))


def test_no_command_is_an_error():
    with pytest.raises(ParameterError, match="No command is given"):
        read_command(())


def test_the_usages_are_those_that_begin_alike():
    assert usages_for(("queue", "item")) == tuple(form.usage for form in FORMS if form.words.startswith("queue item "))
    assert usages_for(("quit",)) == ()


def test_no_two_forms_have_the_same_words():
    assert len({form.words for form in FORMS}) == len(FORMS)


def test_every_form_sends_what_its_method_is_declared_to_take():
    refused = {}
    for line, name, params in FORMS_WITHOUT_LOCK + FORMS_WITH_LOCK:
        try:
            METHODS[name].params.model_validate(read_command(tuple(shlex.split(line)), "a key").params)
        except ValidationError as error:
            refused[line] = (params, str(error))
    assert refused == {}


def test_the_key_goes_with_the_methods_that_are_declared_to_take_it():
    takes = {form.words: "lock_key" in METHODS[form.method].params.model_fields for form in FORMS}
    assert takes == {form.words: form.locked for form in FORMS}
