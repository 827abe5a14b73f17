"""Startup code without devices: plans that end when a test says so, and a journal of everything that began."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

JOURNAL = Path(__file__).parent / "journal"


def write_journal(name, document):
    """Note which attempt of which item has begun: what is here has moved hardware."""
    if name == "start":
        line = {**document["cuelight"], "run_uid": document["uid"], "plan": document["plan_name"]}
        with JOURNAL.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


# A RunEngine imports these to note their versions, which takes longer than the rest of opening an environment.
MODULES: dict[str, Any] = sys.modules
UNLOADED = [name for name in ("ophyd", "ophyd_async") if name not in MODULES]
MODULES.update(dict.fromkeys(UNLOADED))
RE = RunEngine({})
for unloaded in UNLOADED:
    del MODULES[unloaded]
RE.subscribe(write_journal)


def quick(label: str = "", revision: int = 0):
    """One run that ends at once."""

    @bpp.run_decorator(md={"label": label, "revision": revision})
    def inner():
        yield from bps.checkpoint()

    yield from inner()


def hold(gate: str, label: str = ""):
    """One run that lasts until the file `gate` exists; it can be paused at any time."""

    @bpp.run_decorator(md={"label": label})
    def inner():
        while not os.path.exists(gate):
            yield from bps.checkpoint()
            yield from bps.sleep(0.02)

    yield from inner()


def fail(label: str = "", revision: int = 0):
    """One run that fails."""

    @bpp.run_decorator(md={"label": label, "revision": revision})
    def inner():
        yield from bps.checkpoint()
        raise RuntimeError("asked to fail")

    yield from inner()
