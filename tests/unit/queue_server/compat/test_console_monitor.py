"""Which socket the console monitor listens to, and how it prints."""

from __future__ import annotations

import json

import pytest

from queue_server.compat.console_monitor import main, read_options, show
from queue_server.protocol.errors import ParameterError


def address(*arguments, **environ):
    return read_options(arguments, "monitor", environ).address


def test_without_options_it_is_the_default():
    assert address() == "tcp://127.0.0.1:60625"


def test_an_option_wins_over_the_environment():
    environ = {"QSERVER_ZMQ_INFO_ADDRESS": "ipc:///env", "CUELIGHT_INFO": "ipc:///ours"}
    assert address("--zmq-info-addr", "ipc:///option", **environ) == "ipc:///option"
    assert address(**environ) == "ipc:///env"
    assert address(CUELIGHT_INFO="ipc:///ours") == "ipc:///ours"


def test_the_ready_file_is_asked_where_nothing_else_is_said(tmp_path):
    path = tmp_path / "ready.json"
    path.write_text(json.dumps({"control": "ipc:///control", "info": "ipc:///info"}))
    assert address(CUELIGHT_READY_FILE=str(path)) == "ipc:///info"
    assert address("--zmq-info-addr", "ipc:///option", CUELIGHT_READY_FILE="/nowhere") == "ipc:///option"


def test_the_deprecated_option_is_weaker_and_noted():
    options = read_options(["--zmq-subscribe-addr", "ipc:///old"], "monitor", {})
    assert (options.address, options.deprecated) == ("ipc:///old", True)
    assert address("--zmq-subscribe-addr", "ipc:///old", "--zmq-info-addr", "ipc:///new") == "ipc:///new"


@pytest.mark.parametrize(
    "arguments", [["--zmq-info-addr", "nowhere"], ["--zmq-encoding", "xml"], ["--bogus"], ["extra"]]
)
def test_a_wrong_option_is_refused(arguments, capsys):
    with pytest.raises(ParameterError):
        read_options(arguments, "monitor", {})
    assert main(arguments, program="monitor") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("monitor: ")
    assert captured.out == ""


def test_text_is_printed_as_it_comes(capsys):
    show(["no end of line", "", "\none", " é\n"])
    assert capsys.readouterr().out == "no end of line\none é\n"


def test_help_is_0(capsys):
    assert main(["-h"], program="cuelight console-monitor") == 0
    assert "usage: cuelight console-monitor" in capsys.readouterr().out
