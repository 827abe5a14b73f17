"""The units of config/systemd: what they promise, as systemd reads it and directive by directive."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from queue_server.config import load_settings
from queue_server.engine.watchdog import PERIOD_S
from queue_server.process import PAUSE_PATIENCE_S
from queue_server.workers.lane_launcher import read_options
from queue_server.workers.lane_workers import END_PATIENCE_S

UNITS = Path(__file__).parents[3] / "config" / "systemd"
MANAGER, GATEWAY, WORKER = "cuelight-manager.service", "cuelight-gateway.service", "cuelight-worker@.service"
FAR = "cuelight-far-worker@.service"
ALL = (MANAGER, GATEWAY, WORKER, FAR)
# Systemd before version 254 has no growing pauses, says so, and goes on.
UNKNOWN = re.compile(r"Unknown key '(RestartSteps|RestartMaxDelaySec)' in section \[Service\], ignoring\.$")


def read_unit(name):
    """Return the directives of a unit: section and name, with every value they are given."""
    directives, section = {}, ""
    for line in (UNITS / name).read_text().replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            directives.setdefault((section, key), []).append(value)
    return directives


@pytest.fixture(params=ALL)
def unit(request):
    return read_unit(request.param)


def only(unit, key, section="Service"):
    """Return the value of a directive that is given once."""
    [value] = unit[section, key]
    return value


def test_systemd_finds_nothing_wrong(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for name in ALL:
        # The programs of an installation are not here; a template is checked by one of its instances.
        text = re.sub(r"/opt/cuelight/bin/\w+", shutil.which("true") or "/bin/true", (UNITS / name).read_text())
        (tmp_path / name.replace("@", "@default")).write_text(text)
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    complaints = [line for line in answer.stderr.splitlines() if str(tmp_path) in line and not UNKNOWN.search(line)]
    assert complaints == []
    assert answer.returncode == 0


def test_every_unit_says_itself_when_it_serves(unit):
    assert only(unit, "Type") == "notify"
    assert only(unit, "NotifyAccess") == "main"


def test_every_unit_is_started_again_for_ever_and_less_and_less_often(unit):
    assert only(unit, "Restart") == "always"
    assert only(unit, "StartLimitIntervalSec", "Unit") == "0"
    assert int(only(unit, "RestartSteps")) > 1
    assert only(unit, "RestartMaxDelaySec") == "30"


def test_no_unit_can_gain_rights(unit):
    assert only(unit, "NoNewPrivileges") == "yes"
    assert only(unit, "ProtectSystem") == "strict"
    assert only(unit, "ProtectHome") in ("yes", "read-only")
    assert only(unit, "CapabilityBoundingSet") == ""
    assert only(unit, "PrivateTmp") == "yes"
    assert only(unit, "User") not in ("", "root")


@pytest.mark.parametrize("name", [MANAGER, GATEWAY])
def test_what_serves_requests_is_watched(name):
    assert float(only(read_unit(name), "WatchdogSec")) >= 3 * PERIOD_S


def test_a_worker_is_killed_neither_for_its_silence_nor_with_the_manager():
    worker, manager = read_unit(WORKER), read_unit(MANAGER)
    assert ("Service", "WatchdogSec") not in worker
    assert not {"Requires", "BindsTo", "PartOf"} & {key for _, key in worker}
    assert only(worker, "User") != only(manager, "User")
    assert only(worker, "Group") == only(manager, "Group")


def test_there_is_time_for_an_end_in_order():
    assert float(only(read_unit(MANAGER), "TimeoutStopSec")) > PAUSE_PATIENCE_S + 15
    for name in (WORKER, FAR):
        worker = read_unit(name)
        assert only(worker, "KillMode") == "mixed"
        assert float(only(worker, "TimeoutStopSec")) > END_PATIENCE_S


def test_a_launcher_understands_what_its_unit_starts_it_with():
    here, far = (shlex.split(only(read_unit(name), "ExecStart").replace("%i", "b")) for name in (WORKER, FAR))
    options = read_options(here[3:])
    assert (options.lane, options.socket, options.link) == ("b", Path("/run/cuelight-workers/b.launcher"), None)
    options = read_options(far[3:])
    assert (options.lane, options.socket, options.link) == ("b", None, "${CUELIGHT_MANAGER_LINK}")
    assert options.state_dir.name == "b"
    assert None not in (options.secret_key_file, options.manager_key_file)


def test_the_settings_name_the_same_places_as_the_units(tmp_path):
    shutil.copy(UNITS / "cuelight.yaml", tmp_path)
    settings = load_settings({"config": str(tmp_path)})
    started = shlex.split(only(read_unit(WORKER), "ExecStart").replace("%i", "default"))
    assert settings.worker_launchers == {"default": Path(started[started.index("--socket") + 1])}
    assert f"cuelight/{settings.data.name}" in only(read_unit(MANAGER), "StateDirectory").split()
    gateway = shlex.split(only(read_unit(GATEWAY), "ExecStart"))
    assert gateway[gateway.index("--data") + 1] == str(settings.data)
    assert gateway[gateway.index("--control") + 1] == f"ipc://{settings.data}/delegate.sock"
    directories = {line.split()[1] for line in (UNITS / "tmpfiles.conf").read_text().splitlines() if line[:2] == "d "}
    assert {str(settings.data / "workers"), str(Path(settings.worker_launchers["default"]).parent)} <= directories
