"""The messages of the worker link about one device: the order to read it, and what was read. They change nothing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_READING_S = 5.0
LONGEST_READING_S = 30.0
LONGEST_DEVICE = 512
"""Characters of the name of a device with its levels."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class ReadDevice(_Message):
    """Read a device beside whatever runs; ``epoch`` and ``number`` name the question."""

    kind: Literal["read_device"] = "read_device"
    epoch: int = Field(ge=0)
    number: int = Field(ge=1)
    device: str = Field(max_length=LONGEST_DEVICE, description="Name in the worker, with dots before components.")
    timeout_s: float = Field(gt=0)


class DeviceReading(_Message):
    """What a device has told, by signal; or why it was not read. A telegram: nobody waits for it for ever."""

    kind: Literal["device_reading"] = "device_reading"
    epoch: int = Field(ge=0)
    question: int = Field(ge=1, description="Number of the question.")
    readings: dict[str, dict[str, Any]] | None = None
    message: str = Field(default="", max_length=4096)
