"""Which requests the verbs send."""

from __future__ import annotations

import json

import pytest

from queue_server.cli.tree import VERBS, choose
from queue_server.protocol.documents import write_line
from queue_server.protocol.method import LaneParams
from queue_server.protocol.methods import METHODS
from tests.doubles.recorded_runs import RUN_UID, documents, recorded, write_run

UID = "8f0c2a52-6f43-4a1e-9f0c-0a4f5f5d2b11"
ITEM = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 5}, "item_uid": UID}
ME = {"user": "anna"}
WHO = {"user": "anna", "user_group": "primary"}
COUNT = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {}}
STATUS = {
    "manager_state": "idle",
    "msg": "RE Manager",
    "worker_environment_exists": True,
    "worker_environment_state": "idle",
    "items_in_queue": 1,
    "queue_stop_pending": False,
    "running_item_uid": None,
    "re_state": "idle",
    "pause_pending": False,
    "plan_queue_mode": {"loop": False, "ignore_failures": False},
    "queue_autostart_enabled": False,
    "items_in_history": 0,
}
RESULT = {"success": True, "msg": "", "traceback": "", "return_value": 5, "time_start": 1.0, "time_stop": 2.0}
VALID = {"valid": True, "msg": "", "errors": []}
LOCKED = {"environment": True, "queue": True, "user": "anna", "time": 1.7e9, "note": None}


@pytest.fixture
def bench(cuelight):
    """A manager with one item in its queue."""
    for method in ("queue_item_add", "queue_item_update", "queue_item_hold", "queue_item_release"):
        cuelight.answer(method, {"item": ITEM, "qsize": 1})
    cuelight.answer("queue_item_add_batch", {"items": [ITEM, {**ITEM, "item_uid": "u2"}], "qsize": 2})
    cuelight.answer("queue_item_get", {"item": ITEM})
    cuelight.answer("queue_item_move", {"item": ITEM, "qsize": 1, **ME})
    cuelight.answer("queue_item_remove", {"item": ITEM, "qsize": 0, **ME})
    cuelight.answer("queue_get", {"items": [ITEM, {**ITEM, "item_uid": "u2"}]})
    for method in ("queue_item_remove_batch", "queue_item_move_batch"):
        cuelight.answer(method, {"items": [ITEM], "qsize": 0})
    cuelight.answer("queue_item_execute", {"item": ITEM, "qsize": 0})
    cuelight.answer("item_validate", lambda params: {"results": [VALID] * len(params["items"]), "valid": True})
    cuelight.answer("task_result", {"task_uid": "t1", "status": "completed", "result": RESULT})
    cuelight.answer("history_item_resolve", {"item": ITEM, "withdrawn_uid": None})
    cuelight.answer("run_get", {"run": recorded("r1")})
    readings = {"m1": {"value": 2, "timestamp": 1.0, "units": "mm", "limits": [-1, 5]}, "m1_velocity": {"value": 1}}
    cuelight.answer("device_read", {"lane": "default", "name": "m1", "readings": readings})
    for method in ("device_set", "device_stop"):
        cuelight.answer(method, {"task_uid": "t1", "lane": "default", "name": "m1", "claim": "default/m1"})
    for method in ("environment_update", "script_upload", "function_execute"):
        cuelight.answer(method, {"task_uid": "t1"})
    cuelight.answer("artifact_list", {"artifacts": [NAMED], "next_cursor": None})
    looked_at = {"id": SHA256, "is_present": True, "size_bytes": 4, "references": [NAMED], "has_more_references": False}
    cuelight.answer("artifact_get", {"artifact": looked_at})
    cuelight.answer("artifact_register", {"artifact": NAMED})
    cuelight.answer("lock", {"lock_info": LOCKED})
    cuelight.answer("lock_info", {"lock_info": LOCKED})
    cuelight.answer("estop", {"lanes": [], "recorded": True})
    cuelight.answer("estop_reset", {"released": ["default"]})
    cuelight.answer("status", STATUS)
    return cuelight


