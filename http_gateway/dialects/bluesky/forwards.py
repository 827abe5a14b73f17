"""The table of routes that pass requests on: paths, keys and what the credential decides, as in bluesky-httpserver."""

from __future__ import annotations

from http_gateway.dialects.bluesky.forwarding import Forward, route_of

_PERSON = ("user", "user_group")
_PLACE = ("pos", "before_uid", "after_uid")
_DESTINATION = ("pos_dest", "before_uid", "after_uid")


def _get(path: str, method: str, *keys: str, **options: object) -> Forward:
    return Forward(verb="GET", path=path, method=method, keys=keys, **options)  # type: ignore[arg-type]


def _post(path: str, method: str, *keys: str, **options: object) -> Forward:
    return Forward(verb="POST", path=path, method=method, keys=keys, **options)  # type: ignore[arg-type]


QUEUE = (
    _get("/queue/get", "queue_get", "reload"),
    _get("/queue/item/get", "queue_item_get", "pos", "uid"),
    _post("/queue/start", "queue_start"),
    _post("/queue/stop", "queue_stop"),
    _post("/queue/stop/cancel", "queue_stop_cancel"),
    _post("/queue/autostart", "queue_autostart", "enable", needs_body=True),
    _post("/queue/mode/set", "queue_mode_set", "mode", needs_body=True),
    _post("/queue/clear", "queue_clear"),
    _post("/queue/item/add", "queue_item_add", "item", *_PLACE, injects=_PERSON, main_key="item"),
    _post(
        "/queue/item/add/batch",
        "queue_item_add_batch",
        "items",
        *_PLACE,
        injects=_PERSON,
        needs_body=True,
        main_key="items",
    ),
    _post("/queue/item/update", "queue_item_update", "item", "replace", injects=_PERSON, needs_body=True),
    _post("/queue/item/remove", "queue_item_remove", "pos", "uid", needs_body=True),
    _post(
        "/queue/item/remove/batch",
        "queue_item_remove_batch",
        "uids",
        "ignore_missing",
        needs_body=True,
        main_key="uids",
    ),
    _post("/queue/item/move", "queue_item_move", "pos", "uid", *_DESTINATION, needs_body=True),
    _post("/queue/item/move/batch", "queue_item_move_batch", "uids", *_DESTINATION, "reorder", needs_body=True),
    _post("/queue/item/execute", "queue_item_execute", "item", injects=_PERSON, needs_body=True, main_key="item"),
    _get("/history/get", "history_get", "reload"),
    _post("/history/clear", "history_clear", "size", "item_uid"),
)

ENVIRONMENT = (
    _post("/environment/open", "environment_open"),
    _post("/environment/close", "environment_close"),
    _post("/environment/destroy", "environment_destroy"),
    _post("/environment/update", "environment_update", "run_in_background"),
    _post("/kernel/interrupt", "kernel_interrupt", "interrupt_task", "interrupt_plan"),
)

RUN = (
    _post("/re/pause", "re_pause", "option"),
    _post("/re/resume", "re_resume"),
    _post("/re/stop", "re_stop"),
    _post("/re/abort", "re_abort"),
    _post("/re/halt", "re_halt"),
    _post("/re/runs", "re_runs", "option", "reload"),
    _get("/re/runs/active", "re_runs", "reload", fixed={"option": "active"}),
    _get("/re/runs/open", "re_runs", "reload", fixed={"option": "open"}),
    _get("/re/runs/closed", "re_runs", "reload", fixed={"option": "closed"}),
    _get("/re/metadata", "re_metadata"),
)

TASKS = (
    _post(
        "/function/execute",
        "function_execute",
        "item",
        "run_in_background",
        injects=_PERSON,
        needs_body=True,
        main_key="item",
    ),
    _post(
        "/script/upload",
        "script_upload",
        "script",
        "update_lists",
        "update_re",
        "run_in_background",
        needs_body=True,
        main_key="script",
    ),
    _get("/task/status", "task_status", "task_uid", needs_body=True, main_key="task_uid"),
    _get("/task/result", "task_result", "task_uid", needs_body=True, main_key="task_uid"),
)

RESOURCES = (
    _get("/plans/allowed", "plans_allowed", "reduced", injects=("user_group",)),
    _get("/plans/existing", "plans_existing", "reduced"),
    _get("/devices/allowed", "devices_allowed", "reload", injects=("user_group",)),
    _get("/devices/existing", "devices_existing", "reload"),
)

SERVICE = (
    _get("/config/get", "config_get"),
    _get("/permissions/get", "permissions_get"),
    _post("/permissions/reload", "permissions_reload", "restore_plans_devices", "restore_permissions"),
    _post(
        "/permissions/set",
        "permissions_set",
        "user_group_permissions",
        needs_body=True,
        main_key="user_group_permissions",
    ),
    _post("/lock", "lock", "lock_key", "environment", "queue", "note", injects=("user",), needs_body=True),
    _post("/unlock", "unlock", "lock_key", needs_body=True),
    _get("/lock/info", "lock_info", "lock_key", "reload"),
    _post("/manager/stop", "manager_stop", "option"),
)

TESTING = (_post("/test/manager/kill", "manager_kill"),)

FORWARDS = (*QUEUE, *ENVIRONMENT, *RUN, *TASKS, *RESOURCES, *SERVICE)

ROUTES = tuple(route_of(forward) for forward in FORWARDS)
TESTING_ROUTES = tuple(route_of(forward) for forward in TESTING)
