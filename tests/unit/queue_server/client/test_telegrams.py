"""Console text is bounded and leaves in chunks; of progress only the latest counts; a heartbeat tells the age."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.client.telegrams import (
    CHUNK_LIMIT_CHARS,
    ConsoleText,
    LatestMetadata,
    LatestProgress,
    pack_heartbeat,
)
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Heartbeat, Metadata, Progress, pack, read_from_worker

KEY = AttemptKey("item", "submission", "default", 1, 1)


def take(waiting, now_s) -> Any:
    return waiting.take(now_s)


def progress(points):
    return Progress(attempt=KEY, points=points)


def test_what_was_printed_leaves_together():
    console = ConsoleText()
    assert console.put("one\n")
    assert not console.put("two\n")
    telegram = take(console, 0.0)
    assert (telegram.text, telegram.dropped) == ("one\ntwo\n", 0)
    assert take(console, 0.0) is None
    assert console.due_s() is None


def test_text_after_a_telegram_waits_for_the_next_interval():
    console = ConsoleText(interval_s=0.5)
    console.put("at once")
    assert console.due_s() == 0.0
    take(console, 10.0)
    console.put("a moment later")
    assert console.due_s() == 10.5


def test_too_much_text_costs_the_oldest_chunks_and_they_are_counted():
    console = ConsoleText(limit_chars=10)
    for text in ("aaaa", "bbbb", "cccc"):
        console.put(text)
    telegram = take(console, 0.0)
    assert (telegram.text, telegram.dropped) == ("bbbbcccc", 1)
    console.put("dddd")
    assert take(console, 0.0).dropped == 0


def test_a_huge_text_is_cut_into_telegrams_and_is_due_until_all_have_left():
    console = ConsoleText(interval_s=1.0)
    text = "ä" * (3 * CHUNK_LIMIT_CHARS - 1)
    console.put(text)
    telegrams = []
    while console.due_s() == 0.0:
        telegrams.append(take(console, 1.0))
        if len(telegrams) == 3:
            break
    assert "".join(telegram.text for telegram in telegrams) == text
    assert console.due_s() is None


def test_a_telegram_that_could_not_be_sent_comes_first_again():
    console = ConsoleText(limit_chars=8)
    for text in ("lost", "one ", "two "):
        console.put(text)
    telegram = take(console, 0.0)
    console.put("three")
    console.give_back(telegram)
    again = take(console, 0.0)
    assert (again.text, again.dropped) == ("one two three", 1)


def test_text_that_is_not_valid_unicode_can_be_sent():
    console = ConsoleText()
    console.put("bad name: \udcff\n")
    message: Any = read_from_worker(pack(take(console, 0.0)))
    assert message.text == "bad name: \\udcff\n"


def test_only_the_latest_progress_is_kept_and_it_is_due_once_per_interval():
    latest = LatestProgress(interval_s=0.1)
    assert latest.due_s() is None
    assert latest.put(progress(1))
    assert not latest.put(progress(2))
    assert latest.due_s() == 0.0
    assert take(latest, 5.0).points == 2
    assert take(latest, 5.0) is None
    latest.put(progress(3))
    assert latest.due_s() == pytest.approx(5.1)


def test_metadata_leave_once_for_each_connection_and_only_the_newest():
    waiting = LatestMetadata()
    waiting.renew()
    assert waiting.take() is None
    for scan_id in (1, 2):
        waiting.put(Metadata(values={"scan_id": scan_id}))
    assert take_values(waiting) == {"scan_id": 2}
    assert waiting.take() is None
    waiting.renew()
    assert take_values(waiting) == {"scan_id": 2}


def take_values(waiting) -> Any:
    metadata = waiting.take()
    return metadata and metadata.values


@pytest.mark.parametrize("ages_s", [(0.0, 0.0), (0.0, 2.5, 0.0)])
def test_a_heartbeat_tells_the_age_of_that_moment(ages_s):
    assert [read_from_worker(pack_heartbeat(age_s)) for age_s in ages_s] == [
        Heartbeat(main_thread_age_s=age_s) for age_s in ages_s
    ]
