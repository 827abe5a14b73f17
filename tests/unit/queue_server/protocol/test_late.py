"""A map whose second part is loaded when something is asked for that the first one lacks."""

from __future__ import annotations

import pytest

from queue_server.protocol.late import LateMap

EVERYTHING = {"first": 1, "second": 2}


@pytest.fixture
def loads():
    """How often the rest was loaded."""
    return []


@pytest.fixture
def late(loads):
    def load():
        loads.append(True)
        return EVERYTHING

    return LateMap({"first": 1}, load)


def test_what_is_there_at_once_loads_nothing(late, loads):
    assert late["first"] == late.get("first") == 1
    assert late.has_at_once("first")
    assert not late.has_at_once("second")
    assert not late.is_complete
    assert loads == []


@pytest.mark.parametrize("ask", [lambda late: late["second"], len, list, lambda late: "absent" in late])
def test_whoever_asks_for_more_has_everything_loaded_once(late, loads, ask):
    ask(late)
    ask(late)
    assert late.is_complete
    assert dict(late) == EVERYTHING
    assert loads == [True]


def test_what_is_nowhere_is_missing_also_after_that(late):
    with pytest.raises(KeyError):
        late["absent"]
    assert late.get("absent") is None
    assert late.has_at_once("absent")


def test_a_load_that_fails_is_tried_again(loads):
    def load():
        loads.append(True)
        raise ImportError("broken")

    late = LateMap({"first": 1}, load)
    for _ in range(2):
        with pytest.raises(ImportError):
            late["second"]
    assert late["first"] == 1
    assert loads == [True, True]
