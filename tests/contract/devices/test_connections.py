"""Devices that connect: whose word is accepted, generations that only grow, and what a device tells of itself."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.protocol.devices import digest_token
from queue_server.storage.memory import MemoryStore
from tests.contract.devices.conftest import DeviceBench
from tests.doubles.exam_records import identity
from tests.doubles.registered_devices import DIGEST, OTHER_DIGEST, OTHER_TOKEN, TOKEN, device

DETAILS = {"device_name": "low field", "serial_number": "1", "manufacturer": "ACME", "modality": "MR", "site": "here"}


@pytest.fixture
async def others(bench):
    """A device whose token was revoked, and one that was deleted."""

    def add(tx):
        tx.add_device(device("revoked", token=None))
        tx.add_device(device("deleted", token=None, deleted=1.0))

    await bench.store.transact(add)


@pytest.mark.parametrize("method", ["device_connect", "device_describe"])
async def test_only_a_gateway_speaks_for_a_device(bench, scanner, method):
    more = {"token_sha256": DIGEST} if method == "device_connect" else {"generation": 1}
    refused = await bench.refuse(method, device_id=scanner, **more)
    assert refused["error"]["code"] == "forbidden"
    assert (await bench.kept(scanner)).generation == 0


async def test_each_connection_has_the_next_generation_and_is_recorded(bench, scanner):
    bench.clock.advance(5)
    replies = [await bench.connect(scanner, TOKEN, f"192.0.2.{number}") for number in range(3)]
    assert [reply["generation"] for reply in replies] == [1, 2, 3]
    kept = await bench.kept(scanner)
    assert (kept.generation, kept.last_address, kept.last_seen) == (3, "192.0.2.2", bench.clock.wall())
    assert kept.updated is None
    known = {"device_id": scanner, "name": "scanner", "generation": 3, "address": "192.0.2.2"}
    assert (await bench.told())[-1] == ("device_connected", known)


async def test_a_generation_outlives_the_manager(bench, scanner):
    await bench.connect(scanner, TOKEN)
    store = bench.store
    await bench.end()
    again = await DeviceBench.begin(store.reopen() if isinstance(store, MemoryStore) else store)
    assert (await again.connect(scanner, TOKEN))["generation"] == 2
    await again.end()


@pytest.mark.parametrize(
    ("device_id", "digest"),
    [
        (identity("scanner"), OTHER_DIGEST),
        (identity("unknown"), DIGEST),
        (identity("unknown"), "0" * 64),
        (identity("revoked"), DIGEST),
        (identity("revoked"), "0" * 64),
        (identity("deleted"), DIGEST),
        (identity("deleted"), "0" * 64),
        ("no uuid", DIGEST),
        ("", DIGEST),
    ],
)
async def test_whatever_is_wrong_is_refused_in_the_same_words_and_changes_nothing(
    bench, scanner, others, device_id, digest
):
    before = await bench.rows(), await bench.kept(scanner)
    refused = await bench.as_gateway("device_connect", device_id=device_id, token_sha256=digest, address="a")
    assert (refused["success"], refused["error"]["code"]) == (False, "wrong_credential")
    assert refused["msg"] == "Failed to connect the device: No device has this id and this token."
    assert refused["generation"] == 0
    assert (await bench.rows(), await bench.kept(scanner)) == before


@pytest.mark.parametrize("digest", ["x" * 64, DIGEST.upper(), DIGEST + "0", TOKEN[:10], ""])
async def test_a_digest_of_a_wrong_form_is_refused_without_being_repeated(bench, scanner, digest):
    refused = await bench.as_gateway("device_connect", device_id=scanner, token_sha256=digest)
    assert refused["error"]["details"]["field"] == "token_sha256"
    assert not digest or digest not in refused["msg"]


async def test_an_id_may_be_written_in_capitals(bench, scanner):
    assert (await bench.connect(scanner.upper(), TOKEN))["success"] is True


# --- what a device tells ------------------------------------------------------------------------------------------


@pytest.fixture
async def connected(bench, scanner):
    """A device that has connected for the first time."""
    await bench.connect(scanner, TOKEN)
    return scanner


async def describe(bench, connected, generation: Any = 1, **told: Any):
    return await bench.as_gateway("device_describe", device_id=connected, **{"generation": generation, **told})


async def test_what_a_device_tells_is_shown(bench, connected):
    bench.clock.advance(5)
    told = {"details": {**DETAILS, "status": "ONLINE", "colour": 3}, "parameter": {"frequency": 2.1}}
    reply = await describe(bench, connected, **told)
    assert (reply["registered_parameter"], reply["effective_parameter"]) == 2 * ({"frequency": 2.1},)
    assert (reply["parameter"], reply["generation"]) == (None, 1)
    shown = await bench.get(connected)
    assert {name: shown[name] for name in DETAILS} == DETAILS
    assert (shown["registered_parameter"], shown["parameter"]) == ({"frequency": 2.1}, None)
    assert (shown["status"], "colour" in shown) == ("OFFLINE", False)
    assert shown["datetime_updated"] == shown["last_seen"]
    assert (await bench.told())[-1][1]["changed"] == ["details", "registered_parameter"]


async def test_null_changes_nothing_and_is_no_event(bench, connected):
    await describe(bench, connected, details=DETAILS, parameter={"a": 1})
    before, events = await bench.get(connected), await bench.told()
    bench.clock.advance(5)
    for told in ({}, {"details": dict.fromkeys(DETAILS)}, {"details": DETAILS, "parameter": {"a": 1}}):
        assert (await describe(bench, connected, **told))["success"] is True
    after = await bench.get(connected)
    assert after["last_seen"] > before["last_seen"]
    assert {**after, "last_seen": before["last_seen"]} == before
    assert await bench.told() == events


@pytest.mark.parametrize(("first", "then"), [({"a": 1}, {"a": True}), ({"a": 1}, {"a": 1.0}), ({"a": None}, {})])
async def test_values_that_python_takes_for_equal_are_told_apart(bench, connected, first, then):
    await describe(bench, connected, parameter=first)
    await describe(bench, connected, parameter=then)
    assert repr((await bench.kept(connected)).registered_parameter) == repr(then)


async def test_what_people_have_set_stands_above_what_a_device_tells(bench, connected):
    await bench.do("device_parameter_set", device_id=connected, parameter={"by": "people"})
    for told in ({"by": "device"}, None, {}):
        reply = await describe(bench, connected, details={"site": str(told)}, parameter=told)
        assert reply["parameter"] == reply["effective_parameter"] == {"by": "people"}
    assert (await bench.get(connected))["registered_parameter"] == {}


@pytest.mark.parametrize("generation", [1, 3])
async def test_a_device_that_has_connected_again_since_tells_nothing_new(bench, connected, generation):
    await bench.connect(connected, TOKEN)
    before = await bench.kept(connected)
    refused = await describe(bench, connected, generation, details=DETAILS)
    assert (refused["error"]["code"], refused["error"]["details"]) == ("stale", {"generation": 2})
    assert await bench.kept(connected) == before


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"details": {"site": 5}}, "details.site"),
        ({"details": {"device_name": "x" * 257}}, "details.device_name"),
        ({"details": ["site"]}, "details"),
        ({"parameter": "x"}, "parameter"),
        ({"parameter": {"large": "x" * 300_000}}, "parameter"),
        ({"generation": 0}, "generation"),
    ],
)
async def test_what_does_not_fit_is_named_and_changes_nothing(bench, connected, told, field):
    before = await bench.kept(connected)
    refused = await describe(bench, connected, **told)
    assert refused["error"]["code"] == "invalid_parameter"
    assert refused["error"]["details"]["field"] == field
    assert await bench.kept(connected) == before


async def test_a_device_that_is_not_there_tells_nothing(bench, others):
    for name in ("unknown", "deleted"):
        assert (await describe(bench, identity(name)))["error"]["code"] == "not_found"


async def test_the_digest_is_that_of_the_text(bench):
    device_id, token = await bench.create()
    assert (await bench.kept(device_id)).token.digest == digest_token(token) != digest_token(OTHER_TOKEN)
