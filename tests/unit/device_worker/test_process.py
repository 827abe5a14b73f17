"""The command line of the worker process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from device_worker.process import GraphOptions, main, read_options
from queue_server.client import CurveKeys

ROOT = Path(__file__).parents[3]
REQUIRED = ["--link", "ipc:///tmp/link", "--incarnation", "one", "--state-dir", "/tmp"]
PUBLIC, SECRET = zmq.curve_keypair()
MANAGER = zmq.curve_keypair()[0]


def test_only_link_incarnation_and_directory_must_be_given():
    options = read_options(REQUIRED)
    assert (options.link, options.incarnation, options.state_dir) == ("ipc:///tmp/link", "one", Path("/tmp"))
    assert (options.lane, options.startup, options.list_file) == ("default", "sim", None)
    assert (options.device_max_depth, options.orphan_timeout_s) == (0, 3600.0)
    assert (options.data, read_options([*REQUIRED, "--data", "/data"]).data) == (None, Path("/data"))


@pytest.mark.parametrize("words", [[], ["--ignore-invalid-plans"]])
def test_invalid_plans_are_left_out_only_where_that_is_asked_for(words):
    assert read_options([*REQUIRED, *words]).ignore_invalid_plans is bool(words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (REQUIRED[2:], "--link"),
        ([*REQUIRED, "--device-max-depth", "-1"], "--device-max-depth"),
        ([*REQUIRED, "--orphan-timeout", "nan"], "--orphan-timeout"),
        ([*REQUIRED, "--unknown"], "--unknown"),
    ],
)
def test_a_wrong_option_ends_the_process_with_the_reason(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        read_options(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


@pytest.fixture
def key_files(tmp_path):
    """Files with the private key of a worker and the public key of its manager."""
    files = {"--secret-key-file": SECRET, "--manager-key-file": MANAGER}
    for name, key in files.items():
        (tmp_path / name).write_bytes(key)
        (tmp_path / name).chmod(0o600)
    return {name: tmp_path / name for name in files}


def test_the_keys_of_an_encrypted_link_come_from_files(key_files):
    options = read_options([*REQUIRED, *(str(word) for pair in key_files.items() for word in pair)])
    assert options.keys == CurveKeys(MANAGER, PUBLIC, SECRET)
    assert read_options(REQUIRED).keys is None


@pytest.mark.parametrize("given", ["--secret-key-file", "--manager-key-file"])
def test_one_key_is_not_enough(given, key_files, capsys):
    with pytest.raises(SystemExit):
        read_options([*REQUIRED, given, str(key_files[given])])
    assert "both --secret-key-file and --manager-key-file" in capsys.readouterr().err


def test_a_key_that_others_can_read_is_refused(key_files, capsys):
    key_files["--secret-key-file"].chmod(0o640)
    with pytest.raises(SystemExit):
        read_options([*REQUIRED, *(str(word) for pair in key_files.items() for word in pair)])
    assert "chmod 600" in capsys.readouterr().err


def test_a_directory_that_cannot_be_written_to_ends_the_process_with_the_reason(tmp_path, capfd):
    arguments = ["--link", "ipc:///tmp/link", "--incarnation", "one", "--state-dir", str(tmp_path / "missing")]
    assert main(arguments) == 2
    assert "missing" in capfd.readouterr().err


def test_the_hello_does_not_wait_for_bluesky_to_be_imported():
    code = "import sys, device_worker.process; sys.exit('bluesky' in sys.modules or 'ophyd' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_environment_needs_neither_a_plotting_library_nor_an_interactive_shell():
    code = (
        "import sys, device_worker.environment, device_worker.sim.startup\n"
        "sys.exit(' '.join({'matplotlib', 'IPython', 'pandas', 'dask'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert answer.stderr.strip() == ""


def test_a_worker_of_graphs_is_told_so_by_its_options():
    assert read_options(REQUIRED).graphs is None
    options = read_options(
        [*REQUIRED, "--graphs-in", "/data", "--graph-processes", "2", "--graph-scheduler", "/s.yaml"]
    )
    assert options.graphs == GraphOptions(Path("/data"), 2, None, Path("/s.yaml"))
