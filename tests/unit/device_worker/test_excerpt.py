"""Texts of any kind fit into a report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_worker.excerpt import MESSAGE_LIMIT_CHARS, TRACEBACK_LIMIT_CHARS, cut_message, cut_traceback


@pytest.mark.parametrize(
    ("cut", "limit_chars"), [(cut_message, MESSAGE_LIMIT_CHARS), (cut_traceback, TRACEBACK_LIMIT_CHARS)]
)
def test_of_a_long_text_the_beginning_and_the_end_are_kept(cut, limit_chars):
    assert cut("x" * limit_chars) == "x" * limit_chars
    text = cut("begin" + "x" * limit_chars + "end")
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "8 characters are left out" in text
    assert len(text) < limit_chars + 100


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_encoded(text):
    assert cut_message(text).encode("utf-8", "strict") is not None
