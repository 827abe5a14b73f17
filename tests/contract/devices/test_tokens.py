"""Tokens of devices: told once, kept as digests only, imported, rotated with and without grace, and revoked."""

from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import asdict

from queue_server.protocol.codec import decode
from queue_server.protocol.devices import LONGEST_TOKEN, MOST_DEVICES, digest_token
from tests.contract.devices.conftest import NEW
from tests.doubles.bench import PATIENCE_S, USER
from tests.doubles.exam_records import identity
from tests.doubles.registered_devices import OTHER_TOKEN, TOKEN, device

KEY = {"idempotency_key": "the key"}
SCANHUB_TOKEN = "a1" * 1024


async def send(bench, method, **params):
    """Send a request under the key."""
    async with asyncio.timeout(PATIENCE_S):
        return decode(await bench.request(method, "json", KEY, **params))[0]


async def everything(bench):
    """Return all that the store keeps, that was published, and that the status shows, as one text."""
    stored, events = await bench.store.transact(lambda tx: (tx.stored_reply("the key"), tx.events(0, 1000)))
    devices = [asdict(each) for _, each in (await bench.store.transact(lambda tx: tx.devices(limit=100))).entries]
    published = [entry for entry in bench.journal if entry[0] != "reply"]
    return repr([stored, events, devices, published, bench.status])


async def test_a_new_device_has_a_token_that_connects_it(bench):
    device_id, token = await bench.create(user="anna")
    assert len(token) == 64
    reply = await bench.connect(device_id, token)
    assert (reply["success"], reply["generation"], reply["name"]) == (True, 1, NEW["name"])
    kept = await bench.kept(device_id)
    assert (kept.creator, kept.token.digest, kept.deleted) == ("anna", digest_token(token), None)


async def test_two_devices_of_one_name_are_two_with_tokens_of_their_own(bench):
    one, other = await bench.create(), await bench.create()
    assert one[0] != other[0]
    assert one[1] != other[1]
    assert (await bench.connect(one[0], other[1]))["success"] is False


@pytest.mark.parametrize("field", NEW)
@pytest.mark.parametrize("text", ["", "  "])
async def test_a_device_has_a_name_and_a_description(bench, field, text):
    refused = await bench.refuse("device_create", **{**NEW, field: text})
    assert (refused["error"]["code"], refused["error"]["details"]["field"]) == ("invalid_parameter", field)
    assert refused["device_token"] == ""


async def test_the_number_of_devices_is_bounded(bench):
    def fill(tx):
        for number in range(MOST_DEVICES):
            tx.add_device(device(f"device {number}"))

    await bench.store.transact(fill)
    assert (await bench.refuse("device_create", **NEW))["error"]["code"] == "refused"
    await bench.do("device_delete", device_id=identity("device 5"))
    await bench.create()


@pytest.mark.parametrize("method", ["device_create", "device_rotate_token"])
async def test_a_token_is_kept_nowhere_and_told_no_second_time(bench, scanner, method):
    params = NEW if method == "device_create" else {"device_id": scanner}
    first = await send(bench, method, **params)
    assert first["success"] is True, first["msg"]
    told = await bench.told()
    again = await send(bench, method, **params)
    assert (again["success"], again["error"]["code"]) == (False, "told_once")
    assert (again["device_id"], again["device_token"]) == (first["device_id"], "")
    assert "'device_token'" in again["msg"]
    assert await bench.told() == told
    assert first["device_token"] not in await everything(bench)
    other = await send(bench, "device_create", name="x", description="another request")
    assert other["error"]["code"] == "conflict"


async def test_what_is_known_of_a_token_is_shown_to_nobody(bench):
    device_id, token = await bench.create()
    await bench.do("device_rotate_token", device_id=device_id, grace_s=60.0)
    shown = json.dumps([await bench.get(device_id), await bench.do("device_list"), await bench.told()])
    assert token not in shown
    assert digest_token(token) not in shown
    assert (await bench.kept(device_id)).token.digest not in shown


# --- import ---------------------------------------------------------------------------------------------------------


async def test_the_token_of_another_system_connects_a_device_that_is_registered_with_it(bench):
    imported = identity("imported")
    params = {"device_id": imported.upper(), "device_token": SCANHUB_TOKEN, "name": "old", "description": "ScanHub"}
    reply = await bench.do("device_token_import", **params, **USER)
    assert (reply["device"]["id"], reply["device"]["name"], reply["device"]["creator"]) == (imported, "old", "jdoe")
    assert (await bench.connect(imported, SCANHUB_TOKEN))["generation"] == 1
    assert SCANHUB_TOKEN not in await everything(bench)
    assert [kind for kind, _ in await bench.told()] == [
        "device_created",
        "device_token_imported",
        "device_connected",
    ]