SCRIPT = "motor_limit = 5\n"
SHA256 = "0" * 64
JDOE = {"user": "jdoe", "user_group": "primary"}
NAMED = {
    "id": "f1",
    "name": "a.csv",
    "artifact_id": SHA256,
    "size_bytes": 4,
    "content_type": "text/csv",
    "created": 1.0,
    "kind": "registered",
    "submission_id": "s",
    "attempt": None,
    "item_uid": None,
    "group_id": None,
    "exam_result_id": None,
}
GROUPS = {"user_groups": {"root": {"allowed_plans": [None]}}}
RUN_ENTRY = {
    "uid": RUN_UID,
    "file": recorded()["file"],
    "time_start": 100.0,
    "scan_id": 7,
    "plan_name": "scan",
    "lane": "",
    "attempt": 0,
    "item_uid": "",
    "submission": "",
    "exit_status": "success",
    "time_stop": 110.0,
    "num_events": {"primary": 3, "baseline": 1},
}
NEVER_A_VERB = {
    "ping": "answers what 'cuelight status' shows",
    "manager_kill": "freezes the manager, for tests only",
    **{
        name: "is for the clients of scanners; 'cuelight call' sends it" for name in METHODS if name.startswith("exam_")
    },
    **dict.fromkeys(("dags_allowed", "dags_existing"), "'cuelight call' sends it"),
    **{
        name: "'cuelight call' sends it"
        for name in METHODS
        if name.startswith(("workflow_group_", "workflow_result_", "result_")) or name == "batch_item_get"
    },
    **{name: "'cuelight call' sends it" for name in METHODS if name.startswith("submission_") and name[11:] != "add"},
    **{name: "is for gateways only" for name, method in METHODS.items() if method.is_for_gateways},
}
VERB_REQUESTS = [
    ("status", [("status", {})]),
    ("artifacts list", [("artifact_list", {"limit": 20})]),
    (
        "artifacts list --submission s --attempt 2 --name a.csv --type text/csv --limit 5",
        [
            (
                "artifact_list",
                {"submission_id": "s", "attempt": 2, "name": "a.csv", "content_type": "text/csv", "limit": 5},
            )
        ],
    ),
    (f"artifacts get {SHA256}", [("artifact_get", {"artifact_id": SHA256})]),
    (
        f"artifacts register {SHA256} a.csv --user jdoe",
        [
            ("artifact_get", {"artifact_id": SHA256}),
            ("artifact_register", {"artifact_id": SHA256, "size_bytes": 4, "name": "a.csv", **JDOE}),
        ],
    ),
    (
        f"artifacts register {SHA256} a.csv --size 5 --type text/csv --submission s --user jdoe",
        [
            (
                "artifact_register",
                {"artifact_id": SHA256, "size_bytes": 5, "name": "a.csv", "content_type": "text/csv"}
                | {"submission_id": "s", **JDOE},
            )
        ],
    ),
    ("artifacts unregister f1 --user jdoe", [("artifact_unregister", {"file_id": "f1", **JDOE})]),
    ("lanes", [("lanes_get", {})]),
    ("env open", [("environment_open", {})]),
    ("env close", [("environment_close", {})]),
    ("env destroy --yes", [("environment_destroy", {})]),
    ("queue list", [("queue_get", {})]),
    ("queue list --limit 5", [("queue_get", {"limit": 5})]),
    ("queue start", [("queue_start", {})]),
    ("queue start --lock-key k", [("queue_start", {"lock_key": "k"})]),
    ("queue stop", [("queue_stop", {})]),
    ("queue stop --cancel", [("queue_stop_cancel", {})]),
    ("queue clear --lock-key k", [("queue_clear", {"lock_key": "k", **ME})]),
    ("queue mode", [("status", {})]),
    ("queue mode loop=true", [("queue_mode_set", {"mode": {"loop": True}}), ("status", {})]),
    ("queue mode default", [("queue_mode_set", {"mode": "default"}), ("status", {})]),
    ("queue get 0", [("queue_item_get", {"pos": 0})]),
    ("queue get front", [("queue_item_get", {"pos": "front"})]),
    ("queue get -- -1", [("queue_item_get", {"pos": -1})]),
    (f"queue get {UID}", [("queue_item_get", {"uid": UID})]),
    ("queue get 8f0c", [("queue_get", {}), ("queue_item_get", {"uid": UID})]),
    (f"queue remove {UID}", [("queue_item_remove", {"uid": UID, **ME})]),
    (f"queue move {UID} front", [("queue_item_move", {"uid": UID, "pos_dest": "front", **ME})]),
    ("queue move back 2", [("queue_item_move", {"pos": "back", "pos_dest": 2, **ME})]),
    ("queue move 0 --after u2", [("queue_item_move", {"pos": 0, "after_uid": "u2", **ME})]),
    ("queue move 0 --before u2", [("queue_item_move", {"pos": 0, "before_uid": "u2", **ME})]),
    (f"queue hold {UID}", [("queue_item_hold", {"uid": UID, **ME})]),
    (
        "queue hold front -m because",
        [("queue_item_get", {"pos": "front"}), ("queue_item_hold", {"uid": UID, "reason": "because", **ME})],
    ),
    (f"queue release {UID}", [("queue_item_release", {"uid": UID, **ME})]),
    ("pause", [("re_pause", {"option": "deferred"})]),
    ("pause --now", [("re_pause", {"option": "immediate"})]),
    ("resume", [("re_resume", {})]),
    ("stop", [("re_stop", {})]),
    ("abort", [("re_abort", {})]),
    ("halt", [("re_halt", {})]),
    ("runs", [("re_runs", {"option": "active"})]),
    ("runs list", [("run_list", {"limit": 20})]),
    (
        "runs list --plan scan --lane b --item u1 --submission s1 --scan-id 7 --from 1970-01-02T00:00Z --limit 2",
        [
            (
                "run_list",
                {
                    "limit": 2,
                    "plan": "scan",
                    "lane": "b",
                    "item_uid": "u1",
                    "submission": "s1",
                    "scan_id": 7,
                    "time_from": 86_400.0,
                },
            )
        ],
    ),
    ("runs show r1", [("run_get", {"run_uid": "r1"})]),
    ("runs index --data RUNS_DATA", [("run_add", {"runs": [RUN_ENTRY], **ME})]),
    ("runs documents RUN_FILE", []),
    ("runs table RUN_FILE --stream baseline", []),
    ("runs export RUN_FILE RUN_FILE.exported", []),
    ("history", [("history_get", {"limit": 20})]),
    ("history --limit 3 --before 9", [("history_get", {"limit": 3, "before": 9})]),
    ("history clear", [("history_clear", {})]),
    ("history clear --size 10", [("history_clear", {"size": 10})]),
    ("history clear --item u1", [("history_clear", {"item_uid": "u1"})]),
    (
        "history resolve u1 failed",
        [
            (
                "history_item_resolve",
                {"item_uid": "u1", "outcome": "failed", "reason": f"{ME['user']} has said so at the command line"},
            )
        ],
    ),
    (
        "history resolve u1 completed --message seen",
        [("history_item_resolve", {"item_uid": "u1", "outcome": "completed", "reason": "seen"})],
    ),
    ("plans", [("plans_allowed", {"user_group": "primary"})]),
    ("plans --group guests", [("plans_allowed", {"user_group": "guests"})]),
    ("plans --all", [("plans_existing", {})]),
    ("devices", [("devices_allowed", {"user_group": "primary"})]),
    ("devices --all", [("devices_existing", {})]),
    ("devices --limit 5", [("devices_page", {"user_group": "primary", "limit": 5})]),
    ("devices --cursor c", [("devices_page", {"user_group": "primary", "cursor": "c"})]),
    ("device list", [("device_list", {"kind": "scanner"})]),
    (
        "device list --kind ophyd --lane b --limit 5 --cursor c",
        [("device_list", {"kind": "ophyd", "lane": "b", "limit": 5, "cursor": "c"})],
    ),
    ("device show d1", [("device_get", {"device_id": "d1"})]),
    ("device create scanner low-field", [("device_create", {"name": "scanner", "description": "low-field", **ME})]),
    (
        "device import-token d1 --token-file KEY_FILE",
        [("device_token_import", {"device_id": "d1", "device_token": "a key", "grace_s": 0.0, **ME})],
    ),
    (
        "device import-token d1 --token-file KEY_FILE --name n --description d --grace 5",
        [
            (
                "device_token_import",
                {"device_id": "d1", "device_token": "a key", "name": "n", "description": "d", "grace_s": 5.0, **ME},
            )
        ],
    ),
    ("device rotate-token d1", [("device_rotate_token", {"device_id": "d1", "grace_s": 0.0, **ME})]),
    ("device rotate-token d1 --grace 60", [("device_rotate_token", {"device_id": "d1", "grace_s": 60.0, **ME})]),
    ("device revoke-token d1", [("device_revoke_token", {"device_id": "d1", **ME})]),
    (
        "device parameter d1 PERMISSIONS_FILE",
        [("device_parameter_set", {"device_id": "d1", "parameter": GROUPS, **ME})],
    ),
    ("device delete d1 --yes", [("device_delete", {"device_id": "d1", "force": False, **ME})]),
    ("device delete d1 --yes --force", [("device_delete", {"device_id": "d1", "force": True, **ME})]),
    ("device read m1.x", [("device_read", {"name": "m1.x", "user_group": "primary"})]),
    ("device locate m1.x", [("device_locate", {"name": "m1.x", "user_group": "primary"})]),
    ("device read m1 --within 9", [("device_read", {"name": "m1", "within_s": 9.0, "user_group": "primary"})]),
    ("device set m1 open", [("device_set", {"name": "m1", "value": "open", **ME, "user_group": "primary"})]),
    (
        "device set m1 --within 60 -- -2.5",
        [("device_set", {"name": "m1", "value": -2.5, "within_s": 60.0, **ME, "user_group": "primary"})],
    ),
    ("device stop m1", [("device_stop", {"name": "m1", **ME, "user_group": "primary"})]),
    ("permissions", [("permissions_get", {})]),
    ("config", [("config_get", {})]),
    ("events --since 7 --limit 3", [("events_get", {"since": 7, "limit": 3})]),
    ("events --limit 3", [("events_get", {"limit": 1}), ("events_get", {"since": 0, "limit": 3})]),
    ("log --limit 3", [("events_get", {"limit": 1}), ("events_get", {"since": 0, "limit": 3})]),
    (
        "log --kind queue_clear --user anna --limit 3",
        [("events_get", {"limit": 3, "order": "newest", "kind": ["queue_clear"], "by_user": "anna"})],
    ),
    (
        "log --item u1 --since 4 --before 9",
        [("events_get", {"limit": 50, "since": 4, "before": 9, "item_uid": "u1"})],
    ),
    ("log --newest --limit 2", [("events_get", {"limit": 2, "order": "newest"})]),
    ("queue undo", [("queue_undo", {"steps": 1, **WHO})]),
    ("queue undo 3 --of bob --lock-key k", [("queue_undo", {"steps": 3, "edits_of": "bob", "lock_key": "k", **WHO})]),
    ("queue undo --mine", [("queue_undo", {"steps": 1, "edits_of": "anna", **WHO})]),
    ("history --outcome failed --plan count", [("history_get", {"limit": 20, "outcome": "failed", "name": "count"})]),
    ("queue list --state held --text si", [("queue_get", {"state": "held", "text": "si"})]),
    ("call ping", [("ping", {})]),
    ("call queue_item_get --pos 0", [("queue_item_get", {"pos": 0})]),
    ("call queue_item_get pos=front", [("queue_item_get", {"pos": "front"})]),
    ("call queue_item_get --uid 12345", [("queue_item_get", {"uid": "12345"})]),
    ("call plans_allowed --reduced --user-group g", [("plans_allowed", {"user_group": "g", "reduced": True})]),
    ("env update", [("environment_update", {"run_in_background": False})]),
    ("env update --background", [("environment_update", {"run_in_background": True})]),
    ("queue add count -d det1", [("queue_item_add", {"item": COUNT, **WHO})]),
    ("queue add-batch ITEMS_FILE", [("queue_item_add_batch", {"items": [COUNT, COUNT], **WHO})]),
    (
        "queue update 0 num=9",
        [
            ("queue_item_get", {"pos": 0}),
            ("queue_item_update", {"item": {**ITEM, "kwargs": {"num": 9}}, "replace": False, **WHO}),
        ],
    ),
    (
        f"queue remove-batch {UID} u2",
        [("queue_get", {}), ("queue_item_remove_batch", {"uids": [UID, "u2"], "ignore_missing": True, **ME})],
    ),
    (
        f"queue remove-batch {UID} --strict",
        [("queue_item_remove_batch", {"uids": [UID], "ignore_missing": False, **ME})],
    ),
    (
        f"queue move-batch {UID} --to front",
        [("queue_item_move_batch", {"uids": [UID], "pos_dest": "front", "reorder": False, **ME})],
    ),
    (
        f"queue move-batch {UID} --after u2 --keep-order",
        [("queue_item_move_batch", {"uids": [UID], "after_uid": "u2", "reorder": True, **ME})],
    ),
    ("queue autostart", [("status", {})]),
    ("queue autostart on", [("queue_autostart", {"enable": True})]),
    ("queue autostart off --lock-key k", [("queue_autostart", {"enable": False, "lock_key": "k"})]),
    ("execute count -d det1", [("queue_item_execute", {"item": COUNT, **WHO})]),
    (
        "execute count -d det1 --meta try=2",
        [("queue_item_execute", {"item": {**COUNT, "meta": {"try": 2}}, **WHO})],
    ),
    ("validate ITEMS_FILE", [("item_validate", {"items": [COUNT, COUNT], "user_group": "primary"})]),
    ("metadata", [("re_metadata", {})]),
    (
        "script upload SCRIPT_FILE",
        [("script_upload", {"script": SCRIPT, "update_lists": True, "update_re": False, "run_in_background": False})],
    ),
    (
        "script upload SCRIPT_FILE --no-lists --update-re --background --lock-key k",
        [
            (
                "script_upload",
                {
                    "script": SCRIPT,
                    "update_lists": False,
                    "update_re": True,
                    "run_in_background": True,
                    "lock_key": "k",
                },
            )
        ],
    ),
    (
        "function call measure 3 unit=mm --background",
        [
            (
                "function_execute",
                {
                    "item": {"item_type": "function", "name": "measure", "args": [3], "kwargs": {"unit": "mm"}},
                    "run_in_background": True,
                    **WHO,
                },
            )
        ],
    ),
    ("task status t1", [("task_status", {"task_uid": "t1"})]),
    ("task status t1 t2", [("task_status", {"task_uid": ["t1", "t2"]})]),
    ("task result t1", [("task_result", {"task_uid": "t1"})]),
    ("permissions set PERMISSIONS_FILE", [("permissions_set", {"user_group_permissions": GROUPS})]),
    ("permissions reload", [("permissions_reload", {"restore_permissions": True, "restore_plans_devices": False})]),
    (
        "permissions reload --no-permissions --lists",
        [("permissions_reload", {"restore_permissions": False, "restore_plans_devices": True})],
    ),
    (
        "lock --key-file KEY_FILE -m because",
        [("lock", {"lock_key": "a key", "user": "anna", "environment": True, "queue": True, "note": "because"})],
    ),
    (
        "lock --queue --key-file KEY_FILE",
        [("lock", {"lock_key": "a key", "user": "anna", "environment": False, "queue": True})],
    ),
    ("unlock --key-file KEY_FILE", [("unlock", {"lock_key": "a key"})]),
    ("lock info", [("lock_info", {})]),
    ("lock info --key-file KEY_FILE", [("lock_info", {"lock_key": "a key"})]),
    ("queue start --lock-key @KEY_FILE", [("queue_start", {"lock_key": "a key"})]),
    ("manager stop", [("manager_stop", {"option": "safe_on"})]),
    ("manager stop --force", [("manager_stop", {"option": "safe_off"})]),
    ("kernel interrupt --plan", [("kernel_interrupt", {"interrupt_task": False, "interrupt_plan": True})]),
    (
        "estop -m smoke --lane default --user anna",
        [("estop", {"reason": "smoke", "lane": "default", "user": "anna"})],
    ),
    (
        "estop reset -m safe --user anna --lock-key @KEY_FILE",
        [("estop_reset", {"reason": "safe", "user": "anna", "lock_key": "a key"})],
    ),
    ('call queue_mode_set --mode {"loop":true}', [("queue_mode_set", {"mode": {"loop": True}})]),
]


