"""The command as a person runs it: whole processes, from `up` to `down`, and the demonstration."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes.waiting import processes_of, wait_for_end, wait_for_text, wait_until

ROOT = Path(__file__).parents[2]
ANY_PORT = "tcp://127.0.0.1:0"
STATUS_WITHIN_S = 0.3


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def environ(tmp_path):
    """The environment of the commands: none of the caller's settings, and a mark by which processes are found."""
    names = [name for name in os.environ if not name.startswith(("CUELIGHT_", "QSERVER_"))]
    return {name: os.environ[name] for name in names} | {"TEST_DATA_DIRECTORY": str(tmp_path)}


@pytest.fixture
def spawn(environ):
    """Start the command and return its process; what lives long writes its output to a file."""

    def start(*words, output=subprocess.PIPE, **variables):
        return subprocess.Popen(
            [sys.executable, "-m", "queue_server.cli", *map(str, words)],
            cwd=ROOT,
            env={**environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture
def cuelight(spawn):
    """Run the command to its end."""

    def run(*words, **variables):
        process = spawn(*words, **variables)
        out, err = process.communicate(timeout=50)
        return Ended(process.returncode, out, err)

    return run


@pytest.fixture
def data(tmp_path, cuelight):
    """A data directory on which nothing runs at the end."""
    directory = tmp_path / "data"
    yield directory
    cuelight("down", "--data", directory, "--workers")
    assert processes_of(str(tmp_path)) == {}


@pytest.fixture
def ready_file(tmp_path):
    """Where the system under test tells that it is ready."""
    return tmp_path / "ready.json"


@pytest.fixture
def system(spawn, data, ready_file, tmp_path):
    """`cuelight up` on free ports with the simulated profile."""
    options = ["--data", data, "--ready-file", ready_file, "--control", ANY_PORT, "--info", ANY_PORT, "--http", "off"]
    with (tmp_path / "output").open("w+") as output:
        process = spawn("up", *options, output=output)
        wait_until(lambda: ready_file.exists() or process.poll() is not None, "the ready file", 40)
        output.seek(0)
        assert process.poll() is None, output.read()
    return process


@pytest.fixture
def at_system(cuelight, system, ready_file):
    """Run the command against that system."""
    return lambda *words: cuelight(*words, CUELIGHT_READY_FILE=str(ready_file))


def test_a_day_at_the_beamline_from_the_shell(at_system, tmp_path):
    assert at_system("env", "open", "--wait").code == 0
    added = at_system("queue", "add", "scan", "-d", "det1", "--", "motor1", "-1", "1", "5")
    assert (added.code, len(added.out.strip())) == (0, 36)
    (tmp_path / "plans.yaml").write_text("- {name: count, args: [[det1, det2]], kwargs: {num: 3}}\n")
    assert at_system("queue", "add-batch", tmp_path / "plans.yaml", "--pos", "front").code == 0
    assert at_system("queue", "update", "front", "num=2").code == 0
    listed = json.loads(at_system("queue", "list", "--json").out)
    assert [(item["name"], item["kwargs"]) for item in listed["items"]] == [("count", {"num": 2}), ("scan", {})]

    ran = at_system("queue", "start", "--wait", "--json")
    assert ran.code == 0, ran.err
    entries = json.loads(ran.out)["items"]
    assert [(entry["name"], entry["result"]["points"]) for entry in entries] == [("count", 2), ("scan", 5)]

    failed = at_system("queue", "add", "failing_count", "-d", "det1")
    waiting = at_system("queue", "start", "--wait")
    assert (waiting.code, "fails on purpose" in waiting.err) == (6, True)
    assert failed.out.strip() in json.loads(at_system("history", "--json").out)["items"][-1]["item_uid"]
    assert at_system("env", "close", "--wait").code == 0
    assert at_system("status", "--field", "worker_environment_state").out == "closed\n"


def test_a_plan_is_paused_and_aborted_from_the_shell(at_system):
    assert at_system("env", "open", "--wait").code == 0
    at_system("queue", "add", "count", "-d", "det1", "num=1000", "delay=0.01")
    assert at_system("queue", "start").code == 0
    assert at_system("abort").code == 2
    wait_until(lambda: at_system("status", "--field", "re_state").out == "running\n", "the plan", 20)
    paused = at_system("pause", "--now", "--wait")
    assert (paused.code, "is paused" in paused.err) == (0, True)
    assert at_system("resume", "--wait").code == 0
    wait_until(lambda: at_system("status", "--field", "re_state").out == "running\n", "the plan", 20)
    assert at_system("pause", "--wait").code == 0
    assert at_system("abort", "--wait").code == 0
    [entry] = json.loads(at_system("history", "--json").out)["items"]
    assert entry["result"]["exit_status"] == "aborted"


def test_ctrl_c_detaches_from_a_waiting_command_and_the_plan_goes_on(spawn, at_system, ready_file):
    assert at_system("env", "open", "--wait").code == 0
    assert at_system("queue", "add", "count", "-d", "det1", "num=30", "delay=0.1").code == 0
    waiting = spawn("queue", "start", "--wait", CUELIGHT_READY_FILE=str(ready_file))
    wait_until(lambda: "executing" in at_system("status", "--field", "manager_state").out, "the plan", 10)
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=10)
    assert (waiting.returncode, "nothing was stopped" in err) == (130, True)
    assert at_system("status", "--field", "manager_state").out == "executing_queue\n"


def test_a_status_is_there_at_once(at_system, figure):
    took_s = []
    for _ in range(7):
        begun = time.monotonic()
        assert at_system("status").code == 0
        took_s.append(time.monotonic() - begun)
    # The machine may be busy with other tests; what the command costs shows in its best run.
    figure("cuelight status as a whole process, s", STATUS_WITHIN_S, f"{min(took_s):.2f}")
    assert min(took_s) < STATUS_WITHIN_S


def test_every_option_of_up_is_a_variable_too(spawn, data, ready_file):
    process = spawn(
        "up",
        CUELIGHT_DATA=str(data),
        CUELIGHT_READY_FILE=str(ready_file),
        CUELIGHT_CONTROL=ANY_PORT,
        CUELIGHT_INFO=ANY_PORT,
        CUELIGHT_HTTP="off",
    )
    wait_until(ready_file.exists, "the ready file", 40)
    assert json.loads(ready_file.read_text())["data_dir"] == str(data)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--control", "localhost"], "control"),
        (["--control", "tcp://0.0.0.0:60615"], "loopback"),
        (["--config", "/nonexistent"], "cuelight.yaml"),
        (["--encoding", "xml"], "encoding"),
        (["--http", "60610"], "HOST:PORT"),
        (["--http", "localhost:99999"], "HOST:PORT"),
        (["--tls-cert", "/cert.pem"], "tls_key"),
    ],
)
def test_a_wrong_setting_is_a_parameter_error_before_anything_starts(cuelight, data, words, said):
    ended = cuelight("up", "--data", data, *words)
    assert (ended.code, said in ended.err) == (1, True)
    assert not data.exists()


