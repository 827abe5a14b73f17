"""What a gateway can be told about the ICA dialect: its projects, and how large a batch may be."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

DEMO_PROJECT: Final = "demo"


class ProjectSettings(BaseModel):
    """Who may use a project: the named users, and everybody in the named user groups; without any names, everybody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[str, ...] = Field(default=(), description="Names of users who may use the project.")
    groups: tuple[str, ...] = Field(default=(), description="User groups whose members may use the project.")

    def admits(self, user: str, group: str) -> bool:
        """Return whether somebody may use the project."""
        is_open = not self.users and not self.groups
        return is_open or user in self.users or group in self.groups


class IcaSettings(BaseModel):
    """Sizes are in bytes, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    projects: dict[str, ProjectSettings] = Field(
        default={DEMO_PROJECT: ProjectSettings()},
        description="Projects by id, and who may use each; a user group is a project of its members without being "
        "listed.",
    )
    most_items: int = Field(default=10_000, ge=1, le=100_000, description="Most items of one batch.")
    most_body_bytes: int = Field(default=8 * 1024**2, ge=1024, description="Largest body that creates a batch.")
    creation_s: float = Field(
        default=30.0,
        gt=0,
        le=600,
        description="How long the creation of a batch waits for the manager; then its outcome is unknown.",
    )
