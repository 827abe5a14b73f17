"""Devices as clients see them: listed, shown with what they do, given parameters, and deleted."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Dismiss, REStateChanged
from tests.doubles.bench import DEVICES, USER
from tests.doubles.exam_records import identity
from tests.doubles.registered_devices import TOKEN, device, full_device

METHODS_OF_ONE = {
    "device_get": {},
    "device_rotate_token": {},
    "device_revoke_token": {},
    "device_delete": {},
    "device_parameter_set": {"parameter": {}},
}


@pytest.mark.parametrize("method", METHODS_OF_ONE)
@pytest.mark.parametrize("wrong", ["unknown", "deleted", "malformed"])
async def test_what_is_no_device_is_not_found(bench, method, wrong):
    await bench.store.transact(lambda tx: tx.add_device(device("deleted", token=None, deleted=1.0)))
    device_id = "{" + identity("deleted") + "}" if wrong == "malformed" else identity(wrong)
    refused = await bench.refuse(method, device_id=device_id, **METHODS_OF_ONE[method])
    assert (refused["error"]["code"], device_id in refused["msg"]) == ("not_found", True)


async def test_everything_of_a_device_is_shown_but_its_tokens(bench):
    full = full_device()
    await bench.store.transact(lambda tx: tx.add_device(full))
    shown = await bench.get(full.id)
    assert shown == {
        "id": full.id,
        "kind": "scanner",
        "name": "full",
        "description": "a scanner",
        **full.details.plain(),
        "parameter": full.parameter,
        "registered_parameter": {},
        "has_token": True,
        "previous_token_until": "2023-11-14T22:14:20.500000+00:00",
        "generation": 7,
        "last_address": "192.0.2.7",
        "creator": "anna",
        "datetime_created": "2023-11-14T22:13:20.500000+00:00",
        "datetime_updated": "2023-11-14T22:13:21.500000+00:00",
        "last_seen": "2023-11-14T22:13:50.750000+00:00",
        "status": "OFFLINE",
        "condition": "offline",
        "reason": "",
        "fault_message": None,
        "ip_address": None,
        "active_item_uid": None,
        "lane_length": 0,
    }


async def test_devices_are_listed_in_order_page_by_page(bench):
    names = [f"scanner {number}" for number in range(5)]
    ids = [(await bench.create(name=name))[0] for name in names]
    await bench.do("device_delete", device_id=ids[2])
    found, cursor, sizes = [], {}, []
    while cursor is not None:
        page = await bench.do("device_list", limit=2, **cursor)
        sizes.append(len(page["devices"]))
        found += [each["id"] for each in page["devices"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert (found, sizes) == ([ids[0], ids[1], ids[3], ids[4]], [2, 2])
    shown = (await bench.do("device_list"))["devices"]
    assert shown == [await bench.get(each) for each in found]


@pytest.mark.parametrize("kind", ["scanner", "ophyd"])
@pytest.mark.parametrize("cursor", ["x", "[]", '["a"]', '["a", 5]', "", "-1", '{"a": 1}'])
async def test_a_cursor_that_no_page_has_named_is_refused(bench, kind, cursor):
    assert (await bench.refuse("device_list", kind=kind, cursor=cursor))["error"]["details"]["field"] == "cursor"


async def test_a_lane_is_named_for_the_devices_of_workers_only(bench):
    assert (await bench.refuse("device_list", lane="b"))["error"]["details"]["field"] == "lane"
    assert (await bench.refuse("device_list", kind="ophyd", lane="c"))["error"]["code"] == "not_found"


# --- how it is ------------------------------------------------------------------------------------------------------


async def test_a_device_is_as_its_lane_is(bench, scanner):
    await bench.connect(scanner, TOKEN)
    lane = bench.in_lane(scanner)
    bench.clock.advance(5)

    async def now():
        shown = await bench.get(scanner)
        return shown["status"], shown["condition"], shown["ip_address"], shown["lane_length"]

    assert await now() == ("OFFLINE", "offline", None, 0)
    assert (await bench.get(scanner))["last_seen"] < "2023-11-14T22:13:25"
    await bench.come(scanner, re_state="registering")
    assert await now() == ("OFFLINE", "registering", "192.0.2.7", 0)
    await lane.report(REStateChanged, re_state="ready")
    assert await now() == ("ONLINE", "ready", "192.0.2.7", 0)
    assert (await bench.get(scanner))["last_seen"] == "2023-11-14T22:13:25+00:00"
    await bench.enqueue(scanner, "active", "next")
    await lane.run_plan()
    assert await now() == ("BUSY", "working", "192.0.2.7", 1)
    assert (await bench.get(scanner))["active_item_uid"] == "active"
    await lane.report(REStateChanged, attempt=lane.key, re_state="fault")
    assert await now() == ("ERROR", "fault", "192.0.2.7", 1)
    await lane.exit()
    assert await now() == ("OFFLINE", "unresolved", None, 2)
    shown = await bench.get(scanner)
    assert "unknown" in shown["fault_message"]
    assert shown["active_item_uid"] is None
    await bench.come(scanner, "w2")
    assert await now() == ("ERROR", "unresolved", "192.0.2.7", 2)


async def test_a_new_device_has_an_empty_lane_that_starts_by_itself(bench):
    device_id, _ = await bench.create()
    [lane] = [each for each in (await bench.do("lanes_get"))["lanes"] if each["lane"] == device_id]
    assert (lane["queue_autostart_enabled"], lane["on_failure"], lane["items_in_queue"]) == (True, "hold", 0)


# --- parameters -----------------------------------------------------------------------------------------------------


async def test_parameters_are_replaced_as_a_whole_and_the_log_has_their_names(bench, scanner):
    bench.clock.advance(5)
    await bench.do("device_parameter_set", device_id=scanner, parameter={"a": 1, "b": {"c": [1]}, "d": None}, **USER)
    reply = await bench.do("device_parameter_set", device_id=scanner, parameter={"a": True, "b": {"c": [1]}})
    assert reply["device"]["parameter"] == {"a": True, "b": {"c": [1]}}
    assert reply["device"] == await bench.get(scanner)
    assert reply["device"]["datetime_updated"] == "2023-11-14T22:13:25+00:00"
    known = {"device_id": scanner, "name": "scanner"}
    assert await bench.told() == [
        ("device_parameter_set", {**known, "changed": ["a", "b", "d"], "count": 3}),
        ("device_parameter_set", {**known, "changed": ["a", "d"], "count": 2}),
    ]


@pytest.mark.parametrize("parameter", [None, [], "x", {"large": "x" * 300_000}])
async def test_parameters_are_a_map_that_is_not_too_large(bench, scanner, parameter):
    refused = await bench.refuse("device_parameter_set", device_id=scanner, parameter=parameter)
    assert refused["error"]["details"]["field"] == "parameter"


async def test_no_parameters_are_parameters_too(bench, scanner):
    await bench.do("device_parameter_set", device_id=scanner, parameter={})
    assert (await bench.connect(scanner, TOKEN))["effective_parameter"] == {}


# --- deletion -------------------------------------------------------------------------------------------------------


async def test_a_deleted_device_is_gone_and_what_waits_for_it_is_held(bench, scanner):
    await bench.enqueue(scanner, "a", "b", "c")
    await bench.do("queue_item_hold", uid="b", reason="not yet", lane=scanner)
    before = bench.status["plan_queue_uid"]
    reply = await bench.do("device_delete", device_id=scanner, user="anna")
    assert reply["held_items"] == 2
    items = await bench.store.transact(lambda tx: tx.queue(scanner))
    deleted = "The device 'scanner' was deleted."
    assert [(item.state, item.reason) for item in items] == [("held", deleted), ("held", "not yet"), ("held", deleted)]
    assert bench.status["plan_queue_uid"] != before
    assert (await bench.do("device_list"))["devices"] == []
    assert (await bench.connect(scanner, TOKEN))["error"]["code"] == "wrong_credential"
    known = {"device_id": scanner, "name": "scanner", "force": False, "held_items": 2}
    kind, data = (await bench.told())[-1]
    assert (kind, {name: data[name] for name in known}) == ("device_deleted", known)
    assert (await bench.kept(scanner)).token is None


async def test_the_lane_of_a_deleted_device_goes_with_it(bench):
    device_id, _ = await bench.create()
    await bench.come(device_id)
    assert (await bench.do("device_delete", device_id=device_id))["held_items"] == 0
    assert device_id not in [each["lane"] for each in (await bench.do("lanes_get"))["lanes"]]
    assert [message.reason for message in bench.sent(Dismiss)] == ["The device 'scanner 1' was deleted."]


async def test_a_device_without_a_lane_can_be_deleted(bench):
    await bench.store.transact(lambda tx: tx.add_device(device("alone")))
    assert (await bench.do("device_delete", device_id=identity("alone")))["held_items"] == 0


async def test_a_busy_device_is_deleted_by_force_only_and_its_item_is_unknown(bench, scanner, busy):
    refused = await bench.refuse("device_delete", device_id=scanner)
    assert (refused["error"]["code"], "force" in refused["msg"]) == ("wrong_state", True)
    await bench.do("device_delete", device_id=scanner, force=True)
    assert (await bench.kept(scanner)).deleted == bench.clock.wall()
    [entry] = await bench.store.transact(lambda tx: tx.history())
    assert (entry.item.uid, entry.result["exit_status"]) == ("active", "unknown")
    items = await bench.store.transact(lambda tx: tx.queue(scanner))
    assert [item.state for item in items] == ["held", "held"]


# --- the devices of the workers -------------------------------------------------------------------------------------


async def test_the_devices_of_all_workers_are_listed_with_their_lanes(bench, scanner):
    entry = {"kind": "ophyd", "name": "det1", "status": "OFFLINE", **DEVICES["det1"]}
    page = await bench.do("device_list", kind="ophyd")
    assert page["devices"] == [{**entry, "lane": lane} for lane in ("b", "default")]
    await bench.in_lane("b").open()
    shown = (await bench.do("device_list", kind="ophyd", lane="b"))["devices"]
    assert shown == [{**entry, "lane": "b", "status": "ONLINE"}]
    statuses = {each["lane"]: each["status"] for each in (await bench.do("device_list", kind="ophyd"))["devices"]}
    assert statuses == {"b": "ONLINE", "default": "OFFLINE"}
    assert (await bench.do("device_list", kind="ophyd", lane=scanner))["devices"] == []


async def test_the_devices_of_workers_come_page_by_page(bench):
    first = await bench.do("device_list", kind="ophyd", limit=1)
    second = await bench.do("device_list", kind="ophyd", limit=1, cursor=first["next_cursor"])
    assert [each["lane"] for page in (first, second) for each in page["devices"]] == ["b", "default"]
    assert second["next_cursor"] is None
