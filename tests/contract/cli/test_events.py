"""The event log from the shell: pages of it, and following it without a gap."""

from __future__ import annotations

import json

import pytest

from queue_server.protocol.notices import EVENT_TOPIC, STATUS_TOPIC


def event(seq, kind="queue_item_add"):
    return {"seq": seq, "time": 1.7e9, "kind": kind, "origin": {"user": "anna"}, "item_uid": "u1", "data": {}}


class Log:
    """An event log that grows: whoever asks sees the first ``size`` events."""

    def __init__(self, size):
        self.size = size

    def page(self, params):
        """Answer events_get."""
        since, limit = params.get("since", 0), params.get("limit", 100)
        return {"events": [event(seq) for seq in range(since + 1, self.size + 1)][:limit], "last_seq": self.size}


@pytest.fixture
def log(cuelight):
    """Five events have happened."""
    log = Log(5)
    cuelight.answer("events_get", log.page)
    return log


def numbers(ended):
    return [int(line.split()[0]) for line in ended.out.splitlines()]


def follow(cuelight, log, *words, announced=()):
    """Follow while events are announced; those that are left out were lost on the way."""
    asked = []

    def page(params):
        if not asked:
            asked.append(params)
            cuelight.manager.await_subscriber()
            cuelight.manager.await_subscriber()
        reply = log.page(params)
        if len(asked) == 1 and params.get("limit") == 1:
            asked.append(params)
            log.size = max([log.size, *announced])
            for seq in announced:
                cuelight.manager.publish(EVENT_TOPIC, {"seq": seq})
        return reply

    cuelight.answer("events_get", page)
    return cuelight("events", "--follow", "--timeout", "0.6", *words)


def test_the_newest_events_are_shown_unless_a_number_is_given(cuelight, log):
    assert [line.split()[0] for line in cuelight("events", "--limit", "2").out.splitlines()[1:]] == ["4", "5"]
    assert [line.split()[0] for line in cuelight("events", "--since", "3").out.splitlines()[1:]] == ["4", "5"]


def test_following_shows_the_past_and_then_every_event_once_and_in_order(cuelight, log):
    ended = follow(cuelight, log, "--since", "3", announced=[6, 6, 7])
    assert (ended.code, numbers(ended)) == (0, [4, 5, 6, 7])


def test_what_the_notices_leave_out_is_asked_for(cuelight, log):
    ended = follow(cuelight, log, "--since", "5", announced=[9])
    assert numbers(ended) == [6, 7, 8, 9]


def test_followed_events_as_json_are_one_line_each(cuelight, log):
    ended = follow(cuelight, log, "--since", "4", "--json", announced=[6])
    assert [json.loads(line) for line in ended.out.splitlines()] == [event(5), event(6)]


def test_an_event_from_before_the_subscription_is_found_with_the_first_status(cuelight, log):
    asked = []

    def page(params):
        asked.append(params)
        reply = log.page(params)
        if len(asked) == 1:
            cuelight.manager.await_subscriber()
            cuelight.manager.await_subscriber()
            # It happened behind the answer, and its notice reached nobody.
            log.size = 6
            cuelight.manager.publish(STATUS_TOPIC, {"time": 1.0, "msg": {"status": {}}})
        return reply

    cuelight.answer("events_get", page)
    ended = cuelight("events", "--follow", "--since", "5", "--timeout", "0.6")
    assert numbers(ended) == [6]


def test_a_field_cannot_be_followed(cuelight, log):
    ended = cuelight("events", "--follow", "--field", "last_seq")
    assert (ended.code, "--field" in ended.err) == (1, True)


# --- filters --------------------------------------------------------------------------------------------------------


def test_pages_that_are_short_are_asked_for_until_there_are_enough(cuelight):
    pages = {None: ([9, 8], 8), 8: ([], 5), 5: ([4, 3], 3)}

    def page(params):
        seqs, following = pages[params.get("before")]
        return {"events": [event(seq) for seq in seqs][: params["limit"]], "last_seq": 9, "next_seq": following}

    cuelight.answer("events_get", page)
    ended = cuelight("log", "--user", "anna", "--limit", "3")
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == ["4", "8", "9"]
    ended = cuelight("log", "--user", "anna", "--limit", "3", "--newest")
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == ["9", "8", "4"]


def test_following_with_a_filter_shows_only_what_fits(cuelight):
    wanted = {4, 7}

    def page(params):
        if "kind" not in params:
            return {"events": [event(1)], "last_seq": log.size}
        seqs = [seq for seq in sorted(wanted) if params["since"] < seq <= log.size]
        return {"events": [event(seq, "queue_clear") for seq in seqs], "last_seq": log.size}

    log = Log(5)
    log.page = page
    ended = follow(cuelight, log, "--since", "3", "--kind", "queue_clear", announced=[6, 7])
    assert (ended.code, numbers(ended)) == (0, [4, 7])


def test_following_goes_forward_only(cuelight, log):
    for word in ("--newest", "--before=3"):
        ended = cuelight("log", "--follow", word)
        assert (ended.code, "goes forward" in ended.err) == (1, True)


def test_a_time_that_is_none_is_refused_by_its_option(cuelight, log):
    ended = cuelight("log", "--from", "yesterday-ish")
    assert (ended.code, "--from takes a date" in ended.err) == (1, True)