# Each tested in a module of its own.
ELSEWHERE = {
    *("batch_create", "batch_get", "batch_list", "batch_items"),
    *("batch_cancel", "batch_hold", "batch_resume", "batch_retry"),
    *("workflow_list", "workflow_get", "workflow_add", "workflow_update", "workflow_remove", "workflow_reload"),
    *("workflow_ranking", "submission_add"),
}
VERBS_ELSEWHERE = {" ".join(words) for words in VERBS if words[0] in ("batch", "workflow", "documents", "demo-data")}
WITHOUT_A_MANAGER = {
    *("artifacts usage", "artifacts sweep", "artifacts limit"),
    *("up", "down", "demo", "version", "doctor"),
    *("clear-lock", "backup", "restore", "verify", "export", "import"),
}


@pytest.fixture
def files(tmp_path):
    """What the words of a command line that end in _FILE stand for."""
    texts = {"ITEMS": json.dumps([COUNT, COUNT]), "SCRIPT": SCRIPT, "PERMISSIONS": json.dumps(GROUPS), "KEY": "a key\n"}
    texts["RUN"] = "".join(write_line(name, document).decode() for name, document in documents())
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    write_run(tmp_path / "data" / recorded()["file"], documents())
    return {"RUNS_DATA": str(tmp_path / "data"), **{f"{name}_FILE": str(tmp_path / name) for name in texts}}


