"""Configuration files of bluesky-httpserver: every key, variables in values, several files, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from http_gateway.config import read_settings
from http_gateway.configuration_files import read_configuration, with_configuration
from http_gateway.sources import combine
from queue_server.protocol.errors import ParameterError

ROOT = Path(__file__).parents[3]
WHOLE = """
qserver_zmq_configuration:
  control_address: tcp://beamline:60615
  info_address: tcp://beamline:60625
  encoding: MSGPACK
  public_key: ${SERVER_KEY}
server_configuration:
  custom_routers: [site.router]
  custom_modules: [site]
  finch_paths: true
  finch_key: other
  test_routes: true
authentication:
  providers:
    - provider: toy
      authenticator: bluesky_httpserver.authenticators:DictionaryAuthenticator
      args: {users_to_passwords: {bob: $BOB, alice: pa$$word}}
  secret_keys: [$SECRET]
  single_user_api_key: key1
  allow_anonymous_access: true
  access_token_max_age: $AGE
  refresh_token_max_age: 20
  session_max_age: 30
api_access:
  policy: bluesky_httpserver.authorization:DictionaryAPIAccessControl
  args: {users: {bob: {roles: [admin, expert]}}}
resource_access:
  policy: bluesky_httpserver.authorization:DefaultResourceAccessControl
  args: {default_group: primary}
database: {uri: "sqlite:////data/x.sqlite", pool_size: 7, pool_pre_ping: false}
uvicorn:
  host: ::1
  port: 60611
  workers: 3
  root_path: /qs
  proxy_headers: false
  forwarded_allow_ips: [10.0.0.1, 10.0.0.2]
  ssl_certfile: cert.pem
  ssl_keyfile: /etc/key.pem
  ssl_keyfile_password: $SECRET
  ssl_ca_certs: ca.pem
  ssl_cert_reqs: 2
  ssl_ciphers: HIGH
  ssl_version: 17
