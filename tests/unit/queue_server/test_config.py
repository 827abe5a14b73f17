"""Settings: the order of their sources, and refusals that name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from queue_server.config import (
    SECRET_KEY_VARIABLE,
    SETTINGS_FILE,
    Settings,
    check_address,
    default_data_directory,
    is_local,
    load_settings,
    prefixed_data_directory,
)
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.lane_settings import FarLauncher

FLAG, ENVIRONMENT, FILE = (f"tcp://127.0.0.1:{port}" for port in (1, 2, 3))
DEFAULT = "tcp://127.0.0.1:60615"


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """An environment without settings of ours; add some with ``setenv``."""
    for name in (*(f"CUELIGHT_{name.upper()}" for name in Settings.model_fields), SECRET_KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def write(tmp_path):
    """Write a settings file; return its directory."""

    def write(text):
        (tmp_path / SETTINGS_FILE).write_text(text, encoding="utf-8")
        return tmp_path

    return write


# --- sources --------------------------------------------------------------------------------------------------------


def test_a_flag_wins_over_the_environment_that_over_the_file_and_that_over_the_default(environ, write):
    directory = write(f"control: {FILE}")
    assert load_settings({}).control == DEFAULT
    assert load_settings({"config": directory}).control == FILE
    environ.setenv("CUELIGHT_CONTROL", ENVIRONMENT)
    assert load_settings({"config": directory}).control == ENVIRONMENT
    assert load_settings({"config": directory, "control": FLAG}).control == FLAG


def test_a_flag_that_is_none_was_not_given(environ):
    environ.setenv("CUELIGHT_CONTROL", ENVIRONMENT)
    assert load_settings({"control": None}).control == ENVIRONMENT


def test_the_directory_of_the_file_may_stand_in_the_environment(environ, write):
    environ.setenv("CUELIGHT_CONFIG", str(write(f"control: {FILE}")))
    assert load_settings({}).control == FILE


def test_each_setting_has_its_own_source(environ, write):
    directory = write(f"control: {FILE}\ndevice_max_depth: 2")
    environ.setenv("CUELIGHT_STARTUP", "beamline")
    settings = load_settings({"config": directory, "info": FLAG})
    assert (settings.control, settings.info) == (FILE, FLAG)
    assert (settings.startup, settings.device_max_depth) == ("beamline", 2)


def test_an_empty_file_changes_nothing(write):
    assert load_settings({"config": write("")}).control == DEFAULT


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings({}).control = FLAG


def test_paths_are_absolute(environ, tmp_path):
    environ.chdir(tmp_path)
    environ.setenv("HOME", "/home/ada")
    settings = load_settings({"data": "queue", "ready_file": Path("~/ready.json")})
    assert settings.data == tmp_path / "queue"
    assert settings.ready_file == Path("/home/ada/ready.json")


def test_the_default_data_directory_follows_the_state_home(environ):
    assert default_data_directory({"XDG_STATE_HOME": "/state"}) == Path("/state/cuelight/default")
    environ.setenv("HOME", "/home/ada")
    assert default_data_directory({}) == Path("/home/ada/.local/state/cuelight/default")


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# --- refusals -------------------------------------------------------------------------------------------------------


def refusal(flags):
    """Return the message of a refusal and the setting that it names."""
    with pytest.raises(ParameterError) as caught:
        load_settings(flags)
    return str(caught.value), caught.value.field


@pytest.mark.parametrize("text", ["contol: tcp://127.0.0.1:1", "worker:\n  lane: b"])
def test_an_unknown_key_of_the_file_is_refused_by_name(write, text):
    message, field = refusal({"config": write(text)})
    key = text.partition(":")[0]
    assert field == key
    assert repr(key) in message


def test_an_unknown_flag_is_refused_by_name():
    assert refusal({"contol": FLAG})[1] == "contol"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device_max_depth", -1),
        ("device_max_depth", "deep"),
        ("encoding", "xml"),
        ("control", "60615"),
        ("info", "tcp://127.0.0.1"),
        ("documents", "udp://127.0.0.1:1"),
        ("startup", ["a"]),
    ],
)
def test_a_wrong_value_is_refused_by_name_from_every_source(write, environ, name, value):
    message, field = refusal({name: value})
    assert field == name
    assert repr(value) in message
    if isinstance(value, str):
        assert refusal({"config": write(f"{name}: {value}")})[1] == name
        environ.setenv(f"CUELIGHT_{name.upper()}", value)
        assert refusal({})[1] == name


@pytest.mark.parametrize("text", ["control: [1", "- control", "just a word", "5", "a: b: c"])
def test_a_file_that_is_no_map_is_refused(write, text):
    message, field = refusal({"config": write(text)})
    assert field == "config"
    assert SETTINGS_FILE in message


def test_a_directory_without_the_file_is_refused(tmp_path):
    message, field = refusal({"config": tmp_path})
    assert field == "config"
    assert str(tmp_path) in message


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "tcp://127.0.0.1:60615",
        "tcp://127.0.0.1:0",
        "tcp://127.1.2.3:1",
        "tcp://localhost:65535",
        "tcp://[::1]:60615",
        "ipc:///run/cuelight/control.sock",
    ],
)
def test_loopback_and_ipc_can_be_bound(address):
    assert check_address(address) == address
    assert load_settings({"control": address}).control == address


@pytest.mark.parametrize(
    "address",
    [
        "tcp://0.0.0.0:60615",
        "tcp://*:60615",
        "tcp://192.168.1.5:60615",
        "tcp://[::]:60615",
        "tcp://example.org:60615",
        "tcp://127.0.0.1.example.org:60615",
        "tcp://localhost.example.org:60615",
        "tcp://eth0:60615",
    ],
)
def test_an_address_that_other_hosts_can_reach_is_refused_by_name(address):
    message, field = refusal({"control": address})
    assert field == "control"
    assert "loopback" in message
    assert address in message


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:1", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://:1", "ipc://", "inproc://x"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="form"):
        check_address(address)


# --- encryption -----------------------------------------------------------------------------------------------------

OPEN = "tcp://0.0.0.0:60615"


def test_with_a_key_every_address_can_be_bound(environ, tmp_path):
    settings = load_settings({"curve_secret_key_file": tmp_path / "key", "control": OPEN, "info": "tcp://*:60625"})
    assert settings.is_encrypted
    assert settings.control == OPEN
    environ.setenv(SECRET_KEY_VARIABLE, "x" * 40)
    assert load_settings({"control": OPEN}).is_encrypted


def test_an_empty_variable_is_no_key(environ):
    environ.setenv(SECRET_KEY_VARIABLE, "")
    assert not load_settings({}).is_encrypted
    assert refusal({"control": OPEN})[1] == "control"


def test_plain_notices_open_the_notices_socket_only():
    assert load_settings({"plain_notices": True, "info": OPEN}).info == OPEN
    assert refusal({"plain_notices": True, "control": OPEN})[1] == "control"


@pytest.mark.parametrize("address", ["tcp://host", "60615", "inproc://x"])
def test_with_a_key_an_address_has_the_same_form(address):
    with pytest.raises(ValueError, match="form"):
        check_address(address, is_open=True)


@pytest.mark.parametrize(
    ("address", "local"),
    [("ipc:///s", True), ("tcp://127.0.0.1:1", True), ("tcp://[::1]:1", True), ("tcp://*:1", False), (OPEN, False)],
)
def test_an_address_is_local_if_no_other_host_can_reach_it(address, local):
    assert is_local(address) is local


@pytest.mark.parametrize(
    ("name", "value"), [("verbosity", "loud"), ("console_output", "some"), ("publish_console", "sometimes")]
)
def test_a_word_that_a_setting_does_not_know_is_refused_by_name(name, value):
    message, field = refusal({name: value})
    assert field == name
    assert repr(value) in message


# --- what failures do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "policies"),
    [
        ("hold", {"default": "hold"}),
        ("default=front", {"default": "front"}),
        (" default = hold , other=front", {"default": "hold", "other": "front"}),
    ],
)
def test_a_failure_policy_can_be_a_word_for_the_default_lane_or_one_for_each_lane(environ, write, text, policies):
    assert load_settings({"on_failure": text}).on_failure == policies
    assert load_settings({"config": write(f"on_failure: '{text}'\n")}).on_failure == policies
    environ.setenv("CUELIGHT_ON_FAILURE", text)
    assert load_settings({}).on_failure == policies


def test_a_failure_policy_can_be_a_map_in_the_file(write):
    assert load_settings({"config": write("on_failure: {default: hold}\n")}).on_failure == {"default": "hold"}


@pytest.mark.parametrize("text", ["stop", "=hold", "default=", "default=hold,default=front", "default=hold,other"])
def test_a_failure_policy_of_another_form_is_refused_by_name(text):
    message, field = refusal({"on_failure": text})
    assert str(field).partition(".")[0] == "on_failure"
    assert "front" in message


def test_the_settings_reach_the_manager_process_as_they_are():
    settings = load_settings({"on_failure": "hold"})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(("prefix", "name"), [("qs_default", "qs_default"), ("beam line/7", "beam line%2F7")])
def test_each_prefix_has_a_data_directory(prefix, name):
    environ = {"XDG_STATE_HOME": "/state"}
    assert prefixed_data_directory(prefix, environ) == Path("/state/cuelight/re-manager") / name


@pytest.mark.parametrize("prefix", ["", ".", ".."])
def test_a_prefix_without_a_letter_names_no_directory(prefix):
    with pytest.raises(ParameterError, match="redis_name_prefix"):
        prefixed_data_directory(prefix, {})


KEY_FILES = dict.fromkeys(("curve_secret_key_file", "curve_workers_file", "worker_key_file"), "/k")


@pytest.mark.parametrize("missing", [*KEY_FILES, None])
def test_a_worker_link_for_other_hosts_needs_all_keys(missing):
    given = {name: path for name, path in KEY_FILES.items() if name != missing}
    if missing is None:
        assert load_settings({**given, "worker_link": "tcp://0.0.0.0:6000"}).worker_link == "tcp://0.0.0.0:6000"
        return
    with pytest.raises(ParameterError, match=rf"'worker_link'.* needs the setting {missing}"):
        load_settings({**given, "worker_link": "tcp://0.0.0.0:6000"})


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:6000", "ipc:///run/link"])
def test_a_worker_link_on_this_host_needs_no_key(address):
    assert load_settings({"worker_link": address}).worker_link == address


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "tcp://127.0.0.1", "udp://127.0.0.1:6000", ""])
def test_an_address_at_which_workers_could_not_find_the_link_again_is_refused(address):
    with pytest.raises(ParameterError, match="'worker_link'"):
        load_settings({"worker_link": address})


# --- files beside the startup code, and what of the metadata is shown ------------------------------------------------


def test_the_metadata_that_may_be_read_are_paths(environ, write):
    assert load_settings({}).permitted_metadata_keys == ("/",)
    assert load_settings({"config": write("permitted_metadata_keys: [/a, /b/c]\n")}).permitted_metadata_keys == (
        "/a",
        "/b/c",
    )
    environ.setenv("CUELIGHT_PERMITTED_METADATA_KEYS", "/a:/b")
    assert load_settings({}).permitted_metadata_keys == ("/a", "/b")
    message, field = refusal({"permitted_metadata_keys": ["a"]})
    assert str(field).partition(".")[0] == "permitted_metadata_keys"
    assert "begins with /" in message


@pytest.mark.parametrize(
    ("name", "value"), [("permissions_reload", "sometimes"), ("update_list_file", "ENVIRONMENT_OPEN")]
)
def test_a_rule_for_the_files_that_does_not_exist_is_refused_by_name(name, value):
    message, field = refusal({name: value})
    assert field == name
    assert repr(value) in message


@pytest.mark.parametrize(
    ("rule", "then"),
    [("never", "never"), ("on_request", "on_request"), ("on_change", "on_request"), ("on_startup", "on_request")],
)
def test_the_place_of_a_dead_manager_is_taken_with_the_permissions_that_were_set(rule, then):
    settings = load_settings({"permissions_reload": rule, "verbosity": "quiet"})
    assert settings.after_restart() == settings.model_copy(update={"permissions_reload": then})


# --- the gateway ----------------------------------------------------------------------------------------------------


def test_the_gateway_listens_on_this_host_unless_it_is_off():
    assert load_settings({}).http == "127.0.0.1:60610"
    assert load_settings({"http": "off"}).http == "off"
    assert load_settings({"http": "http://localhost:0"}).http == "localhost:0"


@pytest.mark.parametrize(
    "address", ["60610", ":60610", "localhost:", "localhost:65536", "on", "https://localhost:1", ""]
)
def test_an_address_of_the_gateway_has_host_and_port(address):
    message, field = refusal({"http": address})
    assert field == "http"
    assert "HOST:PORT" in message


@pytest.mark.parametrize("given", [{"tls_cert": "/c.pem"}, {"tls_key": "/k.pem"}])
def test_certificate_and_key_go_together(given):
    message, field = refusal(given)
    assert field == "tls_key"
    assert "go together" in message


# --- workers in units of their own ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "launchers"),
    [
        ("default=/run/a.launcher", {"default": Path("/run/a.launcher")}),
        (" default = /run/a , b = /run/b ", {"default": Path("/run/a"), "b": Path("/run/b")}),
        ("default=/run/a,b=link,c=link", {"default": Path("/run/a"), "b": FarLauncher.LINK, "c": FarLauncher.LINK}),
    ],
)
def test_the_launchers_of_lanes_are_named_in_text_or_as_a_map(text, launchers, write):
    assert load_settings({"worker_launchers": text}).worker_launchers == launchers
    mapping = {lane: str(socket) for lane, socket in launchers.items()}
    assert load_settings({"config": write(f"worker_launchers: {mapping}\n")}).worker_launchers == launchers
    assert load_settings({}).worker_launchers == {}


@pytest.mark.parametrize("text", ["/run/a", "default=", "=/run/a", "a=/run/a,a=/run/b", "a=/run/a,b=/run/a", "a=run/a"])
def test_launchers_that_cannot_be_meant_are_refused(text):
    message, field = refusal({"worker_launchers": text})
    assert str(field).partition(".")[0] == "worker_launchers"
    assert "default=" in message or "of its own" in message


# --- lanes ----------------------------------------------------------------------------------------------------------


def test_lanes_are_named_with_their_startup_code_in_any_source(environ, write):
    expected = {"b": "sim", "c": "module:beam"}

    def found(flags):
        return {name: lane.startup for name, lane in load_settings(flags).lanes.items()}

    assert found({}) == {}
    assert found({"lanes": "b=sim,c=module:beam"}) == expected
    assert found({"lanes": expected}) == expected
    assert found({"config": write("lanes: {b: sim, c: {startup: 'module:beam'}}\n")}) == expected
    environ.setenv("CUELIGHT_LANES", "b=sim, c = module:beam")
    assert found({}) == expected


def test_a_lane_of_graphs_is_marked_in_text_and_takes_nothing_from_the_lane_default():
    settings = load_settings({"lanes": "b=sim,compute=graphs:module:beam", "device_max_depth": 3})
    assert settings.graph_lanes == {"compute"}
    lane = settings.startups["compute"]
    assert (lane.startup, lane.worker, lane.device_max_depth) == ("module:beam", "graphs", None)
    assert Settings(**settings.model_dump(mode="json")).lanes == settings.lanes


def test_a_lane_has_what_it_does_not_say_from_the_lane_default(tmp_path):
    lanes = {"b": "sim", "c": {"startup": "beam", "device_max_depth": 1, "list_file": str(tmp_path / "c.yaml")}}
    settings = load_settings({"startup": "own", "device_max_depth": 3, "ignore_invalid_plans": True, "lanes": lanes})
    startups = settings.startups
    assert list(startups) == ["default", "b", "c"]
    assert [lane.startup for lane in startups.values()] == ["own", "sim", "beam"]
    assert [lane.device_max_depth for lane in startups.values()] == [3, 3, 1]
    assert all(lane.ignore_invalid_plans for lane in startups.values())
    assert [lane.list_file for lane in startups.values()] == [None, None, tmp_path / "c.yaml"]


def test_lanes_reach_the_manager_as_they_are(tmp_path):
    """A supervisor hands the settings on as JSON."""
    settings = load_settings({"lanes": {"b": {"startup": "sim", "list_file": tmp_path / "b.yaml"}}})
    assert Settings(**settings.model_dump(mode="json")).lanes == settings.lanes


@pytest.mark.parametrize(
    ("lanes", "named", "said"),
    [
        ("b", "lanes", "b=sim"),
        ("b=sim,b=other", "lanes", "b=sim"),
        ("default=sim", "lanes", "startup"),
        ("b=", "lanes.b.startup", "at least 1 character"),
        ({"b": {}}, "lanes.b.startup", "required"),
        ({"b": {"startup": "sim", "colour": 1}}, "lanes.b.colour", "not permitted"),
        ({"b": {"startup": "sim", "device_max_depth": -1}}, "lanes.b.device_max_depth", "greater than or equal to 0"),
        ({"a b": "sim"}, "lanes", "'a b' is none"),
        ({"../b": "sim"}, "lanes", "'../b' is none"),
        ({"b" * 65: "sim"}, "lanes", "at most 64"),
        ({f"lane{number}": "sim" for number in range(64)}, "lanes", "at most 64 lanes"),
        (["b"], "lanes", "dictionary"),
        ("b=graphs:", "lanes.b.startup", "at least 1 character"),
        ({"b": {"startup": "sim", "worker": "robots"}}, "lanes.b.worker", "'plans' or 'graphs'"),
        ({"b": {"startup": "sim", "processes": 2}}, "lanes.b", "executes plans has no processes"),
        ({"b": {"startup": "sim", "worker": "graphs", "device_max_depth": 2}}, "lanes.b", "has no device_max_depth"),
        ({"b": {"startup": "sim", "worker": "graphs", "processes": 0}}, "lanes.b.processes", "greater than or equal"),
    ],
)
def test_wrong_lanes_are_refused_by_name_with_what_is_right(lanes, named, said):
    message, field = refusal({"lanes": lanes})
    assert field == named
    assert said in message
