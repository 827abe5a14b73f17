"""Configuration files of start-re-manager: sections, directories, and refusals that name file and key."""

from __future__ import annotations

import pytest

from queue_server.compat.launch_files import read_configuration
from queue_server.protocol.errors import ParameterError

WHOLE = """
network:
  zmq_control_addr: tcp://*:60615
  zmq_publish_console: true
  redis_addr: localhost
startup:
  startup_dir: $BEAMLINE/startup
  device_max_depth: 2
operation:
  console_logging_level: QUIET
  update_existing_plans_and_devices: NEVER
worker:
  ipython_shell_port: 60000
  permitted_re_metadata_keys: ["/a"]
run_engine:
  kafka_topic: beam
"""


@pytest.fixture
def write(tmp_path):
    """Write a file; return its path."""

    def write(text, name="config.yml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def refusal(path):
    with pytest.raises(ParameterError) as caught:
        read_configuration(path)
    return str(caught.value)


def test_a_file_has_sections_and_variables_are_expanded(write, monkeypatch):
    monkeypatch.setenv("BEAMLINE", "/beamline")
    assert read_configuration(write(WHOLE)) == {
        "zmq_control_addr": "tcp://*:60615",
        "zmq_publish_console": True,
        "redis_addr": "localhost",
        "startup_dir": "/beamline/startup",
        "device_max_depth": 2,
        "console_logging_level": "QUIET",
        "update_existing_plans_devices": "NEVER",
        "ipython_shell_port": 60000,
        "permitted_re_metadata_keys": ["/a"],
        "kafka_topic": "beam",
    }


def test_the_files_of_a_directory_are_read_together_and_others_passed_over(write, tmp_path):
    write("network: {zmq_encoding: msgpack}", "a.yml")
    write("startup: {startup_module: beamline}", "b.yaml")
    write("not: read", ".hidden.yml")
    write("not read", "profile.py")
    (tmp_path / "__pycache__").mkdir()
    assert read_configuration(tmp_path) == {"zmq_encoding": "msgpack", "startup_module": "beamline"}


@pytest.mark.parametrize("text", ["", "network:\n", "network: {}"])
def test_an_empty_file_or_section_says_nothing(write, text):
    assert read_configuration(write(text)) == {}


def test_an_empty_directory_says_nothing(tmp_path):
    assert read_configuration(tmp_path) == {}


def test_a_section_stands_in_one_file_only(write, tmp_path):
    write("network: {zmq_encoding: msgpack}", "a.yml")
    write("network: {redis_addr: localhost}", "b.yml")
    message = refusal(tmp_path)
    assert "'network'" in message
    assert "a.yml" in message
    assert "b.yml" in message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("netwrk: {}", "netwrk"),
        ("network: {zmq_contol_addr: tcp://*:1}", "network/zmq_contol_addr"),
        ("network: {zmq_publish_console: 'ON'}", "network/zmq_publish_console"),
        ("startup: {device_max_depth: deep}", "startup/device_max_depth"),
        ("operation: {console_logging_level: LOUD}", "operation/console_logging_level"),
        ("operation: {user_group_permissions_reload: LATER}", "operation/user_group_permissions_reload"),
        ("worker: {permitted_re_metadata_keys: /a}", "worker/permitted_re_metadata_keys"),
    ],
)
def test_an_unknown_key_or_a_wrong_value_is_refused_by_name(write, text, key):
    message = refusal(write(text))
    assert f"'{key}'" in message
    assert "config.yml" in message


@pytest.mark.parametrize("text", ["network: [1", "- network", "just words"])
def test_a_file_that_is_no_map_is_refused(write, text):
    assert "config.yml" in refusal(write(text))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "nowhere.yml" in refusal(tmp_path / "nowhere.yml")
