"""When a device was seen last: now while it is connected, and from then on the time at which it went."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import EnvironmentClosed


async def test_a_device_that_has_never_been_there_was_never_seen(bench, scanner):
    assert (await bench.get(scanner))["last_seen"] is None


@pytest.mark.parametrize("how", ["says so", "is gone", "falls silent"])
async def test_the_end_of_a_connection_is_when_a_device_was_seen_last(bench, scanner, how):
    lane = bench.in_lane(scanner)
    await bench.come(scanner)
    bench.clock.advance(3600)
    assert (await bench.kept(scanner)).last_seen is None
    if how == "says so":
        await lane.report(EnvironmentClosed)
    elif how == "is gone":
        await lane.exit("nothing was heard of it")
    else:
        bench.intake.hear_answering(scanner, lane.incarnation, answering=False)
        await bench.settle()
    left = bench.clock.wall()
    bench.clock.advance(60)
    assert (await bench.kept(scanner)).last_seen == left
    lost = [event for event in (await bench.do("events_get"))["events"] if event["kind"] == "device_lost"]
    assert [event["lane"] for event in lost] == [scanner]
    shown = (await bench.get(scanner))["last_seen"]
    bench.clock.advance(60)
    assert (await bench.get(scanner))["last_seen"] == shown


async def test_who_is_given_up_later_was_seen_last_when_it_fell_silent(bench, scanner):
    lane = bench.in_lane(scanner)
    await bench.come(scanner)
    bench.intake.hear_answering(scanner, lane.incarnation, answering=False)
    await bench.settle()
    left = bench.clock.wall()
    bench.clock.advance(60)
    await lane.exit("nothing was heard of it")
    assert (await bench.kept(scanner)).last_seen == left


async def test_what_becomes_of_other_lanes_is_no_matter_of_devices(bench, scanner):
    await bench.come(scanner)
    other = bench.in_lane("b")
    await other.open()
    await other.exit()
    assert (await bench.kept(scanner)).last_seen is None


async def test_the_generation_of_a_program_is_kept_as_its_gateway_recognises_it(bench):
    scanner, token = await bench.create()
    await bench.connect(scanner, token)
    for told, kept in (({"client_generation": "gen2"}, "gen2"), ({"site": "room 3"}, "gen2")):
        reply = await bench.as_gateway("device_describe", device_id=scanner, generation=1, details=told)
        assert reply["success"], reply
        assert (await bench.get(scanner))["client_generation"] == kept
    reply = await bench.as_gateway(
        "device_describe", device_id=scanner, generation=1, details={"client_generation": "gen9"}
    )
    assert "details.client_generation" in reply["msg"]
