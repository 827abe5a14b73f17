"""Spreadsheets of all formats for the tests of their readers."""

from __future__ import annotations

import pytest

from tests.doubles.spreadsheets import FORMATS


@pytest.fixture(params=sorted(FORMATS))
def ending(request):
    """The ending of the name of a format."""
    return request.param
