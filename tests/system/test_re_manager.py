"""The command re-manager as a whole: what it starts, what it prints, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
import zmq

from queue_server import supervisor
from queue_server.client import RunControl
from tests.processes.system import ROOT, Output
from tests.processes.waiting import kill, processes_of

READY = "The manager is ready"
COMMAND = "import sys; from queue_server.cli.main import run; sys.exit(run(sys.argv[1:]))"
CONFIGURATION = """
network: {zmq_info_addr: "tcp://127.0.0.1:0", zmq_publish_console: true, redis_addr: "localhost:6379"}
operation: {emergency_lock_key: sesame}
worker: {use_ipython_kernel: true}
"""


class Command:
    """The command in a process of its own, with its state below a directory."""

    def __init__(self, directory, *options, **variables):
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("CUELIGHT_", "QSERVER_"))}
        self.data = directory / "cuelight" / "re-manager" / "qs_default"
        self._errors = directory / "stderr"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "re-manager", *options],
                cwd=ROOT,
                env={**kept, "XDG_STATE_HOME": str(directory), "CUELIGHT_SPARE_MANAGER": "false", **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self.output = Output(self.process.stdout)

    @property
    def text(self):
        """What it has printed."""
        return "\n".join(self.output.lines)

    def addresses(self):
        """Wait until it is ready; return its control and notices addresses."""
        self.output.wait_for(READY)
        [line] = [line for line in self.output.lines if READY in line]
        words = line.replace(",", "").split()
        return words[words.index("control") + 1], words[words.index("notices") + 1]

    def end(self):
        """Wait for the end; return the exit code and what it has printed."""
        code = self.process.wait(60)
        self.output.close()
        return code, self.text

    def close(self):
        """End what is left, and check that standard error is empty."""
        stopped = supervisor.stop(self.data, workers=True) if self.data.exists() else 0
        self.process.wait(60)
        left = processes_of(str(self.data))
        kill(*left)
        self.output.close()
        assert stopped == 0
        assert left == {}
        assert self._errors.read_text() == ""


@pytest.fixture
def start(tmp_path):
    """Start the command; everything it has started is ended with the test."""
    made = []

    def start(*options, **variables):
        made.append(Command(tmp_path, *options, **variables))
        return made[-1]

    yield start
    for command in made:
        command.close()


def test_a_plan_runs_from_a_configuration_file_and_options(start, tmp_path):
    (tmp_path / "config.yml").write_text(CONFIGURATION)
    saved = tmp_path / "saved.yaml"
    command = start(
        "--zmq-control-addr=tcp://*:0",
        *("--config", str(tmp_path / "config.yml")),
        QSERVER_SETTINGS_SAVE_TO_FILE=str(saved),
    )
    control, info = command.addresses()
    assert control.startswith("tcp://127.0.0.1:")
    with RunControl(control, info, timeout_s=60) as client, client.notices(["QS_Console"]) as notices:
        assert client.send_request(method="ping")["msg"].startswith("RE Manager v0.0.25")
        client.send_request(method="environment_open")
        client.wait_for_status(lambda status: status["worker_environment_exists"], 60)
        plan = {"item_type": "plan", "name": "count", "args": [["det1"]]}
        client.send_request(method="queue_item_add", params={"item": plan, "user": "anna", "user_group": "primary"})
        client.send_request(method="queue_start")
        client.wait_for_status(lambda status: status["items_in_history"] == 1, 60)
        [entry] = client.send_request(method="history_get")["items"]
        assert entry["result"]["exit_status"] == "completed"
        assert next(text for text in notices.console() if "RE Environment is ready" in text)
        assert client.send_request(method="lock_info")["lock_info"]["emergency_lock_key_is_set"]
        client.send_request(method="manager_stop")
    code, printed = command.end()
    assert code == 0
    for text in (
        "RE Environment is ready",
        "'zmq_control_addr' is tcp://127.0.0.1:0",
        "'redis_addr'",
        "IPython kernel",
    ):
        assert text in printed
    assert "sesame" not in printed
    assert yaml.safe_load(saved.read_text())["cuelight"]["data"] == str(command.data)


def test_without_publishing_the_notices_socket_is_not_opened(start):
    blocker = zmq.Context.instance().socket(zmq.PUB)
    port = blocker.bind_to_random_port("tcp://127.0.0.1")
    try:
        command = start("--zmq-control-addr=tcp://127.0.0.1:0", f"--zmq-info-addr=tcp://127.0.0.1:{port}")
        control, info = command.addresses()
        with RunControl(control, info, timeout_s=60) as client:
            assert client.send_request(method="status")["manager_state"] == "idle"
    finally:
        blocker.close(0)


@pytest.mark.parametrize("options", [["--silent"], pytest.param(["--console-output=OFF"], marks=pytest.mark.night)])
def test_the_command_can_be_silent(start, options, tmp_path):
    control = f"ipc://{tmp_path}/control"
    command = start(f"--zmq-control-addr={control}", *options)
    with RunControl(control, timeout_s=60) as client:
        client.send_request(method="status")
    command.process.terminate()
    assert command.end() == (0, "")


@pytest.mark.night
def test_details_are_logged_where_they_are_asked_for(start):
    command = start("--zmq-control-addr=tcp://127.0.0.1:0", "--verbose")
    command.addresses()
    assert command.output.count("[D ") > 0


def test_the_stock_variable_of_the_key_encrypts_and_admits_the_stock_clients(start, monkeypatch):
    public, secret = (key.decode() for key in zmq.curve_keypair())
    command = start("--zmq-control-addr=tcp://*:0", QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER=secret)
    control, _ = command.addresses()
    assert "127.0.0.1" not in control
    with RunControl(control, server_key=public, timeout_s=60) as client:
        assert client.send_request(method="status")["manager_state"] == "idle"
    assert secret not in command.text


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--startup-dir=/nowhere/at/all"], "/nowhere/at/all"),
        (["--startup-script=a.py", "--startup-module=b"], "--startup-module"),
    ],
)
def test_wrong_options_start_nothing_and_say_why(start, options, named):
    command = start(*options)
    code, printed = command.end()
    assert code == 1
    assert named in printed
    assert not command.data.exists()
