"""From names of classes to objects: those of existing configurations, those of a site, and what is refused."""

from __future__ import annotations

import sys

import pytest

from http_gateway.auth import external, policies, providers, server_policy
from http_gateway.auth.classes import build, need, resolve
from queue_server.protocol.errors import ParameterError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("authenticators:DummyAuthenticator", providers.DummyAuthenticator),
        ("authenticators:DictionaryAuthenticator", providers.DictionaryAuthenticator),
        ("authenticators:PAMAuthenticator", providers.PAMAuthenticator),
        ("authenticators:LDAPAuthenticator", providers.LDAPAuthenticator),
        ("authenticators:OIDCAuthenticator", external.OIDCAuthenticator),
        ("authenticators:SAMLAuthenticator", external.SAMLAuthenticator),
        ("authorization:BasicAPIAccessControl", policies.BasicAPIAccessControl),
        ("authorization:DictionaryAPIAccessControl", policies.DictionaryAPIAccessControl),
        ("authorization:ServerBasedAPIAccessControl", server_policy.ServerBasedAPIAccessControl),
        ("authorization:DefaultResourceAccessControl", policies.DefaultResourceAccessControl),
    ],
)
def test_names_of_existing_configurations_are_our_own_classes(name, kind):
    assert resolve(f"bluesky_httpserver.{name}") is kind


def test_the_class_of_a_site_is_imported_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "site_login.py").write_text(
        "class Login:\n    mode = 'password'\n    def __init__(self, a):\n        self.a = a\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert build("site_login:Login", {"a": 5}, "field").a == 5
    sys.modules.pop("site_login")


@pytest.mark.parametrize(
    "name", ["", "json", "json:", ":x", "json:dumps", "json:JSONDecoder.decode", "json:missing", "no_such_module:Class",
             "bluesky_httpserver.authenticators:open_store"]
)  # fmt: skip
def test_what_is_no_class_is_refused(name):
    with pytest.raises(ParameterError):
        resolve(name, "field")


def test_arguments_that_do_not_fit_are_named_without_their_values():
    name = "bluesky_httpserver.authenticators:DictionaryAuthenticator"
    with pytest.raises(ParameterError) as refused:
        build(name, {"users": {"bob": "marked"}}, "field")
    assert "users" in str(refused.value)
    assert "marked" not in str(refused.value)


def test_a_library_that_is_missing_is_named_with_its_extra():
    with pytest.raises(
        ParameterError, match=r"SAMLAuthenticator needs the extra 'saml': pip install 'cuelight\[saml\]'"
    ):
        need("no_such_library", "saml", "SAMLAuthenticator")
