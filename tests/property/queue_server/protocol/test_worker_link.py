"""Every message of the worker link survives its way; everything else is refused with one kind of error."""

from __future__ import annotations

from typing import get_args

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.protocol.codec import encode
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.items import OUTCOMES, AttemptKey, Run
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.result_schema import Extraction
from queue_server.protocol.worker_link import DeviceNote, FromWorker, ToWorker, pack, read_from_worker, read_to_worker

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
# What is stored has to fit into 64 bits with a sign.
COUNTS = st.integers(0, 2**63 - 1)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
RUN_UIDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    st.none() | st.booleans() | INTEGERS | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(TEXT, TREES, max_size=3)
KEYS = st.builds(AttemptKey, TEXT, TEXT, TEXT, COUNTS, COUNTS)
ARTIFACTS = st.builds(
    Artifact, id=st.text("0123456789abcdef", min_size=64, max_size=64), size_bytes=COUNTS, created=st.floats(0, 1e12)
)
FILES = st.sampled_from(["image.png", "results/fit.json"])
RUNS = st.builds(Run, RUN_UIDS, st.none() | WHOLE, st.booleans(), st.none() | TEXT)

# What each field of each message may be; a field that is missing here makes the test of its message fail.
FIELDS = {
    **dict.fromkeys(("version", "pid", "epoch"), INTEGERS),
    **dict.fromkeys(
        (
            "lane",
            "incarnation",
            "exit_status",
            "order",
            "message",
            "traceback",
            "reason",
            "text",
            "task_uid",
            "plan_name",
            "host",
            "metrics_error",
        ),
        TEXT,
    ),
    **dict.fromkeys(("time", "time_start", "time_stop"), NUMBERS),
    **dict.fromkeys(("number", "dropped", "greeting", "points", "omitted"), COUNTS),
    "run_uid": RUN_UIDS,
    "file": st.sampled_from(["", "runs/2026-11/a.jsonl"]),
    "num_events": st.dictionaries(TEXT, COUNTS, max_size=3),
    "metrics": st.dictionaries(TEXT, WHOLE | NUMBERS | TEXT, max_size=3),
    "extraction": st.none() | st.builds(Extraction, outputs=st.lists(FILES, max_size=2).map(tuple)),
    "stopped": st.lists(TEXT, max_size=3).map(tuple),
    **dict.fromkeys(
        ("failed", "not_reached"), st.lists(st.builds(DeviceNote, device=TEXT, reason=TEXT), max_size=3).map(tuple)
    ),
    **dict.fromkeys(("devices_s", "halt_after_s"), st.floats(0, 1e9, exclude_min=True)),
    "main_thread_age_s": st.floats(0, allow_nan=False, allow_infinity=False),
    "total": st.none() | COUNTS,
    "scan_id": st.none() | WHOLE,
    "next_report": st.integers(1, 2**63),
    "environment": st.sampled_from(["loading", "open", "failed"]),
    "outcome": st.sampled_from(OUTCOMES),
    **dict.fromkeys(("first", "success", "in_background"), st.booleans()),
    "task": st.sampled_from(["function", "script", "update"]),
    "tasks": st.lists(TEXT, max_size=3).map(tuple),
    "values": MAPS,
    "return_value": TREES,
    "catalog": st.sampled_from(["plans", "devices", "dags"]),
    "artifacts": st.lists(st.builds(ManifestEntry, name=RUN_UIDS, artifact=ARTIFACTS), max_size=2).map(tuple),
    "entries": st.dictionaries(TEXT, MAPS, max_size=3),
    "content": MAPS,
    "runs": st.lists(RUNS, max_size=3).map(tuple),
    "run_uids": st.lists(TEXT, max_size=3).map(tuple),
    "scan_ids": st.lists(WHOLE, max_size=3).map(tuple),
    "claims": st.none() | st.lists(TEXT, max_size=3).map(tuple),
    "device": TEXT,
    "question": st.integers(1, 2**63),
    "timeout_s": st.floats(0, 1e9, exclude_min=True),
    "readings": st.none() | st.dictionaries(TEXT, MAPS, max_size=2),
    "running": st.none() | RUN_UIDS,
    "ends": st.dictionaries(RUN_UIDS, TEXT, max_size=3),
}
OPTIONAL_KEYS = ("hello", "re_state_changed")
OPTIONS = {"pause": ["deferred", "immediate"], "continue": ["resume", "stop", "abort", "halt"]}


def messages(each):
    """Return a strategy of messages of a class, every field drawn."""
    kind = each.model_fields["kind"].default
    special = {
        "kind": st.just(kind),
        "attempt": st.none() | KEYS if kind in OPTIONAL_KEYS else KEYS,
        "option": st.sampled_from(OPTIONS.get(kind, ["none"])),
        "re_state": st.none() | TEXT if kind == "hello" else TEXT,
    }
    if kind in ("stop_report", "emergency_stop"):
        special |= dict.fromkeys(("order", "number"), st.integers(1, 2**63))
    if kind in ("read_device", "device_reading"):
        special |= {"epoch": COUNTS, "number": st.integers(1, 2**63)}
    if kind == "lane_standing":
        special["lane"] = RUN_UIDS
    return st.builds(each, **{name: {**FIELDS, **special}[name] for name in each.model_fields})


FROM_WORKER, TO_WORKER = get_args(FromWorker), get_args(ToWorker)
READERS = {**dict.fromkeys(FROM_WORKER, read_from_worker), **dict.fromkeys(TO_WORKER, read_to_worker)}
MESSAGES = {each: messages(each) for each in READERS}
MESSAGE = st.one_of(*MESSAGES.values())


@pytest.mark.parametrize("each", READERS, ids=lambda each: each.__name__)
def test_every_field_of_every_message_is_drawn(each):
    assert set(each.model_fields) <= {*FIELDS, "kind", "attempt", "option", "re_state"}


@settings(max_examples=150)
@given(MESSAGE)
def test_a_message_survives_its_way(message):
    assert READERS[type(message)](pack(message)) == message


@settings(max_examples=50)
@given(MESSAGE)
def test_a_message_of_one_direction_is_refused_in_the_other(message):
    other = read_from_worker if type(message) in TO_WORKER else read_to_worker
    with pytest.raises(EnvelopeError):
        other(pack(message))


@settings(max_examples=60)
@given(MESSAGE, st.data())
def test_a_message_without_a_field_it_needs_is_refused(message, data):
    needed = [name for name, info in type(message).model_fields.items() if info.is_required()]
    raw = message.model_dump()
    raw.pop(data.draw(st.sampled_from([*needed, "kind"])))
    with pytest.raises(EnvelopeError):
        READERS[type(message)](encode(raw, "msgpack"))


@settings(max_examples=100)
@given(MESSAGE, st.data())
def test_a_message_with_a_strange_field_is_a_message_or_is_refused(message, data):
    raw = message.model_dump()
    raw[data.draw(st.sampled_from(sorted(raw)) | TEXT)] = data.draw(TREES | st.binary(max_size=3) | st.floats())
    try:
        read = READERS[type(message)](encode(raw, "msgpack"))
    except EnvelopeError:
        return
    assert READERS[type(read)] is READERS[type(message)]


JUNK = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats() | TEXT | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 5), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | JUNK.map(msgpack.packb), st.sampled_from([read_from_worker, read_to_worker]))
def test_junk_is_refused_with_one_kind_of_error(frame, read):
    with pytest.raises(EnvelopeError):
        read(frame)