@pytest.mark.parametrize(("words", "requests"), VERB_REQUESTS)
def test_a_verb_sends_what_it_stands_for(bench, files, words, requests):
    for name, path in files.items():
        words = words.replace(name, path)
    ended = bench(*words.split())
    assert ended.code == 0, ended.err
    assert bench.requests == requests


# Whatever else a verb needs stands in the table above.
LANE_VERBS = [
    ("env open", ["environment_open"]),
    ("env close", ["environment_close"]),
    ("env destroy --yes", ["environment_destroy"]),
    ("env update", ["environment_update"]),
    ("queue list", ["queue_get"]),
    ("queue start", ["queue_start"]),
    ("queue stop", ["queue_stop"]),
    ("queue stop --cancel", ["queue_stop_cancel"]),
    ("queue clear", ["queue_clear"]),
    ("queue mode default", ["queue_mode_set"]),
    ("queue autostart on", ["queue_autostart"]),
    ("queue get 8f0c", ["queue_get", "queue_item_get"]),
    ("queue add count", ["queue_item_add"]),
    ("queue add-batch ITEMS_FILE", ["queue_item_add_batch"]),
    ("queue update 0 num=9", ["queue_item_get", "queue_item_update"]),
    ("queue move 0 front", ["queue_item_move"]),
    ("queue move-batch 8f0c --to front", ["queue_get", "queue_item_move_batch"]),
    ("queue remove 0", ["queue_item_remove"]),
    ("queue remove-batch 0", ["queue_item_get", "queue_item_remove_batch"]),
    ("queue hold 0", ["queue_item_get", "queue_item_hold"]),
    ("queue release 0", ["queue_item_get", "queue_item_release"]),
    ("queue undo", ["queue_undo"]),
    ("execute count", ["queue_item_execute"]),
    ("validate ITEMS_FILE", ["item_validate"]),
    ("pause", ["re_pause"]),
    ("resume", ["re_resume"]),
    ("stop", ["re_stop"]),
    ("abort", ["re_abort"]),
    ("halt", ["re_halt"]),
    ("runs", ["re_runs"]),
    ("metadata", ["re_metadata"]),
    ("plans", ["plans_allowed"]),
    ("plans --all", ["plans_existing"]),
    ("call dags_allowed --user-group g", ["dags_allowed"]),
    ("call dags_existing", ["dags_existing"]),
    ("devices", ["devices_allowed"]),
    ("devices --all", ["devices_existing"]),
    ("devices --limit 5", ["devices_page"]),
    ("script upload SCRIPT_FILE", ["script_upload"]),
    ("function call measure", ["function_execute"]),
    ("device read m1", ["device_read"]),
    ("device locate m1", ["device_locate"]),
    ("device set m1 5", ["device_set"]),
    ("device stop m1", ["device_stop"]),
]


