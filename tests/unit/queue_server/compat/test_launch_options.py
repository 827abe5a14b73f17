"""Options and variables of start-re-manager, under the names of its settings."""

from __future__ import annotations

import pytest

from queue_server.compat.launch_options import read_environment, read_options
from queue_server.compat.qserver_parser import HelpWanted
from queue_server.protocol.errors import ParameterError

OPTIONS = [
    ("--config", "f.yml", "config", "f.yml"),
    ("--data", "d", "data", "d"),
    ("--zmq-control-addr", "tcp://*:60615", "zmq_control_addr", "tcp://*:60615"),
    ("--zmq-info-addr", "tcp://*:60625", "zmq_info_addr", "tcp://*:60625"),
    ("--zmq-encoding", "msgpack", "zmq_encoding", "msgpack"),
    ("--zmq-publish-console", "ON", "zmq_publish_console", True),
    ("--redis-addr", "localhost:6379", "redis_addr", "localhost:6379"),
    ("--redis-name-prefix", "qs", "redis_name_prefix", "qs"),
    ("--startup-dir", "s", "startup_dir", "s"),
    ("--startup-module", "a.b", "startup_module", "a.b"),
    ("--startup-script", "s.py", "startup_script", "s.py"),
    ("--startup-profile", "p", "startup_profile", "p"),
    ("--ipython-dir", "i", "ipython_dir", "i"),
    ("--existing-plans-devices", "l", "existing_plans_and_devices_path", "l"),
    ("--update-existing-plans-devices", "ALWAYS", "update_existing_plans_devices", "ALWAYS"),
    ("--user-group-permissions", "u", "user_group_permissions_path", "u"),
    ("--user-group-permissions-reload", "ON_REQUEST", "user_group_permissions_reload", "ON_REQUEST"),
    ("--ignore-invalid-plans", "OFF", "ignore_invalid_plans", False),
    ("--device-max-depth", "3", "device_max_depth", 3),
    ("--console-output", "OFF", "print_console_output", False),
    ("--permitted-re-metadata-keys", "/a", "permitted_re_metadata_keys", ["/a"]),
    ("--use-ipython-kernel", "ON", "use_ipython_kernel", True),
    ("--ipython-kernel-ip", "auto", "ipython_kernel_ip", "auto"),
    ("--ipython-matplotlib", "qt5", "ipython_matplotlib", "qt5"),
    ("--ipython-connection-file", "c", "ipython_connection_file", "c"),
    ("--ipython-connection-dir", "c", "ipython_connection_dir", "c"),
    *((f"--ipython-{name}-port", "60000", f"ipython_{name}_port", 60000) for name in ("shell", "iopub", "stdin")),
    *((f"--ipython-{name}-port", "60000", f"ipython_{name}_port", 60000) for name in ("hb", "control")),
]


def read(*arguments):
    return read_options(arguments, "re-manager")


@pytest.mark.parametrize(("option", "text", "name", "value"), OPTIONS, ids=lambda value: str(value))
def test_an_option_is_read_in_both_spellings(option, text, name, value):
    assert read(option, text) == read(f"{option}={text}") == ({name: value}, [])


@pytest.mark.parametrize("word", ["verbose", "quiet", "silent"])
def test_verbosity_is_one_word(word):
    assert read(f"--{word}")[0] == {"console_logging_level": word.upper()}


def test_nothing_is_told_of_options_that_are_not_given():
    assert read() == ({}, [])


def test_several_metadata_keys_may_follow_one_option():
    assert read("--permitted-re-metadata-keys", "/a", "/b/c", "--keep-re")[0] == {
        "permitted_re_metadata_keys": ["/a", "/b/c"],
        "keep_re": True,
    }


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("--zmq-addr", "--zmq-control-addr", "zmq_control_addr"),
        ("--zmq-publish-console-addr", "--zmq-info-addr", "zmq_info_addr"),
    ],
)
def test_a_deprecated_option_works_is_reported_and_loses_against_the_new_one(old, new, name):
    values, [note] = read(old, "tcp://*:1")
    assert values == {name: "tcp://*:1"}
    assert old in note
    assert new in note
    assert read(old, "tcp://*:1", new, "tcp://*:2")[0] == {name: "tcp://*:2"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--startup-dir", "a", "--startup-script", "b"], "--startup-script"),
        (["--startup-module", "a", "--startup-script", "b"], "--startup-script"),
        (["--verbose", "--silent"], "--silent"),
        (["--zmq-publish-console", "MAYBE"], "--zmq-publish-console"),
        (["--update-existing-plans-devices", "SOMETIMES"], "--update-existing-plans-devices"),
        (["--device-max-depth", "deep"], "--device-max-depth"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_a_wrong_command_line_is_refused_by_name(arguments, named):
    with pytest.raises(ParameterError, match=named):
        read(*arguments)


def test_help_names_every_option():
    with pytest.raises(HelpWanted) as wanted:
        read("--help")
    assert [option for option, *_ in OPTIONS if option not in str(wanted.value)] == []


# --- the environment ------------------------------------------------------------------------------------------------


def test_the_environment_is_read_under_its_documented_names():
    values, notes = read_environment(
        {
            "QSERVER_ZMQ_CONTROL_ADDRESS_FOR_SERVER": "tcp://*:1",
            "QSERVER_ZMQ_INFO_ADDRESS_FOR_SERVER": "tcp://*:2",
            "QSERVER_ZMQ_ENCODING_FOR_SERVER": "msgpack",
            "QSERVER_EMERGENCY_LOCK_KEY_FOR_SERVER": "key",
            "QSERVER_PERMITTED_RE_METADATA_KEYS": "/a:/b",
            "QSERVER_USE_IPYTHON_KERNEL": "ON",
            "QSERVER_IPYTHON_KERNEL_SHELL_PORT": "60000",
            "QSERVER_ZMQ_CONTROL_ADDRESS": "of clients",
        }
    )
    assert notes == []
    assert values == {
        "zmq_control_addr": "tcp://*:1",
        "zmq_info_addr": "tcp://*:2",
        "zmq_encoding": "msgpack",
        "emergency_lock_key": "key",
        "permitted_re_metadata_keys": ["/a", "/b"],
        "use_ipython_kernel": True,
        "ipython_shell_port": 60000,
    }


def test_the_deprecated_variable_of_the_key_works_is_reported_and_loses_against_the_new_one():
    old = {"QSERVER_ZMQ_PRIVATE_KEY": "old"}
    values, [note] = read_environment(old)
    assert values == {"zmq_private_key": "old"}
    assert "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER" in note
    assert read_environment(old | {"QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER": "new"}) == ({"zmq_private_key": "new"}, [])


@pytest.mark.parametrize(
    ("name", "text"), [("QSERVER_USE_IPYTHON_KERNEL", "MAYBE"), ("QSERVER_IPYTHON_KERNEL_HB_PORT", "any")]
)
def test_a_wrong_variable_is_refused_by_name(name, text):
    with pytest.raises(ParameterError, match=name):
        read_environment({name: text})
