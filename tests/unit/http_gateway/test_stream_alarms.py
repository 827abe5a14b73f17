"""What is an alarm, and what it says."""

from __future__ import annotations

import pytest

from http_gateway.stream_alarms import alarm_in


def event(kind, **data):
    return {"seq": 7, "time": 1.0, "kind": kind, "lane": "b", "data": data}


@pytest.mark.parametrize(
    ("happened", "alarm", "words"),
    [
        (event("item_finished", outcome="failed"), "item_failed", "lane b failed"),
        (event("item_finished", outcome="unknown"), "item_unknown", "resolve it"),
        (event("item_held", reason="an input is missing"), "item_held", "an input is missing"),
        (event("worker_exited", cause="killed by signal 9", is_expected=False), "worker_exited", "signal 9"),
        (event("device_lost", name="MR 1"), "device_lost", "MR 1"),
        (event("estop", by="ada", reason="smoke"), "estop", "by ada: smoke"),
        (event("estop", by="", reason="smoke"), "estop", "nobody known"),
        (
            event("estop_reported", failed=[{"device": "m"}], not_reached=[{"device": "n"}]),
            "estop_reported",
            "2 devices",
        ),
        (event("estop_deadline", number=1), "estop_deadline", "does not answer"),
        (event("order_overdue", order="abort"), "order_overdue", "abort"),
        (event("unknown_attempt"), "unknown_attempt", "not known"),
        (event("unreadable_report"), "unreadable_report", "cannot be read"),
        (event("restored", file="/x"), "restored", "backup"),
    ],
)
def test_what_somebody_has_to_know_of_is_an_alarm_in_words(happened, alarm, words):
    found = alarm_in(happened)
    assert found is not None
    assert (found["alarm"], found["event"]) == (alarm, happened)
    assert words in found["text"]


@pytest.mark.parametrize(
    "happened",
    [
        event("item_finished", outcome="completed"),
        event("item_finished", outcome="stopped"),
        event("item_finished", outcome="aborted"),
        event("worker_exited", cause="exit status 0", is_expected=True),
        event("estop_reported", stopped=["m"], failed=[], not_reached=[]),
        event("queue_item_add"),
        {},
    ],
)
def test_what_was_asked_for_is_none(happened):
    assert alarm_in(happened) is None


def test_a_long_reason_is_cut():
    found = alarm_in(event("estop", by="ada", reason="x" * 5000))
    assert found is not None
    assert len(found["text"]) == 300
