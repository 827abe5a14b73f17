"""Writes the list file of the simulated profile, so that its plans can be queued before any environment was open.

Run it with ``python -m device_worker.sim.lists`` when the profile has changed. The file has no explaining texts; they
come with the first environment, as the installed libraries have them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from device_worker import sim
from device_worker.profile import StartupSource, describe_profile, load_profile, mark_worker_process
from queue_server.protocol.list_file import LIST_FILE, make_plain, render_lists


def list_simulated() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plans and the devices of the simulated profile, without explaining texts."""
    mark_worker_process()
    descriptions = describe_profile(load_profile(StartupSource("sim")))
    plans = make_plain(descriptions.plans)
    for plan in plans.values():
        plan.pop("description", None)
        for parameter in plan["parameters"]:
            parameter.pop("description", None)
    return plans, make_plain(descriptions.devices)


def main() -> int:
    """Write the file into the package; return the exit code."""
    path = Path(sim.DIRECTORY) / LIST_FILE
    path.write_text(render_lists(*list_simulated()), encoding="utf-8")
    sys.stdout.write(f"Wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