allow_origins: [http://a]
metrics: {prometheus: false}
"""
ENVIRON = {"SERVER_KEY": "k" * 40, "SECRET": "hunter2", "BOB": "hunter3", "AGE": "10"}


def _write(path, text):
    path.write_text(text)
    return path


def _secret(value):
    assert value is not None
    return value.get_secret_value()


def _settings(path, environ=ENVIRON):
    values, sources = combine([read_configuration(path, environ)])
    return read_settings({"data": str(path.parent), **values}, sources)


def test_every_key_of_bluesky_httpserver_is_taken(tmp_path):
    settings = _settings(_write(tmp_path / "config.yml", WHOLE))
    assert (settings.control, settings.info) == ("tcp://beamline:60615", "tcp://beamline:60625")
    assert (settings.encoding, settings.server_key) == ("msgpack", "k" * 40)
    assert (settings.custom_routers, settings.custom_modules) == (("site.router",), ("site",))
    assert (settings.finch_paths, settings.finch_key, settings.test_routes) == (True, "other", True)
    authentication = settings.authentication
    [provider] = authentication.providers
    assert provider.args.get_secret_value() == {"users_to_passwords": {"bob": "hunter3", "alice": "pa$$word"}}
    assert [key.get_secret_value() for key in authentication.secret_keys] == ["hunter2"]
    assert authentication.allow_anonymous_access is True
    assert (authentication.access_token_max_age, authentication.refresh_token_max_age) == (10, 20)
    assert authentication.session_max_age == 30
    assert settings.api_access.policy.endswith(":DictionaryAPIAccessControl")
    assert settings.resource_access.args.get_secret_value() == {"default_group": "primary"}
    assert (settings.database.pool_size, settings.database.pool_pre_ping) == (7, False)
    assert (settings.http, settings.workers, settings.root_path) == ("[::1]:60611", 3, "/qs")
    assert (settings.proxy_headers, settings.trusted_proxies) == (False, "10.0.0.1,10.0.0.2")
    assert (settings.tls_cert, str(settings.tls_key)) == (tmp_path / "cert.pem", "/etc/key.pem")
    assert (settings.tls_client_ca, settings.tls_client_check) == (tmp_path / "ca.pem", "required")
    assert (settings.allow_origins, settings.metrics) == (("http://a",), False)


def test_the_files_of_a_directory_are_one_configuration(tmp_path):
    _write(tmp_path / "a.yml", "allow_origins: [http://a]\nuvicorn: {port: 1}")
    _write(tmp_path / "b.yml", "allow_origins: [http://b]\nmetrics: {prometheus: true}")
    _write(tmp_path / "empty.yml", "")
    _write(tmp_path / ".hidden.yml", "nonsense: 1")
    _write(tmp_path / "policies.py", "nonsense = 1")
    (tmp_path / "directory").mkdir()
    settings = _settings(tmp_path)
    assert settings.allow_origins == ("http://a", "http://b")
    assert settings.http == "127.0.0.1:1"


def test_a_section_in_two_files_is_refused_with_both(tmp_path):
    _write(tmp_path / "a.yml", "uvicorn: {port: 1}")
    _write(tmp_path / "b.yml", "uvicorn: {host: x}")
    with pytest.raises(ParameterError, match=r"'uvicorn' stands in two files: .*a\.yml and .*b\.yml"):
        read_configuration(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: {}", r"'colour' in .*c\.yml is not known. Known are: qserver_zmq_configuration, "),
        ("uvicorn: {reload: true}", r"'uvicorn.reload' in .*c\.yml is not known. Known are: host, port, "),
        ("uvicorn: {port: high}", r"'uvicorn.port' in .*c\.yml: must be a number from 0 to 65535, not 'high'"),
        ("uvicorn: [1]", r"'uvicorn' in .*c\.yml must be a map"),
        ("- 1", r"c\.yml must be a map of sections"),
        ("allow_origins: http://a", r"'allow_origins' in .*c\.yml must be a list"),
        ("uvicorn: {workers: many}", r"'uvicorn.workers' in .*c\.yml: .*, not 'many'"),
        (
            "authentication: {providers: [{provider: 'a b', authenticator: x}]}",
            r"'authentication.providers' in .*c\.yml, at '0.provider': ",
        ),
        ("authentication: {providers: [{provider: a, authenticator: x, arg: hunter2}]}", r"at '0.arg' is not"),
        ("authentication: {single_user_api_key: $UNSET}", r"'authentication.single_user_api_key' in .* variable UNSET"),
        ("authentication: {secret_keys: ['${UNSET}']}", r"names the variable UNSET, which is not set"),
        ("database: {uri: a, uri_file: b}", r"'database.uri_file' in .* and 'uri' say the same"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(tmp_path, text, message):
    with pytest.raises(ParameterError, match=message) as refusal:
        _settings(_write(tmp_path / "c.yml", text))
    assert "hunter2" not in str(refusal.value)


def test_a_syntax_error_names_the_line_and_shows_nothing_of_it(tmp_path):
    path = _write(tmp_path / "c.yml", "authentication:\n  secret_keys: [hunter2\nuvicorn: {}\n")
    with pytest.raises(ParameterError, match=r"c\.yml, line 3 is not YAML") as refusal:
        read_configuration(path)
    assert "hunter2" not in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="No such file"):
        read_configuration(tmp_path / "none.yml")


def test_secrets_come_from_files_that_only_the_owner_can_read(tmp_path):
    for name, text in {"key": "abc\n", "secrets": "one\ntwo\n", "uri": "sqlite:////x"}.items():
        _write(tmp_path / name, text).chmod(0o600)
    text = "authentication: {single_user_api_key_file: key, secret_keys_file: secrets}\ndatabase: {uri_file: uri}"
    settings = _settings(_write(tmp_path / "c.yml", text))
    assert _secret(settings.authentication.single_user_api_key) == "abc"
    assert [key.get_secret_value() for key in settings.authentication.secret_keys] == ["one", "two"]
    assert _secret(settings.database.uri) == "sqlite:////x"
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ParameterError, match=r"'authentication.single_user_api_key_file' in .*: chmod 600 "):
        _settings(tmp_path / "c.yml")


def test_settings_that_are_given_already_win_over_the_configuration(tmp_path):
    path = _write(tmp_path / "c.yml", "uvicorn: {host: a, port: 1, workers: 2}\nallow_origins: [http://a]")
    values, sources = with_configuration(path, {"http": "127.0.0.1:0", "data": "/d"})
    assert values == {"http": "127.0.0.1:0", "data": "/d", "workers": 2, "allow_origins": ["http://a"]}
    assert sources == {
        ("workers",): f"'uvicorn.workers' in {path}",
        ("allow_origins",): f"'allow_origins' in {path}",
    }


def test_the_example_can_be_used_as_it_is_and_with_every_line_that_it_offers(tmp_path):
    text = (ROOT / "config" / "gateway.yaml").read_text()
    plain = _settings(_write(tmp_path / "plain.yml", text))
    assert plain.http == "127.0.0.1:60610"
    for name in ("api-key", "secret-keys", "database-uri"):
        _write(tmp_path / name, "abc").chmod(0o600)
    _, separator, body = text.partition("# Where the manager is.")
    offered = re.sub(r"(?m)^( *)# (?=(  )*(\w+:|- provider))", r"\1", body).replace("/etc/cuelight/", f"{tmp_path}/")
    full = _settings(_write(tmp_path / "full.yml", f"{separator}{offered}"), {"QSERVER_ZMQ_PUBLIC_KEY": "k" * 40})
    assert _secret(full.authentication.single_user_api_key) == "abc"
    assert [provider.provider for provider in full.authentication.providers] == ["ldap"]
    assert full.custom_routers == ("site_routes.router",)
    assert full.tls_cert == tmp_path / "tls" / "fullchain.pem"
