"""The command as a person runs it: whole processes, from `up` to `down`, the verbs of a day, and the demonstration.

What is done at a system is done at one for all tests; a verb runs in this process unless its process matters.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from queue_server.cli.main import run
from tests.faults.tiers import rounds
from tests.processes.system import System
from tests.processes.waiting import processes_of, wait_for_end, wait_for_text, wait_until

ROOT = Path(__file__).parents[2]
ANY_PORT = "tcp://127.0.0.1:0"
STATUS_S = 0.3
# A processor that two share counts nearly twice.
STATUS_WITHIN_S = 1.0


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """None of the caller's settings reaches a command."""
    for name in [name for name in os.environ if name.startswith(("CUELIGHT_", "QSERVER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def environ(no_settings, tmp_path):
    """The environment of the processes, with a mark by which they are found."""
    # Loading one more manager takes the time of every start.
    return {**os.environ, "TEST_DATA_DIRECTORY": str(tmp_path), "CUELIGHT_SPARE_MANAGER": "false"}


@pytest.fixture
def spawn(environ):
    """Start the command and return its process; what lives long writes its output to a file."""

    def start(*words, output=subprocess.PIPE, stdin=subprocess.DEVNULL, **variables):
        return subprocess.Popen(
            [sys.executable, "-m", "queue_server.cli", *map(str, words)],
            cwd=ROOT,
            env={**environ, **variables},
            stdin=stdin,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture
def cuelight(spawn):
    """Run the command to its end."""

    def finish(*words, **variables):
        process = spawn(*words, **variables)
        out, err = process.communicate(timeout=180)
        return Ended(process.returncode, out, err)

    return finish


@pytest.fixture
def command(capsys, no_settings, monkeypatch):
    """Run the command to its end in this process."""

    def finish(*words, **variables):
        with monkeypatch.context() as environment:
            for name, value in variables.items():
                environment.setenv(name, value)
            code = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return finish


@pytest.fixture
def data(tmp_path, cuelight):
    """A data directory on which nothing runs at the end."""
    directory = tmp_path / "data"
    yield directory
    if not directory.exists():
        return
    cuelight("down", "--data", directory, "--workers")
    # A supervisor whose manager was asked to stop ends by itself.
    wait_until(lambda: not processes_of(str(tmp_path)), "the end of all processes")


@pytest.fixture
def ready_file(tmp_path):
    """Where the system under test tells that it is ready."""
    return tmp_path / "ready.json"


@pytest.fixture
def up(spawn, data, ready_file, tmp_path):
    """Start `cuelight up` on free ports and wait until it is ready; again and again if need be."""

    def start(*words):
        ready_file.unlink(missing_ok=True)
        options = ["--data", data, "--ready-file", ready_file, "--control", ANY_PORT, "--info", ANY_PORT]
        options += ["--documents", ANY_PORT]
        with (tmp_path / "output").open("w+") as output:
            process = spawn("up", *options, "--http", "off", *words, output=output)
            wait_until(lambda: ready_file.exists() or process.poll() is not None, "the ready file")
            output.seek(0)
            assert process.poll() is None, output.read()
        return process

    return start


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A running system with the simulated profile, for all tests."""
    system = System(tmp_path_factory.mktemp("system"), script_upload=True)
    yield system.start()
    system.close()


@pytest.fixture
def system(running):
    """The same, without items, history and autostart, and idle: what the test before has left running is stopped."""
    ask = running.requester
    ask.do("queue_autostart", enable=False)
    if ask.status()["manager_state"] != "idle":
        ask.do("environment_destroy")
        ask.wait_for_state("idle")
    ask.do("queue_clear")
    ask.do("history_clear")
    return running


@pytest.fixture
def opened(system):
    """The same with an open environment."""
    if not system.requester.status()["worker_environment_exists"]:
        system.requester.open()
    return system


@pytest.fixture
def ready(system):
    """The variable that leads a command to that system."""
    return {"CUELIGHT_READY_FILE": str(system.ready_file)}


@pytest.fixture
def at_system(cuelight, ready):
    """Run the command against that system."""
    return lambda *words: cuelight(*words, **ready)


@pytest.fixture
def at_console(command, ready):
    """The same in this process."""
    return lambda *words: command(*words, **ready)


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


def test_a_plan_is_paused_and_aborted_from_the_shell(opened, at_console):
    at_console("queue", "add", "count", "-d", "det1", "num=1000", "delay=0.01")
    assert at_console("queue", "start").code == 0
    assert at_console("abort").code == 2
    wait_until(lambda: at_console("status", "--field", "re_state").out == "running\n", "the plan")
    paused = at_console("pause", "--now", "--wait")
    assert (paused.code, "is paused" in paused.err) == (0, True)
    assert at_console("resume", "--wait").code == 0
    wait_until(lambda: at_console("status", "--field", "re_state").out == "running\n", "the plan")
    assert at_console("pause", "--wait").code == 0
    assert at_console("abort", "--wait").code == 0
    [entry] = json.loads(at_console("history", "--json").out)["items"]
    assert entry["result"]["exit_status"] == "aborted"


SCRIPT = """
def func_for_test_add(first, second=1):
    return {"sum": first + second}

def func_for_test_break():
    raise ValueError("asked to break")
"""


def test_scripts_functions_and_plans_run_beside_the_queue_from_the_shell(opened, at_console, tmp_path):
    (tmp_path / "code.py").write_text(SCRIPT)
    loaded = at_console("script", "upload", tmp_path / "code.py", "--wait")
    assert (loaded.code, loaded.out) == (0, "null\n"), loaded.err
    called = at_console("function", "call", "func_for_test_add", "4", "second=3", "--wait")
    assert (called.code, json.loads(called.out)) == (0, {"sum": 7}), called.err
    broken = at_console("function", "call", "func_for_test_break", "--wait")
    assert (broken.code, "The task failed: ValueError: asked to break" in broken.err) == (5, True), broken.err

    task = at_console("function", "call", "func_for_test_add", "1").out.strip()
    assert at_console("task", "result", task, "--wait", "--field", "result.return_value.sum").out == "2\n"
    assert at_console("task", "status", task, "--field", "status").out == "completed\n"
    assert at_console("env", "update", "--wait").code == 0
    assert "versions" in json.loads(at_console("metadata").out)

    executed = at_console("execute", "count", "-d", "det1", "num=2", "--wait", "--json")
    assert executed.code == 0, executed.err
    assert json.loads(executed.out)["items"][0]["result"]["points"] == 2
    (tmp_path / "plans.yaml").write_text("- {name: count, args: [[det1]]}\n- {name: count, kwargs: {num: five}}\n")
    checked = at_console("validate", tmp_path / "plans.yaml")
    assert (checked.code, [line.split()[0] for line in checked.out.splitlines()[1:]]) == (1, ["2", "2"]), checked.out
    assert at_console("queue", "list", "--field", "items", "--json").out == "[]\n"


def test_batches_autostart_permissions_and_events_from_the_shell(spawn, opened, at_console, ready, tmp_path):
    assert at_console("queue", "add", "count", "-d", "det1").code == 0
    (tmp_path / "plans.yaml").write_text(
        "[{name: count, args: [[det1]]}, {name: scan, args: [[det1], motor1, 0, 1, 2]}]"
    )
    first, second = at_console("queue", "add-batch", tmp_path / "plans.yaml").out.split()
    assert at_console("queue", "move-batch", second, first, "--to", "front").code == 0
    listed = json.loads(at_console("queue", "list", "--json").out)["items"]
    assert [item["item_uid"] for item in listed][:2] == [second, first]
    assert at_console("queue", "remove-batch", "front", "back").code == 0
    assert at_console("status", "--field", "items_in_queue").out == "1\n"

    permissions = json.loads(at_console("permissions").out)
    (tmp_path / "permissions.json").write_text(json.dumps(permissions))
    assert at_console("permissions", "set", tmp_path / "permissions.json").code == 0
    assert at_console("permissions", "reload").code == 0

    newest = at_console("events", "--field", "last_seq").out.strip()
    assert at_console("queue", "autostart", "on").code == 0
    kinds = []
    with spawn("events", "--follow", "--since", newest, "--json", **ready) as following:
        while "item_finished" not in kinds:
            kinds.append(json.loads(following.stdout.readline())["kind"])
        following.send_signal(signal.SIGINT)
        following.communicate()
    assert kinds[0] == "item_started"
    assert "queue_autostart" in kinds
    assert at_console("queue", "autostart").out == "on\n"
    assert at_console("kernel", "interrupt").code == 2


def type_in(start, words, *lines):
    """Run the command on a terminal on which a person types; return its exit code and what the terminal shows."""
    ours, theirs = os.openpty()
    shown = [b""]
    try:
        process = start(*words, output=theirs, stdin=theirs)
        os.close(theirs)
        for line in lines:
            while not shown[-1].rstrip().endswith(b":"):
                shown[-1] += os.read(ours, 1000)
            os.write(ours, line.encode() + b"\n")
            shown.append(b"")
        with contextlib.suppress(OSError):  # the other side of the terminal is closed
            while more := os.read(ours, 1000):
                shown.append(more)
        return process.wait(60), b"".join(shown).decode()
    finally:
        os.close(ours)


def test_a_key_that_is_typed_is_asked_for_twice_and_never_shown(spawn, at_console, ready):
    key, start = "very-secret", partial(spawn, **ready)
    code, shown = type_in(start, ["lock", "-m", "aligning"], key, "another")
    assert (code, "differ" in shown, "secret" in shown) == (1, True, False), shown
    code, shown = type_in(start, ["lock", "-m", "aligning"], key, key)
    assert (code, "Locked: environment and queue" in shown, "secret" in shown) == (0, True, False), shown

    refused = at_console("queue", "add", "count", "-d", "det1")
    assert (refused.code, "cuelight lock info" in refused.err) == (10, True), refused.err
    assert "aligning" in at_console("lock", "info").out
    code, shown = type_in(start, ["unlock"], "wrong")
    assert (code, "wrong" in shown) == (9, False), shown
    assert type_in(start, ["unlock"], key)[0] == 0
    assert at_console("queue", "add", "count", "-d", "det1").code == 0


def test_the_control_address_alone_is_enough_to_wait_by_notices(opened, command):
    control = ["--control", opened.ready["control"]]
    assert command("queue", "add", "count", "-d", "det1", *control).code == 0
    assert command("queue", "start", "--wait", *control).code == 0
    assert command("env", "close", "--wait", *control).code == 0
    assert command("env", "open", "--wait", *control).code == 0
    assert command("config", "--field", "config.info", *control).out.startswith("tcp://127.0.0.1:")


# --- a lock whose key is lost ---------------------------------------------------------------------------------------


def test_a_lock_is_cleared_while_nothing_runs_and_a_started_manager_is_unlocked(
    up, cuelight, command, data, ready_file, tmp_path
):
    (tmp_path / "key").write_text("lost")
    (tmp_path / "key").chmod(0o600)
    ready = {"CUELIGHT_READY_FILE": str(ready_file), "CUELIGHT_USER": "anna"}
    started = up()
    assert command("lock", "--key-file", tmp_path / "key", "-m", "aligning", **ready).code == 0
    refused = command("clear-lock", "--data", data)
    assert (refused.code, f"process {started.pid}" in refused.err) == (2, True), refused.err
    assert command("down", "--data", data).code == 0

    cleared = cuelight("clear-lock", "--data", data, "--redis-addr", "localhost:6379")
    assert (cleared.code, cleared.out) == (0, ""), cleared.err
    assert "environment and queue, locked by anna since" in cleared.err
    assert "Note: aligning" in cleared.err
    assert "--redis-addr is not used" in cleared.err
    again = command("clear-lock", "--data", data, "--json")
    assert (again.code, json.loads(again.out)["lock_info"]) == (0, None)

    up()
    assert command("lock", "info", "--field", "lock_info.environment", **ready).out == "false\n"
    kinds = {event["kind"]: event for event in json.loads(command("events", "--json", **ready).out)["events"]}
    assert kinds["clear_lock"]["data"]["locked_by"] == "anna"
    assert command("manager", "stop", **ready).code == 0


@pytest.mark.parametrize("option", ["--data", "--redis-name-prefix"])
def test_a_lock_cannot_be_cleared_where_nothing_was_ever_stored(command, tmp_path, option):
    state = tmp_path / "state"
    place = tmp_path / "nowhere" if option == "--data" else "nowhere"
    ended = command("clear-lock", option, place, "--json", XDG_STATE_HOME=str(state))
    assert (ended.code, json.loads(ended.out)["error"]["code"]) == (2, "not_found"), ended.err
    assert "nowhere" in ended.err
    assert not state.exists()
    assert not (tmp_path / "nowhere").exists()


def test_two_places_for_one_lock_are_refused(command, tmp_path):
    assert command("clear-lock", "--data", tmp_path, "--redis-name-prefix", "beamline").code == 1


def test_ctrl_c_detaches_from_a_waiting_command_and_the_plan_goes_on(spawn, opened, at_console, ready):
    assert at_console("queue", "add", "count", "-d", "det1", "num=1000", "delay=0.1").code == 0
    waiting = spawn("queue", "start", "--wait", **ready)
    wait_until(lambda: "executing" in at_console("status", "--field", "manager_state").out, "the plan")
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=180)
    assert (waiting.returncode, "nothing was stopped" in err) == (130, True)
    assert at_console("status", "--field", "manager_state").out == "executing_queue\n"
    assert at_console("pause", "--now", "--wait").code == 0
    assert at_console("abort", "--wait").code == 0


def test_a_status_is_there_at_once(at_system, figure):
    took_s = []
    for _ in range(5):
        before_s = time_of_commands_s()
        assert at_system("status").code == 0
        took_s.append(time_of_commands_s() - before_s)
    figure("processor time of cuelight status, s", STATUS_S, f"{min(took_s):.2f}")
    assert min(took_s) < STATUS_WITHIN_S


def time_of_commands_s():
    """Return the processor time of all commands so far: unlike the time of the clock, other tests hardly change it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.night
def test_every_option_of_up_is_a_variable_too(spawn, data, ready_file):
    process = spawn(
        "up",
        CUELIGHT_DATA=str(data),
        CUELIGHT_READY_FILE=str(ready_file),
        CUELIGHT_CONTROL=ANY_PORT,
        CUELIGHT_INFO=ANY_PORT,
        CUELIGHT_DOCUMENTS=ANY_PORT,
        CUELIGHT_HTTP="off",
    )
    wait_until(ready_file.exists, "the ready file")
    assert json.loads(ready_file.read_text())["data_dir"] == str(data)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


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
def test_a_wrong_setting_is_a_parameter_error_before_anything_starts(command, data, words, said):
    ended = command("up", "--data", data, *words)
    assert (ended.code, said in ended.err) == (1, True)
    assert not data.exists()


def test_down_ends_what_up_has_started(up, cuelight, data, ready_file):
    started = up()
    ended = cuelight("down", "--data", data)
    assert ended.code == 0, ended.err
    assert started.wait(10) == 0
    assert not ready_file.exists()
    assert cuelight("down", "--data", data).code == 0


# --- the demonstration ---------------------------------------------------------------------------------------------


PLANS = {"count": "completed", "scan": "completed", "failing_count": "failed (expected)", "grid_scan": "completed"}


def rows_of(ended):
    """Return the lines of the result table by the name of the plan."""
    table = ended.out.partition("RUN UIDS\n")[2].partition("\n\n")[0]
    return {line.split()[0]: line for line in table.splitlines()}


@pytest.mark.night
def test_the_demonstration_takes_free_ports_when_the_default_ones_are_taken(cuelight, data):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 60615))
        taken.listen()
        ended = cuelight("demo", "--data", data)
    assert ended.code == 0, ended.err
    assert rows_of(ended).keys() == PLANS.keys()


@pytest.mark.night
def test_a_demonstration_that_is_kept_says_how_to_connect_and_is_used_again(cuelight, data, tmp_path):
    first = cuelight("demo", "--data", data, "--keep")
    assert first.code == 0, first.err
    places = [line.split() for line in first.out.splitlines()]
    assert ["API", "key", str(data / "api-key")] in places
    assert any(words[:1] == ["HTTP"] and words[-1].startswith("http://127.0.0.1:") for words in places)
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


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, id="Ctrl-C"), pytest.param(signal.SIGTERM, id="SIGTERM", marks=pytest.mark.night)],
)
def test_the_demonstration_runs_after_one_that_was_interrupted_and_leaves_nothing_behind(
    spawn, cuelight, data, tmp_path, number
):
    process = spawn("demo", "--data", data)
    wait_for_text(data / "workers" / "default.log", "count", 90)
    process.send_signal(number)
    wait_for_end(process.pid)
    process.communicate()
    assert process.returncode == 130
    assert processes_of(str(tmp_path)) == {}
    for _ in range(rounds(1, 2)):
        ended = cuelight("demo", "--data", data)
        assert ended.code == 0, ended.err
        rows = rows_of(ended)
        assert rows.keys() == PLANS.keys()
        assert [name for name, outcome in PLANS.items() if outcome not in rows[name]] == []
        assert "failing_count failed (expected): " in ended.out
        assert str(data / "queue.sqlite") in ended.out
        assert "http://" not in ended.out
        assert str(data / "api-key") not in ended.out
        assert (data / "queue.sqlite").exists()
        assert processes_of(str(tmp_path)) == {}


@pytest.mark.night
def test_the_demonstration_does_not_touch_a_queue_that_is_not_its_own(opened, at_console, cuelight, data):
    data.mkdir()
    (data / "ready.json").write_text(opened.ready_file.read_text())
    assert at_console("queue", "add", "count", "-d", "det1").code == 0
    ended = cuelight("demo", "--data", data)
    assert (ended.code, "not of a demonstration" in ended.err) == (2, True)
    assert len(json.loads(at_console("queue", "list", "--json").out)["items"]) == 1
