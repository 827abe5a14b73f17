from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bluesky.run_engine import RunEngine

from device_worker.profile import find_run_engine

TUTORIAL_PLANS = {
    *("adaptive_scan", "count", "fly", "grid_scan", "inner_product_scan", "list_grid_scan", "list_scan"),
    *("log_scan", "mv", "mvr", "null", "ramp_plan", "rel_adaptive_scan", "rel_grid_scan", "rel_list_grid_scan"),
    *("rel_list_scan", "rel_log_scan", "rel_scan", "rel_spiral", "rel_spiral_fermat", "rel_spiral_square"),
    *("relative_inner_product_scan", "scan", "scan_nd", "sleep", "spiral", "spiral_fermat", "spiral_square"),
    *("tune_centroid", "tweak", "x2x_scan", "marked_up_count", "move_then_count", "count_bundle_test"),
    *("plan_test_progress_bars", "sim_multirun_plan_nested", "failing_count", "_sim_plan_inner"),
}
TUTORIAL_DEVICES = {
    *("det", "det1", "det2", "det3", "det4", "det5", "motor", "motor1", "motor2", "motor3", "noisy_det"),
    *("flyer1", "flyer2", "img", "rand", "sig", "signal", "pseudo1x3", "pseudo3x3", "ab_det", "direct_img"),
    *("jittery_motor1", "custom_test_device", "custom_test_signal", "custom_test_flyer"),
    *("sim_bundle_A", "sim_bundle_B"),
}


def test_the_profile_has_the_plans_and_devices_that_tutorials_use(descriptions):
    assert set(descriptions.plans) == TUTORIAL_PLANS | {"report_result", "rocking_curve", "summarize_submissions"}
    assert set(descriptions.devices) > TUTORIAL_DEVICES


def test_devices_are_nested_three_levels_deep(descriptions):
    bundle = descriptions.devices["sim_bundle_A"]
    assert set(bundle["components"]) == {"mtrs", "dets"}
    assert bundle["components"]["mtrs"]["is_movable"] is True
    assert set(bundle["components"]["mtrs"]["components"]) == {"x", "y", "z"}
    assert "val" in bundle["components"]["dets"]["components"]["det_A"]["components"]


def test_the_profile_brings_a_run_engine_with_metadata(profile):
    engine = find_run_engine(profile.namespace)
    assert isinstance(engine, RunEngine)
    assert engine.md["metadata_key"] == "metadata_value"
    assert "versions" in engine.md


def test_scripts_find_modules_under_their_customary_names(profile):
    modules = {name: profile.namespace[name].__name__ for name in ("bps", "bpp", "ttime")}
    assert modules == {"bps": "bluesky.plan_stubs", "bpp": "bluesky.preprocessors", "ttime": "time"}


def test_an_annotated_plan_lists_components_of_the_bundles(descriptions):
    annotation = descriptions.plans["count_bundle_test"]["parameters"][0]["annotation"]
    assert "sim_bundle_B.dets.det_A.val" in annotation["devices"]["DetList"]
    assert "motor" not in annotation["devices"]["DetList"]


_HEAVY = ("matplotlib", "IPython", "pandas", "scipy", "bluesky_queueserver", "zmq")


def test_loading_the_profile_imports_no_heavy_package():
    code = f"""
import sys
from pathlib import Path
import device_worker.sim
assert "bluesky" not in sys.modules, "importing the package alone starts nothing"
from device_worker.profile import StartupSource, describe_profile, load_profile
describe_profile(load_profile(StartupSource("sim")))
loaded = [name for name in {_HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
