"""The command ``cuelight gateway``: its options, the order of its sources, and how it refuses."""

from __future__ import annotations

import logging
import socket

import pytest

from http_gateway.cli import HelpWanted, main, read_wishes
from queue_server.protocol.errors import ParameterError

PROGRAM = "cuelight gateway"


def _read(*arguments, **environ):
    return read_wishes(arguments, PROGRAM, {"XDG_STATE_HOME": "/state", **environ})


def test_without_options_it_serves_this_host_in_front_of_a_manager_on_this_host():
    wishes = _read()
    settings = wishes.settings
    assert settings.http == "127.0.0.1:60610"
    assert (settings.control, settings.info) == ("tcp://127.0.0.1:60615", "tcp://127.0.0.1:60625")
    assert str(settings.data) == "/state/cuelight/gateway"
    assert not settings.authentication.allow_anonymous_access
    assert wishes.notes == ()


def test_it_takes_the_options_of_start_bluesky_httpserver(tmp_path):
    (tmp_path / "c.yml").write_text("uvicorn: {workers: 2}")
    for option in ("--config_path", "--config-path"):
        settings = _read("--host", "localhost", "--port", "0", "--public", option, str(tmp_path / "c.yml")).settings
        assert (settings.http, settings.workers) == ("localhost:0", 2)
        assert settings.authentication.allow_anonymous_access


def test_an_option_wins_over_a_file_and_that_over_a_variable(tmp_path):
    (tmp_path / "c.yml").write_text(
        "qserver_zmq_configuration: {control_address: 'tcp://file:1', info_address: 'tcp://file:2'}\n"
        "uvicorn: {host: 10.0.0.1, port: 1}"
    )
    environ = {
        "QSERVER_ZMQ_CONTROL_ADDRESS": "tcp://variable:1",
        "QSERVER_ZMQ_INFO_ADDRESS": "tcp://variable:2",
        "QSERVER_ZMQ_ENCODING": "msgpack",
        "QSERVER_HTTP_SERVER_CONFIG": str(tmp_path / "c.yml"),
    }
    settings = _read("--control", "tcp://option:1", "--port", "2", **environ).settings
    assert settings.control == "tcp://option:1"
    assert settings.info == "tcp://file:2"
    assert settings.encoding == "msgpack"
    # Each half of the address comes from its strongest source.
    assert settings.http == "10.0.0.1:2"


def test_the_option_for_a_configuration_wins_over_the_variable(tmp_path):
    (tmp_path / "c.yml").write_text("uvicorn: {port: 1}")
    environ = {"QSERVER_HTTP_SERVER_CONFIG": "/nowhere/at/all.yml"}
    assert _read("--config-path", str(tmp_path / "c.yml"), **environ).settings.http == "127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["--port", "high"], {}, "^The option --port: must be a number from 0 to 65535, not 'high'"),
        (["--workers", "0"], {}, "^The option --workers: .* not '0'"),
        (["--reload"], {}, "^Unrecognized arguments: --reload"),
        (["--ho", "x"], {}, "^Unrecognized arguments: --ho x"),
        (["extra"], {}, "^Unrecognized arguments: extra"),
        (["--config-path", "/nowhere.yml"], {}, "/nowhere.yml cannot be read: No such file"),
        ([], {"QSERVER_HTTP_SERVER_CONFIG": "/nowhere.yml"}, "/nowhere.yml cannot be read: No such file"),
        ([], {"QSERVER_ZMQ_ENCODING": "xml"}, "^The variable QSERVER_ZMQ_ENCODING: .*, not 'xml'"),
        ([], {"QSERVER_ZMQ_PUBLIC_KEY": "short"}, "^The variable QSERVER_ZMQ_PUBLIC_KEY: .* 40 characters"),
        (["--tls-cert", "/c.pem"], {}, "^The option --tls-cert needs the setting 'tls_key' too"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_source(arguments, environ, message):
    with pytest.raises(ParameterError, match=message):
        _read(*arguments, **environ)


def test_remarks_about_variables_are_kept_for_the_log():
    assert "ALLOW_ORIGINS" in _read(ALLOW_ORIGINS="*").notes[0]


def test_a_wrong_option_ends_the_command_with_a_sentence_and_without_a_trace(capsys):
    assert main(["--port", "high"], program=PROGRAM) == ParameterError.exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cuelight gateway: The option --port: ")
    assert "Traceback" not in said.err


def test_an_address_in_use_ends_the_command_with_a_sentence(capsys, tmp_path, listening_port):
    words = ["--port", str(listening_port), "--data", str(tmp_path / "data"), "--verbosity", "silent"]
    assert main(words, program=PROGRAM) == 3
    assert capsys.readouterr().err == (
        f"cuelight gateway: cannot listen on 127.0.0.1:{listening_port}: Address already in use\n"
    )


def test_help_names_every_option(capsys):
    with pytest.raises(HelpWanted) as wanted:
        _read("--help")
    for option in ("--host", "--port", "--public", "--config_path", "--tls-cert", "--tls-key", "--workers"):
        assert option in str(wanted.value)
    assert main(["-h"], program=PROGRAM) == 0
    assert "usage: cuelight gateway" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def restored_log():
    """The command configures the log of its process; here that is the test's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def listening_port():
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]
