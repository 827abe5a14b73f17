"""Journeys about what is published: console output and the status, as the monitors of the client show them."""

from __future__ import annotations

from steps import count, equal, raised, text_with, wait_idle

MONITORS = ("console_monitor", "system_info_monitor")


def monitor(name):
    return lambda rm: getattr(rm, name)


def show_a_plan():
    for name in MONITORS:
        equal((yield lambda rm, name=name: getattr(rm, name).enabled), False)
        yield lambda rm, name=name: getattr(rm, name).enable()
        equal((yield lambda rm, name=name: getattr(rm, name).enabled), True)
    first = yield lambda rm: rm.system_info_monitor.next_msg(timeout=60)
    equal((sorted(first), first["msg"]["status"]["manager_state"]), (["msg", "time"], "idle"))
    before = yield lambda rm: rm.console_monitor.text_uid
    yield lambda rm: rm.item_add(count("seen"))
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    yield from text_with("Persistent Unique Scan ID", "Item added: success=True", "Queue is empty")
    equal((yield lambda rm: rm.console_monitor.text_uid) == before, False)
    equal(len((yield lambda rm: rm.console_monitor.text(2)).splitlines()), 2)
    seen = yield from states_until("executing_queue", "idle")
    equal("starting_queue" in seen, True)
    message = yield lambda rm: rm.console_monitor.next_msg(timeout=60)
    equal((sorted(message), isinstance(message["msg"], str)), (["msg", "time"], True))


def states_until(*wanted):
    seen = []
    for state in wanted:
        while not seen or seen[-1] != state:
            message = yield lambda rm: rm.system_info_monitor.next_msg(timeout=60)
            seen.append(message["msg"]["status"]["manager_state"])
    return seen


def are_cleared_limited_and_disabled():
    yield lambda rm: rm.item_add(count("again"))
    yield from text_with("Item added: success=True")
    equal((yield lambda rm: rm.console_monitor.text_max_lines), 1000)
    yield lambda rm: setattr(rm.console_monitor, "text_max_lines", 1)
    equal(len((yield lambda rm: rm.console_monitor.text()).splitlines()), 1)
    silence = yield lambda rm: rm.RequestTimeoutError
    for name in MONITORS:
        yield lambda rm, name=name: getattr(rm, name).disable()
        yield lambda rm, name=name: getattr(rm, name).disable_wait(timeout=60)
        equal((yield lambda rm, name=name: getattr(rm, name).enabled), False)
        yield lambda rm, name=name: getattr(rm, name).clear()
        yield from raised(lambda rm, name=name: getattr(rm, name).next_msg(), silence)
    equal((yield lambda rm: rm.console_monitor.text()), "")
    # Nothing is heard any more of what happens now.
    yield lambda rm: rm.item_add(count("unseen"))
    for name in MONITORS:
        yield from raised(lambda rm, name=name: getattr(rm, name).next_msg(timeout=0.1), silence)
    yield lambda rm: setattr(rm.console_monitor, "text_max_lines", 1000)
