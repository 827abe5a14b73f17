"""Documents as lines and as messages: plain, with every number, and never more than their bounds."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import event_model
import numpy as np
import pytest

from queue_server.protocol.codec import encode
from queue_server.protocol.documents import (
    DOCUMENT_NAMES,
    MOST_PUBLISHED_BYTES,
    DocumentHeader,
    document_topic,
    make_plain,
    pack_published,
    read_content,
    read_header,
    read_line,
    write_line,
)
from queue_server.protocol.errors import EnvelopeError


def test_every_kind_of_document_that_event_model_has_is_known():
    outdated = {"bulk_events", "bulk_datum"}
    assert {name.name for name in event_model.DocumentNames} - set(DOCUMENT_NAMES) == outdated


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1.5, 1.5),
        (None, None),
        ("null", "null"),
        (2**63 - 1, 2**63 - 1),
        (2**80, 2**80),
        ("\ud800", "\ud800"),
        ((1, 2), [1, 2]),
        ({"a": {"b": [True]}}, {"a": {"b": [True]}}),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ({"b"}, ["b"]),
        (frozenset({2**70}), [2**70]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (np.float64(0.1), 0.1),
        (np.int16(-3), -3),
        (np.bool_(True), True),
        (np.array(7), 7),
        (np.array([[1, 2], [3, 4]], dtype=np.uint8), [[1, 2], [3, 4]]),
        (np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 4.0]]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([]), []),
        ({np.str_("key"): np.float32(0.5)}, {"key": 0.5}),
    ],
)
def test_what_is_written_is_read_as_plain_values(value, read):
    line = write_line("event", {"data": value})
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_line(line) == ("event", {"data": read})
    assert json.loads(line) == ["event", {"data": read}]


@pytest.mark.parametrize(
    "value",
    [
        [math.nan, math.inf, -math.inf, 1.0],
        np.array([np.nan, np.inf, -np.inf, 1.0]),
        (np.float32("nan"), np.float64("inf"), -np.inf, 1),
    ],
)
def test_numbers_that_are_not_finite_are_kept_as_pythons_json_writes_them(value):
    line = write_line("event", {"data": value})
    assert line == b'["event",{"data":[NaN,Infinity,-Infinity,1' + (
        b"]}]\n" if isinstance(value, tuple) else b".0]}]\n"
    )
    _, document = read_line(line)
    assert [math.isnan(document["data"][0]), *document["data"][1:]] == [True, math.inf, -math.inf, 1]


class Odd:
    def __repr__(self):
        return "<odd>"


def test_what_has_no_form_in_json_is_shown_as_text():
    document: dict = {"a": Odd(), "b": [b"bytes"], "c": 1 + 2j, "d": Path("/x"), (1, 2): 0}
    line = write_line("start", document, str)
    assert read_line(line) == (
        "start",
        {"a": "<odd>", "b": ["b'bytes'"], "c": "(1+2j)", "d": "/x", "(1, 2)": 0},
    )
    assert make_plain(np.array([Odd()], dtype=object)) == ["<odd>"]
    assert make_plain(datetime(2026, 1, 1, tzinfo=UTC), str) == "2026-01-01 00:00:00+00:00"


def test_what_contains_itself_is_refused():
    cycle: dict = {}
    cycle["self"] = cycle
    with pytest.raises(ValueError, match="contains itself"):
        write_line("event", cycle)


def test_lines_are_what_the_tools_of_event_model_take():
    run = event_model.compose_run(metadata={"levels": np.array([1.0, np.nan])})
    descriptor = run.compose_descriptor(
        name="primary", data_keys={"x": {"source": "s", "dtype": "number", "shape": [], "units": None}}
    )
    event = descriptor.compose_event(data={"x": np.float64(1)}, timestamps={"x": 0.0})
    emitted = [
        ("start", run.start_doc),
        ("descriptor", descriptor.descriptor_doc),
        ("event", event),
        ("stop", run.compose_stop()),
    ]
    seen = []
    router = event_model.SingleRunDocumentRouter()
    for name, document in emitted:
        plain_name, plain = read_line(write_line(name, document))
        event_model.schema_validators[event_model.DocumentNames[plain_name]].validate(plain)
        router(plain_name, plain)
        seen.append(plain_name)
    assert seen == ["start", "descriptor", "event", "stop"]
    assert router.get_start()["uid"] == run.start_doc["uid"]


# --- published documents --------------------------------------------------------------------------------------------

HEADER = DocumentHeader("default", "me", 7, "event", 12.5)


def test_a_published_document_has_a_topic_that_names_lane_and_kind():
    frames = pack_published(HEADER, encode({"data": {"x": math.inf}}, "msgpack"))
    assert frames[0] == b"default/event"
    assert frames[0].startswith(document_topic("default"))
    assert not frames[0].startswith(document_topic("def"))
    assert (read_header(frames), read_content(frames)) == (HEADER, {"data": {"x": math.inf}})


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"default/event", b"{}"],
        [b"default/event", b"", b""],
        [b"default/event", b"{}", b""],
        [b"default/event", encode({"lane": "default"}, "msgpack"), b""],
        [b"default/event", b'{"lane":"a","incarnation":"b","number":true,"name":"c","time":1.0,"omitted":""}', b""],
        [b"default/event", b'{"lane":"a","incarnation":"b","number":-1,"name":"c","time":1.0,"omitted":""}', b""],
        [b"default/event", b'{"lane":"a","incarnation":"b","number":1,"name":"c","time":"1","omitted":""}', b""],
        [b"default/event", b"\xff" * 100, b""],
        [b"default/event", encode({"lane": "x" * 5000}, "msgpack"), b""],
    ],
)
def test_what_is_no_published_document_is_refused(frames):
    with pytest.raises(EnvelopeError):
        read_header(frames)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\x80" + bytes(MOST_PUBLISHED_BYTES), b'{"a":' * 65 + b"1" + b"}" * 65]
)
def test_content_that_is_none_or_beyond_its_bounds_is_refused(content):
    with pytest.raises(EnvelopeError):
        read_content([b"default/event", b"", content])
