"""The demonstration with a scanner as a person runs it: one submission, from k-space to the image."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from device_worker.sim.phantom import make_phantom
from tests.processes.waiting import processes_of, wait_until

# A system with a gateway, processes for graphs and a scanner, on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180


def fields_of(out):
    """Return the names and values at the end of the output."""
    lines = (line.split(None, 1) for line in out.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}


def find_items(data):
    """Return the outcomes of all items in the store, in the order of their names."""
    call = [sys.executable, "-m", "queue_server.cli", "history", "--json"]
    ready = {**os.environ, "CUELIGHT_READY_FILE": str(data / "ready.json")}
    reply = json.loads(subprocess.run(call, env=ready, capture_output=True, check=True, cwd=ROOT).stdout)
    return sorted((item["name"], item["result"]["exit_status"]) for item in reply["items"])


@pytest.mark.night
def test_one_submission_acquires_and_reconstructs_and_nothing_is_left_running(demonstrate, tmp_path):
    process = demonstrate("--scanner")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, (out, err)
    rows = {words[0]: words[1:] for line in out.splitlines() if (words := line.split())}
    assert (rows["acquire"][0], rows["acquire"][2]) == ("acquisition", "completed")
    assert rows["reconstruct_image"][:3] == ["dag", "compute", "completed"]
    assert "11 node calls, up to 8 side by side, on 2 processes" in out
    places = fields_of(out)
    image = np.load(places["image"])
    assert image.shape == (128, 128)
    assert np.sqrt(np.mean((image - make_phantom(128)) ** 2)) < 0.05
    with Image.open(places["picture"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (128, 128))
    kspace = np.load(places["k-space"])
    assert (kspace.shape, kspace.dtype) == ((8, 128, 128), np.complex64)
    manifest = json.loads(Path(places["image"]).with_name("manifest.json").read_text())
    assert len({node["process"] for node in manifest["nodes"]}) == 2
    assert processes_of(str(tmp_path)) == {}


@pytest.mark.night
def test_what_is_kept_says_how_to_go_on_and_is_used_again(demonstrate, tmp_path):
    first = demonstrate("--scanner", "--keep")
    out, err = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 0, (out, err)
    assert "device_worker.sim.scanner ws://127.0.0.1:" in out
    assert str(tmp_path / "data" / "device_credentials.json") in out
    second = demonstrate("--scanner")
    out, err = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 0, (out, err)
    assert "Using the system that already runs" in err
    both = [("acquire", "completed")] * 2 + [("reconstruct_image", "completed")] * 2
    assert find_items(tmp_path / "data") == both
    down = out.partition("End it with: cuelight ")[2].split()
    ended = subprocess.run(
        [sys.executable, "-m", "queue_server.cli", *down], capture_output=True, check=False, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr
    assert processes_of(str(tmp_path)) == {}


@pytest.mark.night
def test_an_interrupted_demonstration_ends_its_scanner_and_the_next_one_works(demonstrate, tmp_path):
    process = demonstrate("--scanner")
    line = ""
    while not line.startswith("acquire "):
        line = process.stdout.readline()
        assert line, process.communicate()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, (out, err)
    wait_until(lambda: processes_of(str(tmp_path)) == {}, "the end of all processes")
    again = demonstrate("--scanner")
    out, err = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, (out, err)


def test_options_that_do_not_go_together_start_nothing(demonstrate, tmp_path):
    process = demonstrate("--scanner", "--epics", str(tmp_path))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "'--scanner' and '--epics' do not go together" in err
    assert not (tmp_path / "data").exists()
