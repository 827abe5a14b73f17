"""The list file of plans and devices: which startup code, which file, and what is left when something fails."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml

from device_worker.cli import list_plans_devices, read_options
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.list_file import LIST_FILE

CODE = """
class Motor:
    name = "motor"
    parent = None
    def read(self): ...
    def describe(self): ...

motor = Motor()

def count(detectors: list[str], num: int = 1):
    "Count."
    yield
"""
WITH_AN_INVALID_PLAN = CODE + "\ndef odd(number=object()):\n    yield\n"


@pytest.fixture(autouse=True)
def marks_removed(monkeypatch):
    """Forget the marks of a worker process, which the tool sets."""
    for name in ("_QSERVER_RE_WORKER_ACTIVE", "_QSERVER_RUNNING_IPYTHON_KERNEL"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def startup(tmp_path):
    directory = tmp_path / "ipython" / "profile_default" / "startup"
    directory.mkdir(parents=True)
    (directory / "00-code.py").write_text(CODE)
    return directory


def run(tmp_path, *arguments) -> tuple[int, Any]:
    code = list_plans_devices(["--file-dir", str(tmp_path), *map(str, arguments)])
    path = tmp_path / LIST_FILE
    return code, yaml.safe_load(path.read_text()) if path.exists() else None


def options(*arguments, **environ):
    found = read_options(list(map(str, arguments)), "tool", environ)
    assert found
    return found


def test_the_file_lists_plans_and_devices(startup, tmp_path, capsys):
    code, lists = run(tmp_path, "--startup-dir", startup)
    assert code == 0
    assert list(lists) == ["existing_devices", "existing_plans"]
    assert list(lists["existing_plans"]) == ["count"]
    assert [parameter["name"] for parameter in lists["existing_plans"]["count"]["parameters"]] == ["detectors", "num"]
    assert lists["existing_devices"]["motor"]["classname"] == "Motor"
    assert capsys.readouterr().out == f"Listed 1 plans and 1 devices in {tmp_path / LIST_FILE}\n"


def test_a_script_and_a_module_are_loaded_too(startup, tmp_path, monkeypatch):
    code, from_script = run(tmp_path, "--startup-script", startup / "00-code.py")
    assert code == 0
    (tmp_path / "listed_startup_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "listed_startup_module", raising=False)
    code, from_module = run(tmp_path, "--startup-module", "listed_startup_module")
    assert code == 0
    for lists in (from_script, from_module):
        assert (list(lists["existing_plans"]), list(lists["existing_devices"])) == (["count"], ["motor"])


def test_an_existing_file_is_replaced_also_behind_a_link(startup, tmp_path):
    real = tmp_path / "real.yaml"
    real.write_text("old")
    (tmp_path / LIST_FILE).symlink_to(real)
    code, _ = run(tmp_path, "--startup-dir", startup)
    assert code == 0
    assert "existing_plans" in yaml.safe_load(real.read_text())
    assert (tmp_path / LIST_FILE).is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [LIST_FILE, "real.yaml"]


@pytest.mark.parametrize("code", ["raise ValueError('no beam')", "import sys; sys.exit(0)", "def f(:\n"])
def test_startup_code_that_fails_leaves_the_file_alone(code, startup, tmp_path, capsys):
    (tmp_path / LIST_FILE).write_text("old: content")
    (startup / "01-wrong.py").write_text(code)
    assert run(tmp_path, "--startup-dir", startup) == (4, {"old": "content"})
    message = capsys.readouterr().err
    assert "01-wrong.py" in message
    assert "no beam" in message or "no beam" not in code


def test_a_plan_that_cannot_be_described_is_an_error_unless_it_is_ignored(startup, tmp_path, capsys):
    (startup / "00-code.py").write_text(WITH_AN_INVALID_PLAN)
    assert run(tmp_path, "--startup-dir", startup) == (4, None)
    assert "'odd'" in capsys.readouterr().err
    code, lists = run(tmp_path, "--startup-dir", startup, "--ignore-invalid-plans", "ON")
    assert (code, list(lists["existing_plans"])) == (0, ["count"])


def test_a_file_that_cannot_be_written_is_5(startup, tmp_path, capsys):
    (tmp_path / LIST_FILE).mkdir()
    assert list_plans_devices(["--file-dir", str(tmp_path), "--startup-dir", str(startup)]) == 5
    assert f"{LIST_FILE} cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST_FILE, "ipython"]


def test_the_startup_code_learns_that_it_runs_in_a_worker(startup, tmp_path):
    (startup / "01-mark.py").write_text(
        "import os\nif os.environ['_QSERVER_RE_WORKER_ACTIVE'] == '1':\n    def seen():\n        yield\n"
    )
    _, lists = run(tmp_path, "--startup-dir", startup)
    assert "seen" in lists["existing_plans"]


def test_the_profile_of_ipython_names_a_directory(startup, tmp_path):
    root = startup.parents[1]
    named = root / "profile_named" / "startup"
    named.mkdir(parents=True)
    assert options("--ipython-dir", root).source == ("directory", str(startup))
    assert options("--startup-profile", "default", IPYTHONDIR=str(root)).source == ("directory", str(startup))
    assert options("--startup-profile", "named", "--ipython-dir", root, IPYTHONDIR="/nowhere").source[1] == str(named)


def test_other_startup_code_wins_over_the_profile_and_that_is_said(startup):
    found = options("--startup-profile", "named", "--startup-dir", startup)
    assert found.source == ("directory", str(startup))
    assert "not loaded" in found.notes[0]


def test_the_kernel_is_accepted_and_that_there_is_none_is_said(startup, tmp_path, capsys):
    assert run(tmp_path, "--startup-dir", startup, "--use-ipython-kernel", "ON")[0] == 0
    assert "there is no IPython kernel" in capsys.readouterr().err


def test_without_a_directory_the_file_is_in_the_current_one(startup, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert options("--startup-dir", startup).path == tmp_path / LIST_FILE
    assert options("--startup-dir", startup, "--file-name", "other.yaml").path == tmp_path / "other.yaml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No startup code is named"),
        (["--startup-dir", "/nowhere"], "'--startup-dir': '/nowhere' does not exist"),
        (["--startup-script", "/nowhere.py"], "'--startup-script': '/nowhere.py' does not exist"),
        (["--startup-profile", "x", "--ipython-dir", "/nowhere"], "'--startup-profile': '/nowhere/profile_x/startup'"),
        (["--startup-dir", ".", "--startup-module", "x"], "not allowed with argument"),
        (["--startup-dir", ".", "--file-dir", "/nowhere"], "there is no directory '/nowhere'"),
        (["--startup-dir", ".", "--device-max-depth", "-1"], "'--device-max-depth' must be 0 or more"),
        (["--startup-dir", ".", "--device-max-depth", "all"], "invalid int value: 'all'"),
        (["--startup-dir", ".", "--ignore-invalid-plans", "yes"], "invalid choice: 'yes'"),
        (["--bogus"], "Unrecognized arguments: --bogus"),
    ],
)
def test_a_wrong_command_line_is_1_and_loads_nothing(arguments, message, capsys):
    with pytest.raises(ParameterError) as caught:
        read_options(arguments, "tool", {})
    assert message in caught.value.message
    assert list_plans_devices(arguments, program="tool") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("tool: ")
    assert captured.out == ""


def test_help_is_0(capsys):
    assert list_plans_devices(["-h"], program="cuelight list-plans-devices") == 0
    assert capsys.readouterr().out.startswith("usage: cuelight list-plans-devices")
