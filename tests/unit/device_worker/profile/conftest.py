"""Startup code in a temporary directory, and profiles made of it."""

from __future__ import annotations

import textwrap

import pytest

from device_worker.profile import StartupSource, load_profile


@pytest.fixture
def startup(tmp_path):
    """Write startup files; the keyword ``_00_first`` becomes ``00_first.py``. Returns their directory."""
    directory = tmp_path / "startup"
    directory.mkdir()

    def write(**texts):
        for name, text in texts.items():
            path = directory / f"{name.removeprefix('_').removesuffix('_ipy')}.py"
            path = path.with_suffix(".ipy") if name.endswith("_ipy") else path
            path.write_text(textwrap.dedent(text))
        return directory

    return write


@pytest.fixture
def load(startup):
    """Load startup code from texts as one directory."""

    def load_texts(**texts):
        return load_profile(StartupSource.from_directory(startup(**texts)))

    return load_texts