@pytest.mark.parametrize(("words", "methods"), LANE_VERBS)
def test_a_verb_with_a_lane_names_it_in_every_request_of_that_lane(bench, files, words, methods):
    bench.answer("status", {**STATUS, "lanes": [{"lane": "b", "worker_state": "idle"}]})
    for name, path in files.items():
        words = words.replace(name, path)
    ended = bench(*words.split(), "--lane", "b")
    assert ended.code == 0, ended.err
    assert [(method, params["lane"]) for method, params in bench.requests if method != "status"] == [
        (method, "b") for method in methods
    ]


def test_every_method_that_knows_lanes_is_reached_in_one_from_the_command_line():
    sent = {method for _, methods in LANE_VERBS for method in methods}
    known = {name for name, method in METHODS.items() if issubclass(method.params, LaneParams)}
    assert sent | (ELSEWHERE & known) == known


def test_the_mode_of_a_lane_is_that_of_its_status(bench):
    lane = {"lane": "b", "worker_state": "idle", "plan_queue_mode": {"loop": True, "ignore_failures": False}}
    bench.answer("status", {**STATUS, "lanes": [{"lane": "default", "worker_state": "idle"}, lane]})
    assert json.loads(bench("queue", "mode", "--lane", "b", "--json").out)["plan_queue_mode"]["loop"] is True
    refused = bench("queue", "mode", "--lane", "c")
    assert (refused.code, "Lanes: ['default', 'b']" in refused.err) == (2, True)


