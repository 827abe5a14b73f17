"""The command line of the worker process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from device_worker.process import main, read_options

ROOT = Path(__file__).parents[3]
REQUIRED = ["--link", "ipc:///tmp/link", "--incarnation", "one", "--state-dir", "/tmp"]


def test_only_link_incarnation_and_directory_must_be_given():
    options = read_options(REQUIRED)
    assert (options.link, options.incarnation, options.state_dir) == ("ipc:///tmp/link", "one", Path("/tmp"))
    assert (options.lane, options.startup, options.permissions) == ("default", "sim", None)
    assert (options.device_max_depth, options.orphan_timeout_s) == (0, 3600.0)


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


def test_a_directory_that_cannot_be_written_to_ends_the_process_with_the_reason(tmp_path, capfd):
    arguments = ["--link", "ipc:///tmp/link", "--incarnation", "one", "--state-dir", str(tmp_path / "missing")]
    assert main(arguments) == 2
    assert "missing" in capfd.readouterr().err


def test_the_hello_does_not_wait_for_bluesky_to_be_imported():
    code = "import sys, device_worker.process; sys.exit('bluesky' in sys.modules or 'ophyd' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.timeout(60)
def test_an_environment_needs_neither_a_plotting_library_nor_an_interactive_shell():
    code = (
        "import sys, device_worker.environment, device_worker.sim.startup\n"
        "sys.exit(' '.join({'matplotlib', 'IPython', 'pandas', 'dask'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert answer.stderr.strip() == ""
