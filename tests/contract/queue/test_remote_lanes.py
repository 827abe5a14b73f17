"""The lane of a scanner: it comes with the registration, and what is queued runs when the scanner is there."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Dismiss, EnvironmentClosed, Execute, ItemFinished, Welcome
from tests.doubles.bench import USER, Bench, plan

KWARGS = {"sequence_id": "7", "expected_uploads": 0}
SCAN = {"item_type": "acquisition", "name": "localizer", "kwargs": KWARGS}


@pytest.fixture
async def bench(store):
    """A manager that serves, on an empty store."""
    async with Bench.on(store) as bench:
        yield bench


@pytest.fixture
async def scanner(bench):
    """The worker of a scanner that is registered and away."""
    return bench.in_lane((await bench.do("device_create", name="MR 1", description="room 3"))["device_id"])


@pytest.fixture
async def connected(scanner):
    """The same, connected."""
    scanner.hello(incarnation="mr.1", re_state="ready")
    await scanner.settle()
    return scanner


async def add(scanner, **more):
    """Add a scan; return its uid."""
    reply = await scanner.do("queue_item_add", item={**SCAN, **more}, **scanner.named, **USER)
    return reply["item"]["item_uid"]


def started(scanner):
    """Return the items that were sent to the scanner."""
    return [order.attempt.item_uid for order in scanner.sent(Execute) if order.attempt.lane == scanner.lane_name]


async def device(scanner):
    """Return how the device is shown."""
    return (await scanner.do("device_get", device_id=scanner.lane_name))["device"]


async def test_a_scan_waits_for_its_device_and_runs_when_that_connects(scanner):
    uid = await add(scanner)
    assert (await device(scanner))["status"] == "OFFLINE"
    assert started(scanner) == []
    scanner.hello(incarnation="mr.1", re_state="ready")
    await scanner.settle()
    assert started(scanner) == [uid]
    assert (await device(scanner))["status"] == "BUSY"


async def test_scans_run_one_after_the_other(connected):
    uids = [await add(connected) for _ in range(3)]
    for count in (1, 2, 3):
        assert started(connected) == uids[:count]
        await connected.finish()
    assert (await device(connected))["status"] == "ONLINE"


async def test_a_failed_scan_holds_the_lane_until_somebody_releases_it(connected):
    await add(connected)
    after = await add(connected)
    await connected.finish("failed", message="the gradient is too hot")
    assert connected.lane.condition == "held"
    assert "the gradient is too hot" in (await device(connected))["reason"]
    [copy, _] = await connected.uids()
    await connected.do("queue_item_remove", uid=copy, **connected.named)
    assert started(connected)[-1] == after


async def test_a_scan_that_was_lost_is_completed_by_what_the_device_says_later(connected):
    uid = await add(connected)
    after = await add(connected)
    key = connected.key
    connected.hello(incarnation="mr.2", re_state="ready")
    await connected.settle()
    assert [type(message) for _, message in connected.noted("send")[-2:]] == [Dismiss, Welcome]
    assert (await device(connected))["condition"] == "unresolved"
    assert started(connected) == [uid]
    times = {"time_start": 1.0, "time_stop": 2.0}
    await connected.report(ItemFinished, attempt=key, outcome="completed", message="all files arrived", **times)
    [entry] = (await connected.do("history_get", name="localizer"))["items"]
    assert entry["result"]["exit_status"] == "completed"
    assert entry["result"]["resolution"]["by"] == "the device"
    assert started(connected) == [uid, after]


async def test_a_scan_that_was_lost_is_resolved_by_a_person(connected):
    uid = await add(connected)
    after = await add(connected)
    await connected.exit("nothing was heard of it for 60 s")
    connected.hello(incarnation="mr.2", re_state="ready")
    await connected.settle()
    assert started(connected) == [uid]
    await connected.do("history_item_resolve", item_uid=uid, outcome="completed", reason="the images are there")
    assert started(connected) == [uid, after]


async def test_what_another_attempt_says_late_resolves_nothing(connected):
    await add(connected)
    key = connected.key
    await connected.exit()
    connected.hello(incarnation="mr.2", re_state="ready")
    times = {"time_start": 1.0, "time_stop": 2.0}
    for other in (key.__class__(key.item_uid, key.submission, key.lane, 2, 1), key):
        outcome = "unknown" if other is key else "completed"
        await connected.report(ItemFinished, attempt=other, outcome=outcome, **times)
    [entry] = (await connected.do("history_get", name="localizer"))["items"]
    assert entry["result"]["exit_status"] == "unknown"


async def test_a_device_that_leaves_in_order_is_offline_and_its_queue_waits(connected):
    await connected.report(EnvironmentClosed)
    uid = await add(connected)
    assert (await device(connected))["status"] == "OFFLINE"
    connected.hello(incarnation="mr.2", re_state="ready")
    await connected.settle()
    assert started(connected) == [uid]


async def test_lane_and_queue_outlive_the_manager(store, scanner):
    uid = await add(scanner)
    await scanner.end()
    bench = await Bench.begin(store)
    again = bench.in_lane(scanner.lane_name)
    assert await again.uids() == [uid]
    again.hello(incarnation="mr.2", re_state="ready")
    await again.settle()
    assert started(again) == [uid]
    await bench.end()


async def test_plans_are_refused_in_the_lane_of_a_device_and_scans_elsewhere(scanner):
    reply = await scanner.refuse("queue_item_add", item=plan(), **scanner.named, **USER)
    assert "lane of a device" in reply["msg"]
    reply = await scanner.refuse("queue_item_add", item=SCAN, **USER)
    assert "lane of a device" in reply["msg"]


async def test_a_scan_that_is_to_run_at_once_is_refused_while_the_device_is_away(scanner):
    reply = await scanner.refuse("queue_item_execute", item=SCAN, **scanner.named, **USER)
    assert "not connected" in reply["msg"]


async def test_a_device_that_is_deleted_takes_its_empty_lane_along(connected):
    await connected.do("device_delete", device_id=connected.lane_name)
    assert [lane["lane"] for lane in connected.status["lanes"]] == ["default"]
    assert connected.sent(Dismiss)


async def test_the_queue_of_a_deleted_device_stays_and_is_held(scanner):
    uid = await add(scanner)
    await scanner.do("device_delete", device_id=scanner.lane_name)
    [item] = (await scanner.do("queue_get", **scanner.named))["items"]
    assert (item["item_uid"], item["state"]) == (uid, "held")


async def test_a_scan_that_runs_when_its_device_is_deleted_leaves_a_held_copy(connected):
    uid = await add(connected)
    await connected.do("device_delete", device_id=connected.lane_name, force=True)
    [entry] = (await connected.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "unknown")
    [copy] = (await connected.do("queue_get", **connected.named))["items"]
    assert (copy["state"], connected.lane.condition) == ("held", "held")
