"""Registered devices: kept as they are, in order, marked as deleted for good, with generations that never go back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.devices import LONGEST_PARAMETER_BYTES, DeviceToken
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from tests.doubles.exam_records import CREATED, identity
from tests.doubles.registered_devices import OTHER_DIGEST, device, full_device


@pytest.fixture
def keep(store):
    """Write devices."""

    async def write(*devices):
        await store.transact(lambda tx: [tx.add_device(each) for each in devices])

    return write


@pytest.fixture
def find(store):
    """Read a device by the name that its id stands for."""

    async def read(name):
        return await store.transact(lambda tx: tx.device(identity(name)))

    return read


@pytest.fixture
def listed(store):
    """Read the names of all devices, page by page."""

    async def read(limit=2):
        names, cursor = [], None
        while True:
            part = await store.transact(lambda tx, at=cursor: tx.devices(limit=limit, cursor=at))
            assert len(part.entries) <= limit
            names += [each.name for _, each in part.entries]
            if not part.has_more:
                return names
            cursor = part.entries[-1][0]

    return read


@pytest.mark.parametrize("made", [device(), full_device(), device(token=None), device(token=None, deleted=CREATED)])
async def test_what_is_read_is_what_was_written(made, keep, find):
    await keep(made)
    assert await find(made.name) == made


async def test_what_is_not_there_is_none(find, listed, store):
    assert await find("scanner") is None
    assert await listed() == []
    assert await store.transact(lambda tx: tx.count_devices()) == 0


@pytest.mark.parametrize("parameter", [{"x": float("inf")}, {"x": 2**70}, {"x": [1, [2, {"y": None}]]}, {}])
async def test_parameters_are_kept_to_the_bit(parameter, keep, find):
    await keep(device(parameter=parameter))
    assert (await find("scanner")).parameter == parameter


@pytest.mark.parametrize("deleted", [None, CREATED])
async def test_an_id_is_given_once(deleted, keep, find):
    first = device(token=None, deleted=deleted)
    await keep(first)
    with pytest.raises(ConflictError):
        await keep(device(description="another one"))
    assert await find("scanner") == first


async def test_a_change_replaces_what_was_there_at_the_same_place(keep, find, listed, store):
    await keep(device("a"), full_device("b"), device("c"))
    changed = replace(full_device("b"), name="d", generation=8, token=DeviceToken(OTHER_DIGEST), parameter=None)
    await store.transact(lambda tx: tx.change_device(changed))
    assert await find("b") == changed
    assert await listed() == ["a", "d", "c"]


REFUSED = {
    "of a device that is not there": (device("other"), NotFoundError),
    "of who has made it": (device(generation=7, creator="bob"), ConflictError),
    "of when it was made": (device(generation=7, created=CREATED + 1), ConflictError),
    "back in generations": (device(generation=6), ConflictError),
    "that is too large": (device(generation=7, parameter={"x": "ä" * (LONGEST_PARAMETER_BYTES // 2)}), ParameterError),
    "that is no JSON": (device(generation=7, parameter={"x": b"bytes"}), ParameterError),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_no_change(what, keep, find, store):
    present = device(generation=7)
    await keep(present)
    changed, error = REFUSED[what]
    with pytest.raises(error):
        await store.transact(lambda tx: tx.change_device(changed))
    assert await find("scanner") == present


async def test_a_deleted_device_never_changes_again(keep, find, store):
    deleted = device(token=None, deleted=CREATED)
    await keep(deleted)
    for changed in (device(), device(token=None, deleted=CREATED + 1)):
        with pytest.raises(ConflictError, match="was deleted"):
            await store.transact(lambda tx, each=changed: tx.change_device(each))
    assert await find("scanner") == deleted


async def test_a_device_that_is_too_large_is_not_written(keep, find):
    with pytest.raises(ParameterError, match=str(LONGEST_PARAMETER_BYTES)):
        await keep(device(registered_parameter={"x": "x" * LONGEST_PARAMETER_BYTES}))
    assert await find("scanner") is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_devices_are_listed_in_the_order_in_which_they_were_made(limit, keep, listed, store):
    await keep(*(device(name) for name in "dacb"), device("x", token=None, deleted=CREATED), device("e"))
    assert await listed(limit) == list("dacbe")
    assert await store.transact(lambda tx: tx.count_devices()) == 5


async def test_a_list_goes_on_where_a_device_was_deleted(keep, store):
    await keep(*(device(name) for name in "abc"))
    cursor = (await store.transact(lambda tx: tx.devices(limit=2))).entries[-1][0]
    await store.transact(lambda tx: tx.change_device(device("b", token=None, deleted=CREATED)))
    part = await store.transact(lambda tx: tx.devices(limit=2, cursor=cursor))
    assert ([each.name for _, each in part.entries], part.has_more) == (["c"], False)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.2", "9" * 19, "\u0661"])
async def test_a_cursor_that_no_list_gives_is_refused(cursor, store):
    with pytest.raises(ParameterError, match="next_cursor"):
        await store.transact(lambda tx: tx.devices(limit=1, cursor=cursor))


async def test_what_fails_half_way_leaves_nothing(keep, find, listed, store):
    await keep(device("a"))

    def work(tx):
        tx.add_device(device("b"))
        tx.change_device(device("a", generation=1))
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await store.transact(work)
    assert (await find("a")).generation == 0
    assert await listed() == ["a"]
    await keep(device("c"))
    assert await listed() == ["a", "c"]
