"""What can be set about accounts: providers of identities, secrets, lifetimes, policies and the database.

The names and defaults are those of bluesky-httpserver's configuration files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Secret, SecretStr, field_validator

from http_gateway.dialects.scanhub.roles import ROLES as SCANHUB_ROLES

MINUTE_S = 60
DAY_S = 86_400


FOREIGN_ROLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {"scanhub": SCANHUB_ROLES}
"""By dialect and foreign role: the roles of our own that it stands for, as long as nothing else is set."""


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Roles = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]


class ProviderSettings(BaseModel):
    """One place where people prove who they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = Field(pattern=r"^[a-zA-Z0-9_-]+$", description="Name of the provider, part of its paths.")
    authenticator: str = Field(description="Class that asks the provider, as 'module:Class'.")
    args: Secret[dict[str, Any]] = Field(
        default=Secret[dict[str, Any]]({}), description="Arguments of that class; they may hold secrets."
    )


class AuthenticationSettings(BaseModel):
    """Who is let in, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    providers: tuple[ProviderSettings, ...] = Field(
        default=(), description="Providers of identities; without any there is one user with one key."
    )
    secret_keys: tuple[SecretStr, ...] = Field(
        default=(), description="Secrets that sign tokens: the first signs, all verify. If empty, a file is made."
    )
    single_user_api_key: SecretStr | None = Field(
        default=None, description="The key of the single user: letters and digits. If unset, a file is made."
    )
    allow_anonymous_access: bool = Field(default=False, description="Admit callers without any credential.")
    allow_dummy: bool = Field(default=False, description="Let DummyAuthenticator in. For tests.")
    access_token_max_age: int = Field(default=15 * MINUTE_S, gt=0, description="Life of an access token in seconds.")
    refresh_token_max_age: int = Field(default=7 * DAY_S, gt=0, description="Life of a refresh token in seconds.")
    session_max_age: int = Field(default=365 * DAY_S, gt=0, description="Life of a session in seconds.")
    api_key_max_age: int | None = Field(
        default=None, gt=0, description="Longest life of an API key in seconds; null allows keys without an end."
    )

    @field_validator("providers")
    @classmethod
    def _check_names(cls, providers: tuple[ProviderSettings, ...]) -> tuple[ProviderSettings, ...]:
        names = [provider.provider for provider in providers]
        if len(set(names)) < len(names):
            raise ValueError("every provider needs a name of its own")
        return providers


class ApiAccessSettings(BaseModel):
    """What users may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str = Field(
        default="bluesky_httpserver.authorization:BasicAPIAccessControl",
        description="Class that gives users their roles and scopes, as 'module:Class'.",
    )
    args: Secret[dict[str, Any]] = Field(default=Secret[dict[str, Any]]({}), description="Arguments of that class.")
    foreign_roles: dict[str, dict[str, _Roles]] = Field(
        default_factory=dict,
        validate_default=True,
        description="By dialect and role of its users (written 'dialect:role'): the role or roles it stands for.",
    )

    @field_validator("foreign_roles")
    @classmethod
    def _add_known(cls, given: dict[str, dict[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        unknown = sorted(set(given) - set(FOREIGN_ROLES))
        if unknown:
            raise ValueError(f"no dialect {unknown[0]!r} has roles; known are {sorted(FOREIGN_ROLES)}")
        names = {
            dialect: {
                name.lower(): tuple(role.lower() for role in roles) for name, roles in given.get(dialect, {}).items()
            }
            for dialect in FOREIGN_ROLES
        }
        return {dialect: {**known, **names[dialect]} for dialect, known in FOREIGN_ROLES.items()}


class ResourceAccessSettings(BaseModel):
    """Which plans and devices users may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str = Field(
        default="bluesky_httpserver.authorization:DefaultResourceAccessControl",
        description="Class that gives users their user group, as 'module:Class'.",
    )
    args: Secret[dict[str, Any]] = Field(default=Secret[dict[str, Any]]({}), description="Arguments of that class.")


class DatabaseSettings(BaseModel):
    """Where accounts are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: SecretStr | None = Field(
        default=None,
        description="SQLite or PostgreSQL, as SQLAlchemy writes it; unset a file in the data directory.",
    )
    pool_size: int = Field(default=5, ge=1, le=100, description="Most connections to the database.")
    pool_pre_ping: bool = Field(default=True, description="Test a connection before it is used again.")


class AccountSettings(BaseModel):
    """Everything about accounts; the settings of a gateway contain it."""

    authentication: AuthenticationSettings = Field(
        default=AuthenticationSettings(), description="Who is let in, and for how long."
    )
    api_access: ApiAccessSettings = Field(default=ApiAccessSettings(), description="What users may do.")
    resource_access: ResourceAccessSettings = Field(
        default=ResourceAccessSettings(), description="Which plans and devices users may use."
    )
    database: DatabaseSettings = Field(default=DatabaseSettings(), description="Where accounts are kept.")
