"""What a gateway can be told about the flowserv dialect: what is open to all, and how people get their tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FlowservSettings(BaseModel):
    """Who sees what below ``/flowserv/api/v1``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public: bool = Field(default=True, description="Show workflows and their rankings to callers without token.")
    downloads: Literal["public", "basic"] = Field(
        default="public",
        description="Whether files are open to all who know their address, or need the token as a Basic password: "
        "the client sends no token of its own with downloads.",
    )
    archives_bytes: int = Field(
        default=1024**3, ge=0, description="Bytes of archives that are kept once they were made; 0 keeps none."
    )
    token_s: int = Field(default=86_400, gt=0, le=366 * 86_400, description="Life of the token of a login in seconds.")
    registration_roles: tuple[str, ...] = Field(
        default=(), description="Roles of people who register themselves; without any, nobody can."
    )
