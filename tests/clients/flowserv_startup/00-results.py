"""Startup code whose plans write the results that they are told to, so that rankings can be known in advance."""

import json
import sys
from typing import Any

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

from device_worker.outputs import output_directory

# A RunEngine imports these to note their versions, which takes longer than the rest of opening an environment.
MODULES: dict[str, Any] = sys.modules
UNLOADED = [name for name in ("ophyd", "ophyd_async") if name not in MODULES]
MODULES.update(dict.fromkeys(UNLOADED))
RE = RunEngine({})
for unloaded in UNLOADED:
    del MODULES[unloaded]


def measure(score: float, hits: int, chi: float = 0.0, note: str = "", mask: str = ""):
    """One run whose file of results has these values; a chi of 0 is left out, one below 0 is not a number."""

    @bpp.run_decorator(md={"mask": mask})
    def inner():
        yield from bps.checkpoint()

    yield from inner()
    if hits < 0:
        raise RuntimeError("no hits")
    values = {"fit": {"score": score}, "hits": hits}
    if chi:
        values["chi"] = chi if chi > 0 else float("nan")
    if note:
        values["note"] = note
    (output_directory() / "fit.json").write_text(json.dumps(values))
    (output_directory() / "scratch.txt").write_text("not kept")


def dwell(seconds: float):
    """One run that does nothing for some time."""

    @bpp.run_decorator()
    def inner():
        yield from bps.checkpoint()
        yield from bps.sleep(seconds)

    yield from inner()


def summarize(fits: list):
    """Write how many files there are, and a table of some size."""
    yield from bps.null()
    (output_directory() / "deep").mkdir()
    (output_directory() / "deep" / "summary.json").write_text(json.dumps({"count": len(fits)}))
    (output_directory() / "table.csv").write_text("position,counts\n" + "".join(f"{n},{n * n}\n" for n in range(500)))
