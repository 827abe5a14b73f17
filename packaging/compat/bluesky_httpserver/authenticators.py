"""The authenticators that configuration files name."""

from __future__ import annotations

from http_gateway.auth.external import OIDCAuthenticator, SAMLAuthenticator
from http_gateway.auth.providers import (
    DictionaryAuthenticator,
    DummyAuthenticator,
    LDAPAuthenticator,
    Mode,
    PAMAuthenticator,
)

__all__ = [
    "DictionaryAuthenticator",
    "DummyAuthenticator",
    "LDAPAuthenticator",
    "Mode",
    "OIDCAuthenticator",
    "PAMAuthenticator",
    "SAMLAuthenticator",
]
