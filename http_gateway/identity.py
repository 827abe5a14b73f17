"""Who asks, as far as the rest of the gateway needs to know. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

CredentialKind = Literal["none", "api_key", "token"]
Carrier = Literal["none", "header", "query", "cookie", "message"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret and where it was found; a cookie needs protection against other sites' pages."""

    kind: CredentialKind = "none"
    secret: str = ""
    carrier: Carrier = "none"

    def __repr__(self) -> str:
        return f"Credential(kind={self.kind!r}, carrier={self.carrier!r})"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, a service, or nobody in particular.

    ``user`` and ``group`` are what the manager is told; ``scopes`` are those in force now; ``principal`` is the uuid of
    the account, None in single-user mode and for anonymous callers; ``credential`` names the key or session in use.
    ``expires`` is the end of an access token, in seconds since 1970. ``issuer`` names the session that made a key for
    one connection only, which outlives this key.
    """

    user: str
    group: str
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()
    principal: str | None = None
    credential: str = ""
    is_anonymous: bool = False
    expires: float | None = None
    issuer: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """Return what whoever asks may see of it, with scopes and roles in alphabetical order."""
        return {
            "user": self.user,
            "group": self.group,
            "scopes": sorted(self.scopes),
            "roles": sorted(self.roles),
            "principal": self.principal,
            "credential": self.credential,
        }
