"""The settings that come of default, environment, configuration file and options, and what is said about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
import zmq

from queue_server.compat.launch_options import read_environment
from queue_server.compat.launch_settings import make_settings, read_wishes, save_settings
from queue_server.config import SETTINGS_FILE, Settings
from queue_server.protocol.errors import ParameterError

DEFAULT, ENVIRONMENT, FILE, OPTION = (f"tcp://127.0.0.1:{port}" for port in (60615, 2, 3, 4))


@pytest.fixture(autouse=True)
def environ(monkeypatch, tmp_path):
    """An environment without settings; state is kept in the directory of the test."""
    for name in [name for name in os.environ if name.startswith(("CUELIGHT_", "QSERVER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return monkeypatch


@pytest.fixture
def configure(tmp_path, environ):
    """Write the configuration file that QSERVER_CONFIG names."""

    def configure(**sections):
        file = tmp_path / "config.yml"
        file.write_text(yaml.safe_dump(sections))
        environ.setenv("QSERVER_CONFIG", str(file))
        return file

    return configure


def make(*arguments):
    return make_settings(read_wishes(list(arguments), "re-manager", os.environ))


def test_the_defaults_are_those_of_the_stock_command_on_this_host_only(tmp_path):
    settings, notes = make()
    assert settings.control == "tcp://127.0.0.1:60615"
    assert settings.info == "tcp://127.0.0.1:60625"
    assert not settings.publish_console
    assert settings.manager_name == "RE Manager v0.0.25"
    assert settings.test_methods
    assert settings.startup == "sim"
    assert (settings.encoding, settings.verbosity, settings.console_output) == ("json", "normal", "all")
    assert settings.data == tmp_path / "state" / "cuelight" / "re-manager" / "qs_default"
    [note] = notes
    assert "'zmq_control_addr' is tcp://127.0.0.1:60615 instead of tcp://*:60615" in note


def test_an_option_wins_over_the_file_that_over_the_environment_and_that_over_the_default(environ, configure):
    assert make()[0].control == DEFAULT
    environ.setenv("QSERVER_ZMQ_CONTROL_ADDRESS_FOR_SERVER", ENVIRONMENT)
    assert make()[0].control == ENVIRONMENT
    file = configure(network={"zmq_control_addr": FILE})
    assert make()[0].control == FILE
    assert make("--zmq-control-addr", OPTION)[0].control == OPTION
    environ.delenv("QSERVER_CONFIG")
    assert make("--config", str(file))[0].control == FILE


def test_what_the_stock_command_has_no_word_for_comes_from_our_own_sources(environ, tmp_path):
    (tmp_path / SETTINGS_FILE).write_text(f"control: {FILE}\nmanager_name: RE Manager at home\n")
    environ.setenv("CUELIGHT_CONFIG", str(tmp_path))
    environ.setenv("CUELIGHT_TEST_METHODS", "false")
    settings, _ = make()
    assert (settings.control, settings.manager_name, settings.test_methods) == (FILE, "RE Manager at home", False)
    assert make("--zmq-control-addr", OPTION)[0].control == OPTION


def test_each_redis_name_prefix_has_a_data_directory(tmp_path, environ):
    root = tmp_path / "state" / "cuelight" / "re-manager"
    settings, notes = make("--redis-name-prefix", "beam/7", "--redis-addr", "host:6379")
    assert settings.data == root / "beam%2F7"
    assert any("'redis_addr' is not used" in note for note in notes)
    assert make("--redis-name-prefix", "a", "--data", str(tmp_path))[0].data == tmp_path
    environ.setenv("CUELIGHT_DATA", str(tmp_path))
    assert make()[0].data == tmp_path
    assert make("--redis-name-prefix", "a")[0].data == root / "a"


@pytest.mark.parametrize("prefix", ["", ".", ".."])
def test_a_prefix_that_names_no_directory_is_refused(prefix):
    with pytest.raises(ParameterError, match="redis_name_prefix"):
        make(f"--redis-name-prefix={prefix}")


def test_every_value_reaches_its_setting(tmp_path):
    permissions = tmp_path / "user_group_permissions.yaml"
    permissions.write_text("user_groups: {}")
    settings, notes = make(
        *("--zmq-info-addr=tcp://127.0.0.1:9", "--zmq-publish-console=ON", "--zmq-encoding=MSGPACK"),
        *(f"--startup-dir={tmp_path}", f"--user-group-permissions={tmp_path}", "--ignore-invalid-plans=ON"),
        *("--device-max-depth=3", "--console-output=OFF", "--quiet", "--zmq-control-addr=tcp://127.0.0.1:8"),
    )
    assert notes == []
    wanted = {
        "control": "tcp://127.0.0.1:8",
        "info": "tcp://127.0.0.1:9",
        "publish_console": True,
        "encoding": "msgpack",
        "startup": str(tmp_path),
        "permissions": permissions,
        "ignore_invalid_plans": True,
        "device_max_depth": 3,
        "console_output": "off",
        "verbosity": "quiet",
    }
    assert {name: getattr(settings, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--zmq-control-addr=udp://*:1", "zmq_control_addr"),
        ("--zmq-info-addr=60625", "zmq_info_addr"),
        ("--zmq-encoding=xml", "encoding"),
        ("--device-max-depth=-1", "device_max_depth"),
        ("--config=/nowhere.yml", "/nowhere.yml"),
    ],
)
def test_a_wrong_value_is_refused_by_name(argument, named):
    with pytest.raises(ParameterError, match=named):
        make(argument)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--permitted-re-metadata-keys=a", "permitted_re_metadata_keys"),
        ("--use-ipython-kernel=ON", "use_ipython_kernel"),
        ("--ipython-hb-port=60000", "ipython_hb_port"),
        ("--keep-re", "keep_re"),
    ],
)
def test_what_has_no_effect_is_said_by_name(argument, named):
    _, notes = make("--zmq-control-addr=tcp://127.0.0.1:1", argument)
    assert [note for note in notes if named not in note] == []
    assert len(notes) == 1


FILES = ("permissions_reload", "update_list_file", "list_file", "permissions", "permitted_metadata_keys")


def test_lists_permissions_and_metadata_have_the_stock_defaults():
    settings, _ = make()
    assert [getattr(settings, name) for name in FILES] == ["on_startup", "environment_open", None, None, ("/",)]


def test_lists_permissions_and_metadata_are_told_by_file_and_options(tmp_path, configure):
    configure(
        startup={"existing_plans_and_devices_path": str(tmp_path), "user_group_permissions_path": "/a/who.yaml"},
        operation={"update_existing_plans_and_devices": "NEVER", "user_group_permissions_reload": "ON_REQUEST"},
        worker={"permitted_re_metadata_keys": ["/proposal", "sample"]},
    )
    settings, notes = make()
    assert [getattr(settings, name) for name in FILES] == [
        "on_request",
        "never",
        tmp_path / "existing_plans_and_devices.yaml",
        Path("/a/who.yaml"),
        ("/proposal",),
    ]
    assert any("'sample' names nothing" in note for note in notes)
    settings, _ = make(
        *("--update-existing-plans-devices=ALWAYS", "--user-group-permissions-reload=NEVER"),
        *("--existing-plans-devices=/b/l.yaml", "--permitted-re-metadata-keys", "/a", "/b/c"),
    )
    assert [getattr(settings, name) for name in FILES] == [
        "never",
        "always",
        Path("/b/l.yaml"),
        Path("/a/who.yaml"),
        ("/a", "/b/c"),
    ]


def test_the_variable_of_the_metadata_gives_way_to_the_file(environ, configure):
    environ.setenv("QSERVER_PERMITTED_RE_METADATA_KEYS", "/a:/b/c")
    assert make()[0].permitted_metadata_keys == ("/a", "/b/c")
    configure(worker={"permitted_re_metadata_keys": ["/d"]})
    assert make()[0].permitted_metadata_keys == ("/d",)


def test_keys_of_older_configuration_files_have_no_effect(configure):
    configure(run_engine={"kafka_server": "localhost"})
    assert any("kafka_server" in note for note in make()[1])


# --- encryption -----------------------------------------------------------------------------------------------------


def test_with_a_key_the_control_socket_is_bound_as_asked_and_the_notices_stay_here(environ):
    environ.setenv("QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER", zmq.curve_keypair()[1].decode())
    settings, notes = make("--zmq-publish-console=ON")
    assert settings.control == "tcp://*:60615"
    assert settings.info == "tcp://127.0.0.1:60625"
    [note] = notes
    assert "zmq_info_addr" in note


def test_plain_notices_are_published_to_other_hosts_only_where_that_is_set(environ):
    environ.setenv("CUELIGHT_PLAIN_NOTICES", "true")
    assert make("--zmq-publish-console=ON")[0].info == "tcp://*:60625"


def test_a_key_that_is_none_is_refused_and_not_repeated(configure):
    configure(network={"zmq_private_key": "too short"})
    with pytest.raises(ParameterError, match="zmq_private_key") as caught:
        make()
    assert "too short" not in str(caught.value)


# --- the file of the settings in effect -----------------------------------------------------------------------------


def test_the_saved_settings_have_the_stock_names_ours_and_no_secret(tmp_path, configure):
    secret = zmq.curve_keypair()[1].decode()
    configure(network={"zmq_private_key": secret}, operation={"emergency_lock_key": "open sesame"})
    wishes = read_wishes(["--device-max-depth=2", f"--data={tmp_path}"], "re-manager", os.environ)
    settings, _ = make_settings(wishes)
    file = tmp_path / "saved.yaml"
    save_settings(file, wishes, settings)
    text = file.read_text()
    saved = yaml.safe_load(text)
    assert saved["device_max_depth"] == 2
    assert saved["zmq_control_addr"] == "tcp://127.0.0.1:60615"
    assert saved["demo_mode"] is True
    assert saved["zmq_private_key"] == saved["emergency_lock_key"] == "*******"
    assert Settings.model_validate(saved["cuelight"]) == settings
    assert secret not in text
    assert "sesame" not in text


def test_every_variable_of_the_server_has_an_effect_or_is_reported(environ):
    names = {"QSERVER_IPYTHON_KERNEL_IP": "localhost", "QSERVER_PERMITTED_RE_METADATA_KEYS": "a"}
    for name, text in names.items():
        environ.setenv(name, text)
    notes = "\n".join(make()[1])
    assert [name for name in read_environment(names)[0] if name not in notes] == []