def test_a_device_is_shown_with_units_and_limits(bench):
    shown = bench("device", "read", "m1").out
    assert all(word in shown for word in ("m1", "2", "mm", "-1 … 5", "m1_velocity"))


def test_an_item_that_is_resolved_is_told_with_the_copy_that_went(bench):
    bench.answer("history_item_resolve", {"item": ITEM, "withdrawn_uid": "u2"})
    told = bench("history", "resolve", "u1", "completed").err
    assert "counts as completed now. Its held copy u2 was withdrawn." in told
    assert bench("history", "resolve", "u1", "unknown").code == 1


def test_the_lanes_are_shown_with_what_they_do(bench):
    calm = {"condition": "open", "reason": "", "worker_state": "idle", "waiting_for": "", "running_item_uid": None}
    busy = {**calm, "lane": "b", "manager_state": "executing_queue", "items_in_queue": 7, "running_item_uid": UID}
    held = {**calm, "lane": "c", "manager_state": "idle", "items_in_queue": 1, "condition": "held", "reason": "look"}
    bench.answer("lanes_get", {"lanes": [busy, held]})
    shown = bench("lanes").out
    assert all(word in shown for word in ("executing queue", UID, "7", "held", "look"))


def test_every_method_is_reached_by_a_verb():
    """The table above is tested row by row, so that it says which methods the verbs send."""
    sent = {method for words, requests in VERB_REQUESTS if not words.startswith("call ") for method, _ in requests}
    assert sent | set(NEVER_A_VERB) | ELSEWHERE == set(METHODS)
    assert (sent | ELSEWHERE) & set(NEVER_A_VERB) == set()


