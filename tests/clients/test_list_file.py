"""A list file that bluesky-queueserver wrote is recognised: its content is known, and it is not written again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from device_worker.list_file import ListFile
from queue_server.access.startup_files import find_startup_files

_ROOT = Path(__file__).parents[2]
_PROFILES = Path(__file__).parent / "descriptions"
_FILE = "existing_plans_and_devices.yaml"
_STOCK = str(Path(sys.executable).with_name("qserver-list-plans-devices"))

_DESCRIBE_AND_NOTE = """
import sys
from pathlib import Path

from device_worker.list_file import ListFile
from device_worker.profile import DescribeOptions, StartupSource, describe_profile, load_profile, mark_worker_process

mark_worker_process()
profile = load_profile(StartupSource.from_directory(sys.argv[1]))
found = describe_profile(profile, DescribeOptions(ignore_invalid_plans=True))
assert found.plans or found.devices
ListFile(Path(sys.argv[2]), "always").note_opened(found.plans, found.devices)
"""

_STOCK_UPDATE = """
import sys

from bluesky_queueserver.manager import profile_ops

path, reference = sys.argv[1:]
plans, devices = profile_ops.load_existing_plans_and_devices(reference)
assert plans or devices
changed = profile_ops.update_existing_plans_and_devices(
    path_to_file=path, existing_plans=plans, existing_devices=devices
)
sys.exit(int(changed))
"""


def run(*words):
    """Run a program that must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [*map(str, words)], cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["annotations", pytest.param("async_devices", marks=pytest.mark.night)])
def test_a_list_file_of_the_stock_program_is_left_byte_for_byte(name, tmp_path):
    run(_STOCK, "--startup-dir", _PROFILES / name, "--file-dir", tmp_path, "--ignore-invalid-plans", "ON")
    path = tmp_path / _FILE
    text, before = path.read_bytes(), path.stat()
    run(sys.executable, "-c", _DESCRIBE_AND_NOTE, _PROFILES / name, path)
    assert path.read_bytes() == text
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    # A manager knows what stands in it before an environment is open.
    lists = find_startup_files(str(tmp_path), None, None, "never").parse_list_file(text)
    expected = yaml.safe_load(text)
    assert (lists.plans, lists.devices) == (expected["existing_plans"], expected["existing_devices"])


@pytest.mark.parametrize("number", [2, 1200])
def test_the_stock_manager_finds_nothing_to_update_in_our_list_files_short_or_long(number, tmp_path):
    plans = {"count": {"name": "count", "properties": {"is_generator": True}, "parameters": [], "description": "à: #"}}
    device = {"classname": "Det", "module": "m", "is_readable": True, "is_movable": False, "is_flyable": False}
    devices = {f"det{each}": device for each in range(number)}
    path, reference = tmp_path / "ours.yaml", tmp_path / "reference.yaml"
    ListFile(path).note_opened(plans, devices)
    reference.write_text(yaml.safe_dump({"existing_plans": plans, "existing_devices": devices}))
    run(sys.executable, "-c", _STOCK_UPDATE, path, reference)
