"""``list-plans-devices`` writes what bluesky-queueserver's own program writes, and that one's manager reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).parents[2]
_PROFILES = Path(__file__).parent / "descriptions"
_FILE = "existing_plans_and_devices.yaml"
_STOCK = [str(Path(sys.executable).with_name("qserver-list-plans-devices"))]
_OURS = [sys.executable, "-m", "device_worker.cli"]
_SCRIPT = """
from ophyd.sim import det1, motor
from bluesky.plans import count

def odd(number=object()):
    yield
"""

_STOCK_READER = """
import sys

from bluesky_queueserver.manager.profile_ops import load_existing_plans_and_devices

first, second = map(load_existing_plans_and_devices, sys.argv[1:])
assert any(first)
assert first == second
"""


def _run(command, directory, *arguments) -> tuple[int, Any, str]:
    directory.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [*command, "--file-dir", str(directory), *map(str, arguments)],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    path = directory / _FILE
    return done.returncode, yaml.safe_load(path.read_text()) if path.exists() else None, done.stderr


def _compare(tmp_path, *arguments):
    code, expected, log = _run(_STOCK, tmp_path / "stock", *arguments)
    assert code == 0, log
    code, lists, log = _run(_OURS, tmp_path / "ours", *arguments)
    assert code == 0, log
    assert lists == expected
    return lists


@pytest.mark.parametrize("name", ["annotations", pytest.param("async_devices", marks=pytest.mark.night)])
def test_the_lists_of_a_startup_directory_are_equal(name, tmp_path):
    lists = _compare(tmp_path, "--startup-dir", _PROFILES / name, "--ignore-invalid-plans", "ON")
    assert lists["existing_plans"] or lists["existing_devices"]
    # The stock manager reads both files, and finds nothing to update.
    first, second = (str(tmp_path / program / _FILE) for program in ("stock", "ours"))
    done = subprocess.run(
        [sys.executable, "-c", _STOCK_READER, first, second], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.night
def test_the_lists_of_a_module_of_a_depth_are_equal(tmp_path):
    lists = _compare(tmp_path, "--startup-module", "device_worker.sim.startup", "--device-max-depth", 2)
    assert "sim_bundle_A" in lists["existing_devices"]


@pytest.mark.night
def test_the_lists_of_an_ipython_profile_are_equal(tmp_path):
    startup = tmp_path / "profile_beam" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.ipy").write_text("from ophyd.sim import motor\n")
    (startup / "10.py").write_text("from bluesky.plans import scan\n")
    lists = _compare(tmp_path, "--startup-profile", "beam", "--ipython-dir", tmp_path)
    assert (list(lists["existing_plans"]), list(lists["existing_devices"])) == (["scan"], ["motor"])


@pytest.mark.night
def test_invalid_plans_are_ignored_when_both_are_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    lists = _compare(tmp_path, "--startup-script", script, "--ignore-invalid-plans", "ON")
    assert list(lists["existing_plans"]) == ["count"]
