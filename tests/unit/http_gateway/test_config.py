"""The settings: what is refused, and how."""

from __future__ import annotations

import pytest

from http_gateway.config import read_settings
from queue_server.protocol.errors import ParameterError

DATA = {"data": "/nowhere"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"http": "60610"}, ["'http'", "HOST:PORT", "'60610'"]),
        ({"http": "localhost:99999"}, ["'http'", "'localhost:99999'"]),
        ({"workers": 0}, ["'workers'", "greater than or equal to 1", "not 0"]),
        ({"encoding": "xml"}, ["'encoding'", "'json' or 'msgpack'", "'xml'"]),
        ({"server_key": "short"}, ["'server_key'", "40 characters"]),
        ({"tls_cert": "/a"}, ["'tls_cert'", "needs the setting 'tls_key'"]),
        ({"tls_key": "/a"}, ["'tls_key'", "needs the setting 'tls_cert'"]),
        ({"worker_key_file": "/a"}, ["'worker_key_file'", "needs the setting 'manager_key_file'"]),
        ({"manager_key_file": "/a"}, ["'manager_key_file'", "needs the setting 'worker_key_file'"]),
        ({"colour": "red"}, ["'colour'", "not a setting"]),
        ({"authentication": {"provider": 1}}, ["'authentication.provider'", "not a setting"]),
    ],
)
def test_a_wrong_value_is_named_with_its_setting(values, words):
    with pytest.raises(ParameterError) as refusal:
        read_settings(DATA | values)
    assert all(word in refusal.value.message for word in words), refusal.value.message


@pytest.mark.parametrize(
    "values",
    [
        {"tls_key_password": ["hunter2"]},
        {"authentication": "hunter2"},
        {"authentication": {"secret_keys": "hunter2"}},
        {"authentication": {"single_user_api_key": {"a": "hunter2"}}},
        {"authentication": {"providers": [{"provider": "a", "authenticator": "b", "args": "hunter2"}]}},
        {"database": {"uri": ["hunter2"]}},
        {"database": {"password": "hunter2"}},
        {"hunter": "hunter2"},
    ],
)
def test_what_may_be_a_secret_is_never_shown(values):
    with pytest.raises(ParameterError) as refusal:
        read_settings(DATA | values)
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(refusal.value.__cause__)


def test_a_wrong_value_is_named_with_its_source():
    sources = {("uvicorn",): "nowhere", ("workers",): "The option --workers", ("authentication", "providers"): "FILE"}
    with pytest.raises(ParameterError, match=r"^The option --workers: .*, not 'many'"):
        read_settings(DATA | {"workers": "many"}, sources)
    with pytest.raises(ParameterError, match=r"^FILE, at '0.authenticator': "):
        read_settings(DATA | {"authentication": {"providers": [{"provider": "a"}]}}, sources)


def test_secrets_do_not_stand_in_the_text_of_the_settings():
    authentication = {"single_user_api_key": "hunter2"}
    settings = read_settings(DATA | {"authentication": authentication, "tls_key_password": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
