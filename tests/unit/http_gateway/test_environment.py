"""The variables of bluesky-httpserver: those that count, those that are deprecated, and those that do not count."""

from __future__ import annotations

import pytest

from http_gateway.environment import STRAY_NAMES, read_environment
from queue_server.protocol.errors import ParameterError


def _values(environ):
    return {place: entry.value for place, entry in read_environment(environ).entries.items()}


def test_every_variable_has_its_place():
    environ = {
        "QSERVER_ZMQ_CONTROL_ADDRESS": "tcp://a:1",
        "QSERVER_ZMQ_INFO_ADDRESS": "tcp://a:2",
        "QSERVER_ZMQ_ENCODING": "MSGPACK",
        "QSERVER_ZMQ_PUBLIC_KEY": "k" * 40,
        "QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY": "abc",
        "QSERVER_HTTP_SERVER_ALLOW_ANONYMOUS_ACCESS": "True",
        "QSERVER_HTTP_SERVER_ALLOW_ORIGINS": "http://a  http://b",
        "QSERVER_HTTP_SERVER_SERVER_SECRET_KEYS": "one;two",
        "QSERVER_HTTP_SERVER_ACCESS_TOKEN_MAX_AGE": "1",
        "QSERVER_HTTP_SERVER_REFRESH_TOKEN_MAX_AGE": "2",
        "QSERVER_HTTP_SERVER_SESSION_MAX_AGE": "3",
        "QSERVER_HTTP_SERVER_DATABASE_URI": "sqlite:////x",
        "QSERVER_HTTP_SERVER_DATABASE_POOL_SIZE": "4",
        "QSERVER_HTTP_SERVER_DATABASE_POOL_PRE_PING": "0",
        "QSERVER_HTTP_CUSTOM_ROUTERS": "a.router:b.router",
        "QSERVER_CUSTOM_MODULES": "a,b",
    }
    assert _values(environ) == {
        ("control",): "tcp://a:1",
        ("info",): "tcp://a:2",
        ("encoding",): "msgpack",
        ("server_key",): "k" * 40,
        ("authentication", "single_user_api_key"): "abc",
        ("authentication", "allow_anonymous_access"): True,
        ("allow_origins",): ["http://a", "http://b"],
        ("authentication", "secret_keys"): ["one", "two"],
        ("authentication", "access_token_max_age"): 1,
        ("authentication", "refresh_token_max_age"): 2,
        ("authentication", "session_max_age"): 3,
        ("database", "uri"): "sqlite:////x",
        ("database", "pool_size"): 4,
        ("database", "pool_pre_ping"): False,
        ("custom_routers",): ["a.router", "b.router"],
        ("custom_modules",): ["a", "b"],
    }
    assert read_environment(environ).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("QSERVER_ZMQ_ADDRESS_CONTROL", "QSERVER_ZMQ_CONTROL_ADDRESS", ("control",)),
        ("QSERVER_ZMQ_ADDRESS", "QSERVER_ZMQ_CONTROL_ADDRESS", ("control",)),
        ("QSERVER_ZMQ_ADDRESS_CONSOLE", "QSERVER_ZMQ_INFO_ADDRESS", ("info",)),
        ("QSERVER_CUSTOM_MODULE", "QSERVER_CUSTOM_MODULES", ("custom_modules",)),
    ],
)
def test_a_deprecated_name_counts_with_a_warning_and_only_without_the_present_one(old, new, place):
    findings = read_environment({old: "old"})
    assert "old" in findings.entries[place].value
    assert findings.notes == (f"The variable {old} is deprecated; use {new}.",)
    findings = read_environment({old: "old", new: "new"})
    assert "new" in findings.entries[place].value
    assert findings.notes == (f"The variable {old} is deprecated and ignored, because {new} is set.",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QSERVER_HTTP_SERVER_ALLOW_ANONYMOUS_ACCESS", "yes-hunter2"),
        ("QSERVER_HTTP_SERVER_ACCESS_TOKEN_MAX_AGE", "15min-hunter2"),
        ("QSERVER_HTTP_SERVER_DATABASE_POOL_SIZE", "-1"),
        ("QSERVER_HTTP_SERVER_DATABASE_POOL_PRE_PING", "2"),
        ("QSERVER_HTTP_SERVER_RESPONSE_BYTESIZE_LIMIT", "big"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(name, value):
    with pytest.raises(ParameterError, match=f"^The variable {name} must be") as refusal:
        read_environment({name: value})
    assert value not in str(refusal.value)


def test_an_empty_variable_counts_as_not_set():
    assert _values({"QSERVER_ZMQ_PUBLIC_KEY": "", "QSERVER_ZMQ_CONTROL_ADDRESS": " "}) == {}


def test_stray_variables_change_nothing_and_are_named_in_one_warning_without_their_values():
    findings = read_environment({**dict.fromkeys(STRAY_NAMES, "hunter2"), "UVICORN_PORT": "1", "HOME": "/root"})
    assert findings.entries == {}
    [note] = findings.notes
    assert all(name in note for name in (*STRAY_NAMES, "UVICORN_PORT"))
    assert "hunter2" not in note
    assert "HOME" not in note


def test_an_unknown_variable_with_the_prefix_is_named_but_those_of_clients_are_not():
    findings = read_environment(
        {
            "QSERVER_HTTP_SERVER_SINGEL_USER_API_KEY": "hunter2",
            "QSERVER_HTTP_SERVER_URI": "http://a",
            "QSERVER_HTTP_SERVER_API_KEY": "b",
            "QSERVER_HTTP_SERVER_CONFIG": "/c",
        }
    )
    assert findings.entries == {}
    assert [note.rpartition(": ")[2] for note in findings.notes] == ["QSERVER_HTTP_SERVER_SINGEL_USER_API_KEY"]


def test_a_secret_does_not_stand_in_the_text_of_what_was_found():
    assert "hunter2" not in repr(read_environment({"QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY": "hunter2"}))


def test_a_limit_that_has_no_effect_here_is_said_to_have_none():
    [note] = read_environment({"QSERVER_HTTP_SERVER_RESPONSE_BYTESIZE_LIMIT": "300"}).notes
    assert "has no effect" in note
