"""The policies that configuration files name."""

from __future__ import annotations

from http_gateway.auth.policies import (
    BasicAPIAccessControl,
    DefaultResourceAccessControl,
    DictionaryAPIAccessControl,
)
from http_gateway.auth.server_policy import ServerBasedAPIAccessControl

__all__ = [
    "BasicAPIAccessControl",
    "DefaultResourceAccessControl",
    "DictionaryAPIAccessControl",
    "ServerBasedAPIAccessControl",
]
