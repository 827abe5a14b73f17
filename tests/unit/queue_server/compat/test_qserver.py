"""What the program does with a command line, from the options to the exit code."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import zmq

from queue_server.clock import ManualClock
from queue_server.compat.qserver import Surroundings, connect, main, run
from queue_server.compat.qserver_options import Options
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError, RequestTimeoutError

SERVER_KEY = zmq.curve_keypair()[0].decode()


class Answers:
    """A manager that gives the replies it was told to give, and remembers what was asked."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []
        self.address = None

    def connect(self, options):
        """Return itself, as a connection."""
        self.address = options.address
        return nullcontext(self)

    def send_request(self, *, method, params):
        """Give the next reply, or raise it."""
        self.asked.append((method, params))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply


def run_with(answers, *arguments, wait=None, **environ):
    return run(arguments, Surroundings(answers.connect, environ, ManualClock(), wait or (lambda _: None)))


def options(address="ipc:///s", timeout_s=1.0, server_key=SERVER_KEY):
    return Options(("ping",), address, "json", server_key, None, timeout_s)


@pytest.mark.parametrize("server_key", [SERVER_KEY, None], ids=["encrypted", "plain"])
@pytest.mark.parametrize(("address", "timeout_s"), [("nowhere", 1.0), ("ipc:///s", 0.0)])
def test_a_wrong_option_is_refused_before_anything_is_opened(address, timeout_s, server_key):
    with pytest.raises(ParameterError):
        connect(options(address, timeout_s, server_key))


@pytest.mark.parametrize("server_key", [SERVER_KEY, None], ids=["encrypted", "plain"])
def test_a_parameter_that_cannot_be_sent_is_refused(server_key):
    refused = pytest.raises(ParameterError, match="parameters of queue_get cannot")
    with connect(options(server_key=server_key)) as connection, refused:
        connection.send_request(method="queue_get", params={"x": object()})


def test_a_key_file_of_the_client_that_others_can_read_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "client.key"
    file.write_bytes(zmq.curve_keypair()[1])
    file.chmod(0o644)
    monkeypatch.setenv("CUELIGHT_CLIENT_KEY_FILE", str(file))
    with pytest.raises(ParameterError, match="chmod 600"):
        connect(options())


def test_success_is_0():
    answers = Answers({"success": True, "msg": ""})
    assert run_with(answers, "queue", "start", "-k", "key", QSERVER_ZMQ_CONTROL_ADDRESS="ipc:///s") == 0
    assert answers.asked == [("queue_start", {"lock_key": "key"})]
    assert answers.address == "ipc:///s"


def test_a_status_that_says_nothing_of_success_is_0(capsys):
    assert run_with(Answers({"manager_state": "idle"}), "status") == 0
    assert "MESSAGE: \n{'manager_state': 'idle'}\n" in capsys.readouterr().out


def test_a_refusal_is_2_and_is_printed_in_full(capsys):
    assert run_with(Answers({"success": False, "msg": "locked"}), "queue", "start") == 2
    assert "{'success': False, 'msg': 'locked'}" in capsys.readouterr().out


def test_no_reply_is_3_and_is_printed_where_the_reply_would_be(capsys):
    assert run_with(Answers(RequestTimeoutError("nobody answers")), "ping") == 3
    assert " - ERROR: nobody answers\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [(ParameterError("it"), 1), (CommunicationError("it"), 3), (CuelightError("it"), 4)],
)
def test_what_prevents_the_connection_decides_the_code(error, code, capsys):
    def fail(_):
        raise error

    assert run(["ping"], Surroundings(fail, {}, ManualClock(), lambda _: None)) == code
    assert capsys.readouterr().err == "qserver: it\n"


def test_a_wrong_command_is_1_and_asks_nobody(capsys):
    answers = Answers()
    assert run_with(answers, "queue", "begin") == 1
    captured = capsys.readouterr()
    assert "There is no command 'queue begin'" in captured.err
    assert "queue start" in captured.err
    assert answers.asked == []


def test_the_key_is_never_printed(capsys):
    run_with(Answers({"success": True}), "unlock", "--lock-key", "very secret")
    captured = capsys.readouterr()
    assert "very secret" not in captured.out + captured.err


def test_a_deprecated_option_is_noted(capsys):
    assert run_with(Answers({}), "ping", "--address", "ipc:///s") == 0
    assert "--address is deprecated" in capsys.readouterr().err


def test_an_interrupted_request_is_not_taken_for_done():
    assert run_with(Answers(KeyboardInterrupt()), "queue", "start") == 130


def test_the_monitor_goes_on_over_silence_until_it_is_interrupted(capsys):
    answers = Answers({"n": 1}, RequestTimeoutError("away"), {"n": 2}, KeyboardInterrupt())
    waits = []
    assert run_with(answers, "monitor", wait=waits.append) == 0
    assert answers.asked == [("ping", {})] * 4
    assert waits == [1.0] * 3
    text = capsys.readouterr().out
    assert text.index("{'n': 1}") < text.index("ERROR: away") < text.index("{'n': 2}")


def test_help_is_0(capsys):
    assert main(["--help"], program="cuelight qserver") == 0
    assert capsys.readouterr().out.startswith("usage: cuelight qserver ")


def test_an_unforeseen_failure_is_4(monkeypatch, caplog):
    monkeypatch.delenv("QSERVER_ZMQ_CONTROL_ADDRESS", raising=False)
    arguments = [b"not text"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == 4
    assert "qserver failed unexpectedly" in caplog.text
