"""What survives the death of a manager, and how it is stopped: `endings.py FORM ENCODING CONTROL INFO PID OPTION`.

PID is the process of the manager, OPTION how it is stopped at last. Prints what `driver.travel` returns.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from driver import FORMS, travel
from steps import (
    KEY,
    count,
    equal,
    last_outcome,
    names_in_queue,
    raised,
    refused,
    run_slow_plan,
    slow_count,
    status_now,
    wait_for,
    wait_idle,
    wait_paused,
    wait_running,
)

CONTROL, INFO, PID, OPTION = sys.argv[3:]


def a_plan_survives_a_killed_manager():
    """So do a stop that is waited for, and the lock."""
    yield lambda rm: rm.environment_open()
    yield from wait_idle()
    yield lambda rm: rm.item_add_batch([slow_count(20), count("left")])
    yield lambda rm: rm.queue_start()
    yield from wait_running()
    yield lambda rm: rm.queue_stop()
    yield lambda rm: rm.lock_all(KEY, note="At work")
    os.kill(int(PID), signal.SIGKILL)
    yield from wait_for(lambda status: status["manager_state"] == "idle" and status["items_in_history"] == 1)
    equal((yield from last_outcome()), ("completed", 1))
    equal((yield from names_in_queue()), ["left"])
    yield from refused(lambda rm: rm.queue_clear(), "Invalid lock key", "At work")
    yield lambda rm: rm.unlock(KEY)
    yield lambda rm: rm.queue_clear()


def a_paused_plan_survives_a_frozen_manager():
    yield from run_slow_plan()
    yield lambda rm: rm.re_pause()
    yield from wait_paused()
    silence = yield lambda rm: rm.RequestTimeoutError
    other = yield lambda rm: rm(zmq_control_addr=CONTROL, zmq_info_addr=INFO, timeout_recv=0.3)
    yield from raised(lambda rm: other.send_request(method="manager_kill"), silence)
    yield lambda rm: other.close()
    yield from wait_paused()
    equal((yield lambda rm: rm.re_runs(reload=True))["run_list"][0]["is_open"], True)


def a_manager_is_not_stopped_safely_during_a_plan():
    yield from refused(lambda rm: rm.send_request(method="manager_stop"), "idle")
    yield from refused(lambda rm: rm.send_request(method="manager_stop", params={"option": "safe_on"}), "safe_off")
    yield from refused(lambda rm: rm.send_request(method="manager_stop", params={"option": "soon"}), "option")
    if OPTION == "safe_on":
        yield lambda rm: rm.re_resume()
        yield from wait_idle()
        equal((yield from last_outcome()), ("completed", 1))


def a_manager_is_stopped():
    equal((yield from status_now())["manager_state"], "idle" if OPTION == "safe_on" else "paused")
    reply = yield lambda rm: rm.send_request(method="manager_stop", params={"option": OPTION})
    equal((reply["success"], reply["msg"]), (True, ""))


JOURNEYS = [
    a_plan_survives_a_killed_manager,
    a_paused_plan_survives_a_frozen_manager,
    a_manager_is_not_stopped_safely_during_a_plan,
    a_manager_is_stopped,
]


def leave_everything():
    """Clean nothing up: each journey begins where the one before has ended."""
    yield lambda rm: None


def main() -> None:
    form, encoding = sys.argv[1:3]
    settings = {"zmq_encoding": encoding, "zmq_control_addr": CONTROL, "zmq_info_addr": INFO}
    sys.stdout.write(json.dumps(asyncio.run(travel(FORMS[form], JOURNEYS, leave_everything, **settings))))


if __name__ == "__main__":
    main()
