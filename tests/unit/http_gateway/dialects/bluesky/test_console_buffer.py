"""Which messages are kept, and uids that are the same in every process that hears the same."""

from __future__ import annotations

import orjson
import pytest

from http_gateway.dialects.bluesky import console_buffer
from http_gateway.dialects.bluesky.console_buffer import ALL, BEGINNING, MOST_MESSAGES, ConsoleBuffer
from queue_server.client.notices import CONSOLE_TOPIC, STATUS_TOPIC, Notice


def said(text, time=1.5):
    return Notice(CONSOLE_TOPIC, {"time": time, "msg": text})


def buffer_with(*notices):
    buffer = ConsoleBuffer()
    for notice in notices:
        buffer.hear(notice)
    return buffer


def texts_after(buffer, uid):
    return [orjson.loads(frame)["msg"] for frame in buffer.frames_after(uid)]


def test_a_client_that_begins_with_nothing_misses_nothing():
    buffer = ConsoleBuffer()
    uid = buffer.newest_uid
    assert texts_after(buffer, uid) == texts_after(buffer, ALL) == []
    buffer.hear(said("first"))
    assert texts_after(buffer, uid) == ["first"]


def test_what_follows_a_known_message_is_told():
    buffer = ConsoleBuffer()
    uids = []
    for number in range(4):
        buffer.hear(said(str(number), time=number + 0.5))
        uids.append(buffer.newest_uid)
    assert [texts_after(buffer, uid) for uid in uids] == [["1", "2", "3"], ["2", "3"], ["3"], []]
    assert texts_after(buffer, ALL) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("uid", ["", "nothing", "-", "x-y", "c6d6c6a4-0bd5-4b2b-9b1f-5ad8d1a6a2e1"])
def test_a_text_that_is_no_uid_gives_nothing(uid):
    assert texts_after(buffer_with(said("a")), uid) == []


def test_every_process_gives_the_same_uids():
    notices = [said("a"), said("a"), said("a", time=2.5), said("b", time=2.5), said("a")]
    buffers = [ConsoleBuffer() for _ in range(2)]
    uids = []
    for notice in notices:
        for buffer in buffers:
            buffer.hear(notice)
        first, second = (buffer.newest_uid for buffer in buffers)
        assert first == second
        uids.append(first)
    assert len(set(uids)) == len(notices)


def test_a_process_that_began_later_knows_what_follows_a_uid_from_before():
    early = buffer_with(said("a", time=1.5))
    late = buffer_with(said("b", time=2.5), said("c", time=3.5))
    assert texts_after(late, early.newest_uid) == ["b", "c"]
    assert texts_after(early, late.newest_uid) == []


def test_a_message_that_is_not_kept_any_more_yields_all_that_is():
    buffer = buffer_with(said("first", time=0.5))
    uid = buffer.newest_uid
    for number in range(MOST_MESSAGES):
        buffer.hear(said(str(number), time=1 + number))
    kept = texts_after(buffer, uid)
    assert (len(kept), kept[0]) == (MOST_MESSAGES, "0")
    assert kept == texts_after(buffer, ALL)
    buffer.hear(said("last", time=9999.5))
    assert texts_after(buffer, uid)[0] == "1"


def test_long_messages_do_not_pile_up():
    buffer = ConsoleBuffer()
    size = console_buffer.MOST_BYTES // 4
    for number in range(9):
        buffer.hear(said("x" * size, time=number + 0.5))
    assert 1 <= len(buffer.frames_after(ALL)) <= 3


def test_a_frame_has_exactly_time_and_text():
    buffer = buffer_with(said("a\n", time=3))
    [frame] = buffer.frames_after(ALL)
    assert frame == b'{"time":3.0,"msg":"a\\n"}'
    assert buffer.text.tail(1) == "a"


@pytest.mark.parametrize(
    "notice", [said(""), said(5), said(None), Notice(CONSOLE_TOPIC, {}), Notice(STATUS_TOPIC, {"msg": "a"})]
)
def test_what_carries_no_text_is_not_kept(notice):
    assert buffer_with(notice).newest_uid == BEGINNING