async def test_an_imported_token_takes_the_place_of_the_one_before(bench, scanner):
    reply = await bench.do("device_token_import", device_id=scanner, device_token=OTHER_TOKEN)
    assert reply["device"]["name"] == "scanner"
    assert (await bench.connect(scanner, TOKEN))["success"] is False
    assert (await bench.connect(scanner, OTHER_TOKEN))["success"] is True


async def test_a_repetition_of_an_import_has_the_same_answer(bench, scanner):
    params = {"device_id": scanner, "device_token": OTHER_TOKEN}
    first = await send(bench, "device_token_import", **params)
    assert first["success"] is True
    assert await send(bench, "device_token_import", **params) == first
    assert OTHER_TOKEN not in await everything(bench)


@pytest.mark.parametrize("token", ["x" * 31, "x" * (LONGEST_TOKEN + 1), "x" * 40 + " ", "ä" * 40, "", "x" * 10_000])
async def test_a_token_that_is_not_safe_is_refused_and_not_repeated(bench, scanner, token):
    refused = await bench.refuse("device_token_import", device_id=scanner, device_token=token)
    assert refused["error"]["details"]["field"] == "device_token"
    assert not token or token not in refused["msg"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"device_id": "no uuid"}, "invalid_parameter"),
        ({"device_id": identity("unknown")}, "not_found"),
        ({"device_id": identity("unknown"), "name": " "}, "not_found"),
        ({"device_id": identity("deleted"), "name": "again"}, "conflict"),
    ],
)
async def test_a_token_of_no_device_is_refused(bench, params, code):
    await bench.store.transact(lambda tx: tx.add_device(device("deleted", token=None, deleted=1.0)))
    refused = await bench.refuse("device_token_import", device_token=TOKEN, **params)
    assert refused["error"]["code"] == code


# --- rotation -------------------------------------------------------------------------------------------------------


async def test_without_grace_the_token_until_now_ends_at_once(bench, scanner):
    rotated = await bench.do("device_rotate_token", device_id=scanner)
    assert (await bench.connect(scanner, TOKEN))["success"] is False
    assert (await bench.connect(scanner, rotated["device_token"]))["success"] is True
    assert (await bench.told())[0] == (
        "device_token_rotated",
        {"device_id": scanner, "name": "scanner", "grace_s": 0.0},
    )


async def test_both_tokens_work_during_the_grace_and_one_of_them_after_it(bench, scanner):
    rotated = await bench.do("device_rotate_token", device_id=scanner, grace_s=60.0)
    assert (await bench.get(scanner))["previous_token_until"] is not None
    bench.clock.advance(59.5)
    assert (await bench.connect(scanner, TOKEN))["success"] is True
    assert (await bench.connect(scanner, rotated["device_token"]))["success"] is True
    bench.clock.advance(0.5)
    assert (await bench.connect(scanner, TOKEN))["success"] is False
    assert (await bench.connect(scanner, rotated["device_token"]))["success"] is True


@pytest.mark.parametrize("grace_s", [-1.0, 86_401.0, float("nan")])
async def test_a_grace_has_bounds(bench, scanner, grace_s):
    refused = await bench.refuse("device_rotate_token", device_id=scanner, grace_s=grace_s)
    assert refused["error"]["details"]["field"] == "grace_s"


@pytest.mark.parametrize("method", ["device_rotate_token", "device_token_import"])
async def test_a_busy_device_is_not_cut_off_by_a_new_token(bench, scanner, busy, method):
    params = {"device_id": scanner, **({"device_token": OTHER_TOKEN} if method == "device_token_import" else {})}
    refused = await bench.refuse(method, **params)
    assert (refused["error"]["code"], "grace" in refused["msg"]) == ("wrong_state", True)
    assert (await bench.ask(method, **params, grace_s=1.0))["success"] is True


# --- revocation -----------------------------------------------------------------------------------------------------


async def test_a_revoked_token_connects_nothing_until_there_is_a_new_one(bench, scanner, busy):
    await bench.do("device_rotate_token", device_id=scanner, grace_s=60.0)
    assert (await bench.get(scanner))["has_token"] is True
    await bench.do("device_revoke_token", device_id=scanner)
    assert (await bench.get(scanner))["has_token"] is False
    assert (await bench.connect(scanner, TOKEN))["error"]["code"] == "wrong_credential"
    await bench.do("device_revoke_token", device_id=scanner)
    assert [kind for kind, _ in await bench.told()] == ["device_token_rotated", "device_token_revoked"]
    renewed = await bench.do("device_rotate_token", device_id=scanner, grace_s=60.0)
    assert (await bench.connect(scanner, TOKEN))["success"] is False
    assert (await bench.connect(scanner, renewed["device_token"]))["success"] is True
