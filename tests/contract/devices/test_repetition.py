"""Every method that changes devices can be repeated under its key: one effect, and the same answer or a refusal."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.protocol.codec import decode, encode
from queue_server.protocol.methods import METHODS
from queue_server.protocol.peer import DELEGATE
from tests.contract.devices.conftest import NEW
from tests.doubles.bench import PATIENCE_S, USER
from tests.doubles.registered_devices import DIGEST, OTHER_TOKEN

CASES = {
    "device_create": NEW,
    "device_token_import": {"device_id": "scanner", "device_token": OTHER_TOKEN},
    "device_rotate_token": {"device_id": "scanner"},
    "device_revoke_token": {"device_id": "scanner"},
    "device_delete": {"device_id": "scanner"},
    "device_parameter_set": {"device_id": "scanner", "parameter": {"a": 1}},
    "device_describe": {"device_id": "scanner", "generation": 1, "parameter": {"a": 1}},
    "device_connect": {"device_id": "scanner", "token_sha256": DIGEST},
    "device_set": {"name": "det1", "value": 1, **USER},
    "device_stop": {"name": "det1", **USER},
}


async def send(bench, method, params):
    """Send a request of a gateway under the key."""
    reply = asyncio.get_running_loop().create_future()
    message = {"method": method, "params": params, "idempotency_key": "the key"}
    bench.dispatcher.take(encode(message), reply.set_result, DELEGATE)
    async with asyncio.timeout(PATIENCE_S):
        return decode(await reply)[0]


def test_every_method_that_changes_devices_is_tested_here():
    changing = {name for name, method in METHODS.items() if name.startswith("device_") and method.changes}
    assert set(CASES) == changing


@pytest.mark.parametrize("method", CASES)
async def test_a_repetition_has_no_second_effect(method, bench, scanner):
    params = {name: scanner if value == "scanner" else value for name, value in CASES[method].items()}
    if method in ("device_set", "device_stop"):
        await bench.open()
    if method == "device_describe":
        await bench.as_gateway("device_connect", device_id=scanner, token_sha256=DIGEST)
    first = await send(bench, method, params)
    assert first["success"] is True, first["msg"]
    after = await bench.do("device_list"), await bench.told(), await bench.kept(scanner)
    again = await send(bench, method, params)
    if METHODS[method].told_once:
        assert again["error"]["code"] == "told_once"
    else:
        assert again == first
    assert (await bench.do("device_list"), await bench.told(), await bench.kept(scanner)) == after
    other = await send(bench, "device_create", {**NEW, "name": "another request"})
    assert other["error"]["code"] == "conflict"


async def test_two_at_once_under_one_key_make_one_device(bench):
    replies = await asyncio.gather(*(send(bench, "device_create", NEW) for _ in range(2)))
    assert sorted(reply["success"] for reply in replies) == [False, True]
    assert len((await bench.do("device_list"))["devices"]) == 1
