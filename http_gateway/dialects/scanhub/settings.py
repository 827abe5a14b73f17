"""What a gateway can be told about scanners: times and sizes within which their clients have to stay."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from http_gateway.dialects.scanhub.model import DEFAULT_LIMITS, Limits


class ScannerSettings(BaseModel):
    """Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    acknowledgement_s: float = Field(
        default=DEFAULT_LIMITS.acknowledgement_s,
        gt=0,
        le=600,
        description="Seconds that a scanner has for the first sign of a scan; without one the outcome is unknown.",
    )
    register_s: float = Field(
        default=DEFAULT_LIMITS.register_s,
        gt=0,
        le=600,
        description="Seconds that a scanner has to register; one that has not needs a restart.",
    )
    liveness_s: float = Field(
        default=DEFAULT_LIMITS.liveness_s,
        gt=0,
        le=3600,
        description="Seconds without any sign of life, after which the connection of a scanner is closed.",
    )
    upload_idle_s: float = Field(
        default=DEFAULT_LIMITS.upload_idle_s,
        gt=0,
        le=3600,
        description="Seconds without bytes, after which an upload is given up.",
    )
    unknown_token_s: float = Field(
        default=DEFAULT_LIMITS.unknown_token_s,
        ge=0,
        le=30 * 86_400,
        description="Seconds for which a scanner may still deliver for an item of unknown outcome.",
    )
    upload_bytes: int = Field(
        default=DEFAULT_LIMITS.upload_bytes, ge=0, description="Largest upload of a scanner in bytes."
    )

    @property
    def limits(self) -> Limits:
        """The settings of a device session."""
        return Limits(**self.model_dump())