def test_every_verb_that_talks_to_the_manager_is_in_the_table():
    tested = {choose(words.split())[0] for words, _ in VERB_REQUESTS}
    # They start and end systems, and work without a manager.
    assert {" ".join(words) for words in set(VERBS) - tested} == WITHOUT_A_MANAGER | VERBS_ELSEWHERE


@pytest.mark.parametrize(
    ("words", "item", "place"),
    [
        ("count -d det1", COUNT, {}),
        ("scan -d det1 -- motor1 0 -10 101", {"name": "scan", "args": [["det1"], "motor1", 0, -10, 101]}, {}),
        ("scan -d det1,det2 motor1 0 num=9", {"args": [["det1", "det2"], "motor1", 0], "kwargs": {"num": 9}}, {}),
        ("count -d det1 --pos front", COUNT, {"pos": "front"}),
        ("count -d det1 --pos -1", COUNT, {"pos": -1}),
        ("count -d det1 --before u2", COUNT, {"before_uid": "u2"}),
        ("count -d det1 --after u2", COUNT, {"after_uid": "u2"}),
        ("count -d det1 --meta sample=A7 --meta try=2", {**COUNT, "meta": {"sample": "A7", "try": 2}}, {}),
        ("queue_stop --instruction", {"item_type": "instruction", "name": "queue_stop"}, {}),
    ],
)  # fmt: skip
def test_an_item_is_made_from_words(bench, words, item, place):
    ended = bench("queue", "add", *words.split())
    assert ended.code == 0, ended.err
    [(method, params)] = bench.requests
    assert method == "queue_item_add"
    assert params == {"item": {**params["item"], **item}, **place, **WHO}
    assert ended.out == f"{UID}\n"


