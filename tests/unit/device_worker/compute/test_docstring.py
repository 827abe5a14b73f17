from __future__ import annotations

import pytest

from device_worker.compute.docstring import DocText, read_docstring

GOOGLE = """Do one thing
    on two lines.

    More about it.

    Args:
        size (int): how large,
            in pixels.
        name: what it is called: a text
        *rest: all others.

    Returns:
        size: not a parameter.
    """
NUMPY = """Do one thing.

    Parameters
    ----------
    size, width : int
        How large,
        in pixels.
    name
        What it is called.

    Returns
    -------
    size : int
        Not a parameter.
    """


def test_the_docstring_may_be_in_the_style_of_google():
    expected = {"size": "how large, in pixels.", "name": "what it is called: a text", "rest": "all others."}
    assert read_docstring(GOOGLE) == DocText("Do one thing on two lines.", expected)


def test_the_docstring_may_be_in_the_style_of_numpy():
    expected = {"size": "How large, in pixels.", "width": "How large, in pixels.", "name": "What it is called."}
    assert read_docstring(NUMPY) == DocText("Do one thing.", expected)


@pytest.mark.parametrize("text", [None, "", "   \n  "])
def test_no_docstring_says_nothing(text):
    assert read_docstring(text) == DocText()


def test_a_docstring_without_parameters_has_a_summary():
    assert read_docstring("First.\n\nSecond.") == DocText("First.")


def test_a_section_at_the_end_may_be_empty():
    assert read_docstring("First.\n\nArgs:\n") == DocText("First.")
