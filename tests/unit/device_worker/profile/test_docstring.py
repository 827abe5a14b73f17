from __future__ import annotations

import pytest
from bluesky import plan_stubs, plans

from device_worker.profile.docstring import DocText, read_docstring

_FULL = """
    Move and measure.

    More than a summary.

    Parameters
    ----------
    a, b : float
        Two at once.

            Indented text.
    c: str
        Without a space.
    d
    *args : tuple
        All others.

    Returns
    -------
    x : int
        Not a parameter.
    """


def test_summary_and_parameters_are_read():
    assert read_docstring(_FULL) == DocText(
        "Move and measure.",
        {
            "a": "Two at once.\n\n    Indented text.",
            "b": "Two at once.\n\n    Indented text.",
            "c": "Without a space.",
            "d": "",
            "args": "All others.",
        },
    )


@pytest.mark.parametrize("text", [None, "", "   ", "\n\n"])
def test_nothing_is_read_from_nothing(text):
    assert read_docstring(text) == DocText("", {})


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("One line.", "One line."),
        ("First line\n    and second.\n\n    More.", "First line\nand second."),
        ("f(a, b=1) -> int\n\nText.", "f(a, b=1) -> int"),
        ("f(a, b=1)\n\nText.", "Text."),
        ("f(a)\n\nf(a, b)\n\nText.", "Text."),
        ("f(a)", ""),
        ("f(a)\n\nParameters\n----------\na : int", "f(a)"),
        ("Parameters\n----------\na : int", ""),
        ("Text.\nParameters\n----------\na : int", "Text.\nParameters\n----------\na : int"),
    ],
)
def test_the_summary_is_the_first_paragraph_that_is_no_call_signature(text, summary):
    assert read_docstring(text).summary == summary


@pytest.mark.parametrize("underline", ["----------", "==========", "---------------"])
def test_sections_are_underlined(underline):
    assert read_docstring(f"S.\n\nparameters\n{underline}\na : int\n    Text.").parameters == {"a": "Text."}


def test_a_short_underline_makes_no_section():
    assert read_docstring("S.\n\nParameters\n-----\na : int\n    Text.").parameters == {}


def test_an_unusual_docstring_raises_nothing():
    twice = "S.\n\nParameters\n----------\na : int\n    First.\n\nParameters\n----------\na : int\n    Second."
    assert read_docstring(twice).parameters == {"a": "First."}
    assert read_docstring("S.\n\n.. index::\n   :x: y\n\nNotes\n-----").summary == "S."


def test_every_plan_of_bluesky_is_understood():
    for plan in (plans.count, plans.grid_scan, plans.tune_centroid, plan_stubs.mv):
        text = read_docstring(plan.__doc__)
        assert text.summary
        assert all(text.parameters.values())
