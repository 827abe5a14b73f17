"""The namespace of the simulated profile: its devices, plans, functions and RunEngine.

Every public name here is seen by clients. Importing this module creates the hardware and the RunEngine.
"""

import time as ttime

from bluesky import RunEngine, plan_stubs, plans
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

from device_worker.sim.crystal import crystal_angle, diode, diode_exposure, mirror_bend, rocking_curve
from device_worker.sim.devices import (
    custom_test_device,
    custom_test_flyer,
    custom_test_signal,
    hardware,
    sim_bundle_A,
    sim_bundle_B,
)
from device_worker.sim.functions import clear_buffer, function_sleep, pop_buffer_element, push_buffer_element
from device_worker.sim.live_table import RunTables
from device_worker.sim.plans import (
    count_bundle_test,
    failing_count,
    marked_up_count,
    move_then_count,
    plan_test_progress_bars,
    sim_multirun_plan_nested,
    sim_plan_inner,
)
from device_worker.sim.reports import report_result, summarize_submissions

# Scripts of users expect these modules under their customary short names.
__all__ = [
    "RE",
    "bpp",
    "bps",
    "clear_buffer",
    "count_bundle_test",
    "crystal_angle",
    "custom_test_device",
    "custom_test_flyer",
    "custom_test_signal",
    "diode",
    "diode_exposure",
    "failing_count",
    "function_sleep",
    "marked_up_count",
    "mirror_bend",
    "move_then_count",
    "plan_test_progress_bars",
    "pop_buffer_element",
    "push_buffer_element",
    "report_result",
    "rocking_curve",
    "sim_bundle_A",
    "sim_bundle_B",
    "sim_multirun_plan_nested",
    "summarize_submissions",
    "ttime",
]

_PLANS = (
    "adaptive_scan",
    "count",
    "fly",
    "grid_scan",
    "inner_product_scan",
    "list_grid_scan",
    "list_scan",
    "log_scan",
    "ramp_plan",
    "rel_adaptive_scan",
    "rel_grid_scan",
    "rel_list_grid_scan",
    "rel_list_scan",
    "rel_log_scan",
    "rel_scan",
    "rel_spiral",
    "rel_spiral_fermat",
    "rel_spiral_square",
    "relative_inner_product_scan",
    "scan",
    "scan_nd",
    "spiral",
    "spiral_fermat",
    "spiral_square",
    "tune_centroid",
    "tweak",
    "x2x_scan",
)
_STUBS = ("mv", "mvr", "null", "sleep")

# A plan for the use of other plans: it is in the list of existing plans, and nobody may start it.
_sim_plan_inner = sim_plan_inner
del sim_plan_inner

globals().update(vars(hardware))
globals().update({name: getattr(plans, name) for name in _PLANS})
globals().update({name: getattr(plan_stubs, name) for name in _STUBS})

RE = RunEngine({"metadata_key": "metadata_value"})
RE.subscribe(RunTables())