def test_down_ends_what_up_has_started(system, cuelight, data, ready_file):
    ended = cuelight("down", "--data", data)
    assert ended.code == 0, ended.err
    assert system.wait(10) == 0
    assert not ready_file.exists()
    assert cuelight("down", "--data", data).code == 0


# --- the demonstration ---------------------------------------------------------------------------------------------


PLANS = {"count": "completed", "scan": "completed", "failing_count": "failed (expected)", "grid_scan": "completed"}


def rows_of(ended):
    """Return the lines of the result table by the name of the plan."""
    table = ended.out.partition("RUN UIDS\n")[2].partition("\n\n")[0]
    return {line.split()[0]: line for line in table.splitlines()}


def test_the_demonstration_runs_twice_and_leaves_nothing_behind(cuelight, data, tmp_path):
    for _ in range(2):
        ended = cuelight("demo", "--data", data)
        assert ended.code == 0, ended.err
        rows = rows_of(ended)
        assert rows.keys() == PLANS.keys()
        assert [name for name, outcome in PLANS.items() if outcome not in rows[name]] == []
        assert "failing_count failed (expected): " in ended.out
        assert str(data / "queue.sqlite") in ended.out
        assert (data / "queue.sqlite").exists()
        assert processes_of(str(tmp_path)) == {}


def test_the_demonstration_takes_free_ports_when_the_default_ones_are_taken(cuelight, data):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 60615))
        taken.listen()
        ended = cuelight("demo", "--data", data)
    assert ended.code == 0, ended.err
    assert rows_of(ended).keys() == PLANS.keys()


def test_a_demonstration_that_is_kept_says_how_to_connect_and_is_used_again(cuelight, data, tmp_path):
    first = cuelight("demo", "--data", data, "--keep")
    assert first.code == 0, first.err
    code = first.out.partition("From Python:\n")[2].partition("From the shell:")[0]
    lines = "\n".join(line.strip() for line in code.splitlines())
    asked = subprocess.run([sys.executable, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "'manager_state': 'idle'" in asked.stdout, asked.stderr
    variable = first.out.partition("export CUELIGHT_READY_FILE=")[2].splitlines()[0]
    assert cuelight("status", CUELIGHT_READY_FILE=variable).code == 0

    second = cuelight("demo", "--data", data)
    assert second.code == 0, second.err
    assert "already runs" in second.err
    assert processes_of(str(tmp_path)) != {}
    down = first.out.partition("End it with: cuelight ")[2].split()
    assert cuelight(*down).code == 0
    assert processes_of(str(tmp_path)) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_demonstration_leaves_no_process_and_the_next_one_works(spawn, cuelight, data, tmp_path, number):
    process = spawn("demo", "--data", data)
    wait_for_text(data / "workers" / "default.log", "count", 30)
    process.send_signal(number)
    wait_for_end(process.pid, 30)
    process.communicate()
    assert process.returncode == 130
    assert processes_of(str(tmp_path)) == {}
    ended = cuelight("demo", "--data", data)
    assert ended.code == 0, ended.err
    assert rows_of(ended).keys() == PLANS.keys()


def test_the_demonstration_does_not_touch_a_queue_that_is_not_its_own(at_system, cuelight, data, ready_file):
    (data / "ready.json").write_text(ready_file.read_text())
    assert at_system("env", "open", "--wait").code == 0
    assert at_system("queue", "add", "count", "-d", "det1").code == 0
    ended = cuelight("demo", "--data", data)
    assert (ended.code, "not of a demonstration" in ended.err) == (2, True)
    assert len(json.loads(at_system("queue", "list", "--json").out)["items"]) == 1
