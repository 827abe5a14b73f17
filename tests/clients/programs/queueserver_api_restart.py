"""One client, one plan, and a manager that is killed meanwhile: `program CONTROL INFO PID`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from bluesky_queueserver_api import BPlan
from bluesky_queueserver_api.comm_base import RequestTimeoutError
from bluesky_queueserver_api.zmq import REManagerAPI

PATIENCE_S = 20


def wait_for_finished_item(rm):
    """Wait as a person does who repeats what was not answered."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            rm.wait_for_condition(lambda status: status["items_in_history"] == 1, timeout=PATIENCE_S)
        except RequestTimeoutError:
            continue
        return


def main():
    control, info, manager = sys.argv[1:]
    rm = REManagerAPI(zmq_control_addr=control, zmq_info_addr=info, status_polling_period=0.1)
    rm.environment_open()
    rm.wait_for_idle(timeout=PATIENCE_S)
    rm.item_add(BPlan("count", ["det1"], num=10, delay=0.2))
    rm.queue_start()
    rm.wait_for_condition(lambda status: status["re_state"] == "running", timeout=PATIENCE_S)
    os.kill(int(manager), signal.SIGKILL)
    wait_for_finished_item(rm)
    [item] = rm.history_get(reload=True)["items"]
    result = item["result"]
    queue = rm.queue_get(reload=True)["items"]
    told = {"outcome": result["exit_status"], "runs": len(result["run_uids"]), "queue": len(queue)}
    rm.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
