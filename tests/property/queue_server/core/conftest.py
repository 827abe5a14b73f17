"""What the tests of the core's properties share."""

from __future__ import annotations

import pytest


@pytest.fixture
def show(capsys):
    """Print a line into the report of the test run."""

    def print_line(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}] ", end="")  # noqa: T201 - it is the report

    return print_line