def test_an_item_comes_from_a_file(bench, tmp_path):
    (tmp_path / "plan.yaml").write_text("name: count\nargs: [[det1]]\n")
    assert bench("queue", "add", f"@{tmp_path}/plan.yaml").code == 0
    assert bench.requests[0][1]["item"] == {"item_type": "plan", "name": "count", "args": [["det1"]]}


def test_an_item_comes_from_standard_input(bench, monkeypatch, tmp_path):
    (tmp_path / "in").write_text(json.dumps({"item": {"name": "count"}}))
    with (tmp_path / "in").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert bench("queue", "add", "-").code == 0
    assert bench.requests[0][1]["item"] == {"item_type": "plan", "name": "count"}


def test_a_batch_comes_from_a_file_and_prints_every_uid(bench, tmp_path):
    (tmp_path / "plans.yaml").write_text("- {name: count}\n- {name: scan}\n")
    ended = bench("queue", "add-batch", f"{tmp_path}/plans.yaml", "--pos", "front")
    assert (ended.code, ended.out) == (0, f"{UID}\nu2\n")
    items = [{"item_type": "plan", "name": "count"}, {"item_type": "plan", "name": "scan"}]
    assert bench.requests == [("queue_item_add_batch", {"items": items, "pos": "front", **WHO})]


def test_an_update_changes_the_keywords_it_names_and_keeps_the_rest(bench):
    assert bench("queue", "update", "0", "num=9").code == 0
    assert bench.requests[1:] == [
        ("queue_item_update", {"item": {**ITEM, "kwargs": {"num": 9}}, "replace": False, **WHO})
    ]


def test_an_update_with_positional_arguments_replaces_all_of_them(bench):
    assert bench("queue", "update", "0", "-d", "det2", "--replace").code == 0
    assert bench.requests[1][1]["item"] == {**ITEM, "args": [["det2"]]}
    assert bench.requests[1][1]["replace"] is True


def test_an_update_from_a_file_keeps_only_the_uid(bench, tmp_path):
    (tmp_path / "plan.yaml").write_text("name: scan\n")
    assert bench("queue", "update", "0", f"@{tmp_path}/plan.yaml").code == 0
    assert bench.requests[1][1]["item"] == {"item_type": "plan", "name": "scan", "item_uid": UID}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("queue add count [det1]", "quotes"),
        ("queue add count num=1 5", "stands behind"),
        ("queue add count --pos middle", "front, back or a whole number"),
        ("queue add count --pos 0 --after u", "one place only"),
        ("queue add @/nonexistent/plan.yaml", "cannot be read"),
        ("queue add - 5", "leave the arguments out"),
        ("queue move 0", "Where to?"),
        ("queue update 0", "Nothing to change"),
        ("queue mode loop", "name=value"),
        ("queue mode default loop=true", "stands alone"),
        ("call queue_item_get uuid=1", "unsupported parameters: 'uuid'"),
        ("call queue_item_hold", "'uid': is required"),
        ("call queue_item_get pos=1.5", "'pos"),
        ("status --timeout 0", "timeout_s"),
        ("status --field re.state", "no field 're.state'"),
        ("runs --option finished", "option"),
    ],
)
def test_a_wrong_argument_is_a_parameter_error_that_says_what_is_wrong(bench, words, said):
    ended = bench(*words.split())
    assert ended.code == 1
    assert said in ended.err


def test_a_file_that_is_no_yaml_is_named(bench, tmp_path):
    (tmp_path / "plan.yaml").write_text("{name: [")
    ended = bench("queue", "add", f"@{tmp_path}/plan.yaml")
    assert ended.code == 1
    assert "plan.yaml is neither YAML nor JSON" in ended.err
    assert bench.requests == []


@pytest.mark.parametrize(
    ("uids", "code", "said"), [(["ab1", "ab2"], 1, "2 items begin with 'ab'"), (["cd"], 2, "No item")]
)
def test_the_beginning_of_a_uid_must_fit_one_item(bench, uids, code, said):
    bench.answer("queue_get", {"items": [{**ITEM, "item_uid": uid} for uid in uids]})
    ended = bench("queue", "remove", "ab")
    assert (ended.code, said in ended.err) == (code, True)
    assert bench.requests == [("queue_get", {})]
