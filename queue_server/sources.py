"""Reads the settings from their sources: flags, environment and settings file, in this order of weight."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from queue_server.config import SETTINGS_FILE, Settings


class _SourcedSettings(BaseSettings, Settings):  # pyright: ignore[reportIncompatibleVariableOverride]
    # What is no plain value is read from text by the settings themselves.
    model_config = SettingsConfigDict(env_prefix="CUELIGHT_", extra="forbid", frozen=True, enable_decoding=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of weight."""
        flags: dict[str, Any] = init_settings()
        directory = flags.get("config") or os.environ.get("CUELIGHT_CONFIG")
        if directory is None:
            return init_settings, env_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, Path(directory) / SETTINGS_FILE)


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """Return the settings from all sources; ``config.load_settings`` explains what is wrong with them.

    Raises:
        ValueError: a value is wrong, or the settings file is no map; a ``ValidationError`` names it.
        YAMLError: the settings file is not YAML.
    """
    found = _SourcedSettings(**flags)
    return Settings.model_construct(found.model_fields_set, **dict(found))
