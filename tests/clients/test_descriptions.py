"""Descriptions of plans and devices equal those of bluesky-queueserver's own generator, field by field."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]

_STOCK = """
import json, sys
from bluesky_queueserver.manager import profile_ops

kind, location, depth, target = sys.argv[1:]
source = {"module": "startup_module_name", "directory": "startup_dir", "file": "startup_script_path"}[kind]
namespace = profile_ops.load_worker_startup_code(**{source: location})
plans, devices, _, _ = profile_ops.existing_plans_and_devices_from_nspace(
    nspace=namespace, max_depth=int(depth), ignore_invalid_plans=True
)
with open(target, "w") as stream:
    json.dump({"plans": plans, "devices": devices}, stream)
"""

_CUELIGHT = """
import json, sys
from device_worker.profile import DescribeOptions, StartupSource, describe_profile, load_profile

kind, location, depth, target = sys.argv[1:]
profile = load_profile(StartupSource(kind, location))
options = DescribeOptions(device_max_depth=int(depth), ignore_invalid_plans=True)
descriptions = describe_profile(profile, options)
with open(target, "w") as stream:
    json.dump({"plans": descriptions.plans, "devices": descriptions.devices}, stream)
"""

_DIRECTORY = Path(__file__).parent / "descriptions"
_OF_EVERY_COMMIT = ("annotations", "everything_of_bluesky")
_PROFILES = [
    pytest.param(path.name, marks=() if path.name in _OF_EVERY_COMMIT else pytest.mark.night)
    for path in sorted(_DIRECTORY.iterdir())
]


def _describe(program: str, kind: str, location: str, depth: int, target: Path) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-c", program, kind, location, str(depth), str(target)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text())


def _compare(kind: str, location: str, tmp_path: Path, depth: int = 0) -> dict[str, dict[str, Any]]:
    expected = _describe(_STOCK, kind, location, depth, tmp_path / "stock.json")
    described = _describe(_CUELIGHT, kind, location, depth, tmp_path / "cuelight.json")
    for section in ("plans", "devices"):
        assert described[section].keys() == expected[section].keys()
        for name, description in expected[section].items():
            assert described[section][name] == description, name
    return described


def test_the_simulated_profile_is_described_as_the_stock_generator_does(tmp_path):
    described = _compare("module", "device_worker.sim.startup", tmp_path)
    assert {"count", "scan", "failing_count", "move_then_count"} <= described["plans"].keys()
    assert {"det", "det1", "motor", "sim_bundle_A"} <= described["devices"].keys()


@pytest.mark.night
def test_the_depth_of_devices_is_limited_as_the_stock_generator_does(tmp_path):
    described = _compare("module", "device_worker.sim.startup", tmp_path, depth=2)
    bundle = described["devices"]["sim_bundle_A"]
    assert all("components" not in component for component in bundle["components"].values())


@pytest.mark.parametrize("name", _PROFILES)
def test_a_startup_directory_is_described_as_the_stock_generator_does(tmp_path, name):
    described = _compare("directory", str(_DIRECTORY / name), tmp_path)
    assert described["plans"] or described["devices"]


@pytest.mark.night
def test_a_startup_file_is_described_as_the_stock_generator_does(tmp_path):
    described = _compare("file", str(_DIRECTORY / "annotations" / "00-startup.ipy"), tmp_path)
    assert {"everything", "lists", "built_in"} <= described["plans"].keys()


_STOCK_PROFILE = """
from bluesky_queueserver import is_re_worker_active, register_device, register_plan
from bluesky_queueserver.manager.profile_tools import set_user_ns

@set_user_ns
def look(user_ns):
    return user_ns["value"]

value = 11
seen = look()
active = is_re_worker_active()
register_plan("hidden", exclude=True)

def hidden():
    yield

def shown():
    yield
"""

_STOCK_TEST = """
import sys
from device_worker.profile import StartupSource, describe_profile, load_profile, mark_worker_process
mark_worker_process()
profile = load_profile(StartupSource.from_directory(sys.argv[1]))
assert profile.namespace["seen"] == 11 and profile.namespace["active"] is True
assert set(describe_profile(profile).plans) == {"shown"}
profile = load_profile(StartupSource.from_directory(sys.argv[2]))
assert set(describe_profile(profile).plans) == {"hidden"}
"""


def test_startup_code_may_use_the_functions_of_the_stock_package(tmp_path):
    directory, other = tmp_path / "first", tmp_path / "other"
    directory.mkdir()
    other.mkdir()
    (directory / "00.py").write_text(_STOCK_PROFILE)
    (other / "00.py").write_text("def hidden():\n    yield\n")
    done = subprocess.run(
        [sys.executable, "-c", _STOCK_TEST, str(directory), str(other)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
