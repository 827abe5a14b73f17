"""Journeys about the lock: who has locked what, what the key opens, and where a client keeps its key."""

from __future__ import annotations

import os
import tempfile

from bluesky_queueserver_api import BFunc
from steps import KEY, contains, count, equal, known_as, raised, refused, status_now, wait_idle

ENVIRONMENT, QUEUE = {"environment": True, "queue": False}, {"environment": False, "queue": True}
BOTH, NOTHING = {"environment": True, "queue": True}, {"environment": False, "queue": False}


def queue_methods(uid):
    """Calls that a lock of the queue forbids; none of them leaves anything that the others need."""
    return {
        "item_add": (count("a"),),
        "item_add_batch": ([count("a")],),
        "item_update": ({**count("u").to_dict(), "item_uid": uid},),
        "item_move": {"uid": uid, "pos_dest": "front"},
        "item_move_batch": {"uids": [uid], "pos_dest": "back"},
        "item_remove": {"pos": "back"},
        "item_remove_batch": {"uids": ["nothing"]},
        "queue_mode_set": {"loop": False},
        "queue_clear": {},
        "history_clear": {},
        "permissions_reload": {},
        "permissions_set": ({"user_groups": {}},),
    }


def environment_methods():
    """Calls that a lock of the environment forbids; with the key they succeed, or are refused for their own reason."""
    return {
        "item_execute": (count("a"),),
        "queue_start": {},
        "queue_stop": {},
        "queue_stop_cancel": {},
        "queue_autostart": (False,),
        "re_pause": {},
        "re_resume": {},
        "re_stop": {},
        "re_abort": {},
        "re_halt": {},
        "kernel_interrupt": {},
        "function_execute": (BFunc("function_sleep", 0),),
        "script_upload": ("x = 1",),
        "environment_update": {},
    }


def locked_parts():
    return (yield from status_now())["lock"]


def each_part_is_locked():
    steps = (
        ("lock_environment", {"note": "At work", "user": "carla"}, ENVIRONMENT),
        ("lock_queue", {"note": "Later", "user": "berta"}, QUEUE),
        ("lock_all", {"note": "Away", "user": "anna"}, BOTH),
        ("lock", {"queue": True}, QUEUE),
        ("lock", {"environment": True, "note": "Back", "user": "emma"}, ENVIRONMENT),
    )
    for name, options, parts in steps:
        before = (yield from status_now())["lock_info_uid"]
        reply = yield lambda rm, name=name, options=options: getattr(rm, name)(KEY, **options)
        known = yield from known_as(user=options.get("user", "Queue Server API User"))
        told = {**options, **parts, **known}
        info = reply["lock_info"]
        equal({key: info[key] for key in told}, told)
        equal((yield from locked_parts()), parts)
        equal((yield from status_now())["lock_info_uid"] == before, False)
        again = yield lambda rm: rm.lock_info()
        equal((again["lock_info"], again["lock_info_uid"]), (info, reply["lock_info_uid"]))
        equal("lock_key" in info, False)
    yield lambda rm: rm.unlock(KEY)
    info = yield lambda rm: rm.lock_info(reload=True)
    equal(info["lock_info"]["user"], None)
    equal((yield from locked_parts()), NOTHING)


def only_the_key_opens():
    yield lambda rm: rm.lock_all(KEY, note="Away")
    yield from refused(lambda rm: rm.unlock("wrong"), "Invalid lock key", "Away")
    yield from refused(lambda rm: rm.lock_queue("wrong"))
    yield from refused(lambda rm: rm.lock_info("wrong", reload=True), "Invalid lock key")
    equal((yield lambda rm: rm.lock_info(KEY))["success"], True)
    yield from refused(lambda rm: rm.lock(KEY))
    equal((yield from locked_parts()), BOTH)
    yield lambda rm: rm.unlock(KEY)
    # An open manager needs no key, and looks at none.
    equal((yield lambda rm: rm.unlock("wrong"))["success"], True)
    yield lambda rm: rm.item_add(count("a"), lock_key="wrong")


def locked_methods_take_the_key():
    added = yield lambda rm: rm.item_add(count("u"))
    yield lambda rm: rm.item_add(count("v"))
    uid = added["item"]["item_uid"]
    yield from each_needs_the_key("lock_queue", queue_methods(uid))
    yield from each_needs_the_key("lock_environment", environment_methods())
    yield from wait_idle()


def each_needs_the_key(lock, methods):
    yield lambda rm: getattr(rm, lock)(KEY)
    for name, given in methods.items():
        args, kwargs = (given, {}) if isinstance(given, tuple) else ((), given)
        call = lambda rm, name=name, args=args, kwargs=kwargs, **key: getattr(rm, name)(*args, **kwargs, **key)  # noqa: E731
        yield from refused(call, "Invalid lock key")
        yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", False)
        reply = yield lambda rm, call=call: call(rm, lock_key=KEY)
        yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", True)
        if "lock key" in reply["msg"]:
            raise AssertionError(f"{name} with the key: {reply}")
        yield from wait_idle()
    yield lambda rm: rm.unlock(KEY)


def the_client_keeps_a_key():
    """It sends its key with every request once that is switched on."""
    equal((yield lambda rm: (rm.lock_key, rm.enable_locked_api)), (None, False))
    yield from raised(lambda rm: rm.lock_all(), RuntimeError)
    yield from raised(lambda rm: setattr(rm, "enable_locked_api", True), RuntimeError)
    yield from raised(lambda rm: setattr(rm, "lock_key", 5), ValueError)
    yield lambda rm: setattr(rm, "lock_key", KEY)
    yield lambda rm: rm.lock(environment=True, queue=True)
    yield from refused(lambda rm: rm.item_add(count("a")), "Invalid lock key")
    yield lambda rm: setattr(rm, "enable_locked_api", True)
    yield lambda rm: rm.item_add(count("a"))
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    equal((yield from status_now())["items_in_history"], 1)
    yield lambda rm: setattr(rm, "enable_locked_api", False)
    yield from refused(lambda rm: rm.queue_clear(), "Invalid lock key")
    yield lambda rm: rm.unlock()
    yield lambda rm: rm.queue_clear()


def the_default_key_is_in_a_file():
    yield from raised(lambda rm: rm.set_default_lock_key(""), OSError)
    place = yield lambda rm: rm.default_lock_key_path
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "keys", "default.txt")
        yield lambda rm: setattr(rm, "default_lock_key_path", path)
        made = yield lambda rm: rm.get_default_lock_key()
        equal((yield lambda rm: rm.get_default_lock_key()), made)
        equal((yield lambda rm: rm.get_default_lock_key(new_key=True)) == made, False)
        yield lambda rm: rm.set_default_lock_key(KEY)
        yield lambda rm: setattr(rm, "lock_key", rm.get_default_lock_key())
    yield lambda rm: rm.lock_environment()
    yield from refused(lambda rm: rm.environment_close(), "Invalid lock key")
    reply = yield lambda rm: rm.unlock(KEY)
    contains(reply["lock_info_uid"], "-")
    yield lambda rm: setattr(rm, "default_lock_key_path", place)
