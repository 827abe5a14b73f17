"""Both stores do the same with devices, by random histories with changes that are refused or undone."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.devices import DeviceToken
from queue_server.protocol.errors import CuelightError
from queue_server.storage.directory import DataDirectory
from queue_server.storage.integrity import examine
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.exam_records import identity
from tests.doubles.registered_devices import DIGEST, OTHER_DIGEST, device
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

NAMES = st.sampled_from("abc")
TIMES = st.none() | st.floats(0, 2e9)
TOKENS = st.none() | st.builds(DeviceToken, st.just(DIGEST)) | st.just(DeviceToken(DIGEST, OTHER_DIGEST, 5.0))
PARAMETERS = st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.floats() | st.text(max_size=3))
CHANGES = st.fixed_dictionaries(
    {"token": TOKENS, "generation": st.integers(0, 3), "last_seen": TIMES, "updated": TIMES, "parameter": PARAMETERS},
    optional={"creator": st.just("bob"), "deleted": TIMES, "last_address": st.none() | st.text(max_size=5)},
)
STEPS = st.tuples(st.sampled_from(["add", "change", "change", "undone"]), NAMES, CHANGES)


def made(name, changes):
    """Return the device of a step; a deleted one has no token."""
    return device(name, **(changes | ({"token": None} if changes.get("deleted") is not None else {})))


def take(step, tx):
    """Do a step; return what it comes to."""
    kind, name, changes = step
    try:
        with tx.savepoint():
            if kind == "add":
                tx.add_device(made(name, changes))
            elif kind == "change":
                tx.change_device(made(name, changes))
            else:
                tx.add_device(made(f"{name} undone", changes))
                tx.change_device(replace(made(name, changes), generation=9))
                raise CuelightError("undone")
    except CuelightError as error:
        return type(error), error.message
    return "done"


def look(tx):
    """Return everything that a store tells, as text, in which numbers that are not finite are equal to themselves."""
    pages = [tx.devices(limit=limit, cursor=cursor) for limit in (1, 2, 9) for cursor in (None, "1", "2")]
    kept = [tx.device(identity(f"{name}{more}")) for name in "abc" for more in ("", " undone")]
    return repr((tx.count_devices(), pages, kept)), [each.token for each in kept if each]


@settings(max_examples=rounds(15, 500), deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_both_stores_agree_and_what_is_on_disk_is_sound(steps):
    async def compare():
        injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
        memory = open_memory(**injected)
        with place_in_memory() as place:
            disk = open_sqlite(place / "data", **injected)
            for step in steps:
                outcomes = [await store.transact(lambda tx, at=step: take(at, tx)) for store in (memory, disk)]
                assert outcomes[0] == outcomes[1]
            assert await memory.transact(look) == await disk.transact(look)
            await disk.close()
            assert examine(DataDirectory(place / "data").database)[1] == []

    asyncio.run(compare())
