"""Records of the event log: what is not said has a plain default."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields

from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import Origin


def test_a_record_needs_a_kind_a_time_and_an_epoch():
    record = EventRecord("item_added", 5.0, 1)
    assert (record.seq, record.lane, record.attempt, record.origin, record.data) == (0, "", 0, Origin(), {})


def test_a_record_does_not_change():
    record: Any = EventRecord("item_added", 5.0, 1)
    with pytest.raises(AttributeError):
        record.seq = 7


def test_records_do_not_share_their_data():
    assert EventRecord("a", 1.0, 1).data is not EventRecord("b", 1.0, 1).data


def test_a_numbered_record_is_the_same_but_for_its_number_and_what_takes_it_back():
    record = EventRecord("queue_item_add", 5.0, 1, "a", "i", "s", 2, Origin("u"), {"name": "count"}, undo="{}")
    numbered = record.numbered(7)
    differing = {each.name for each in fields(record) if getattr(record, each.name) != getattr(numbered, each.name)}
    assert differing == {"seq", "undo"}
    assert (numbered.seq, numbered.undo) == (7, "")
