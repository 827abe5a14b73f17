"""The routes of devices: records, credentials, and both forms of starting a scan, with the codes that clients read."""

from __future__ import annotations

import json
import uuid
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from queue_server.protocol.worker_link import Hello, REStateChanged
from tests.doubles.device_lanes import SEQUENCE, TOKEN, DeviceManager, gateway_with_devices
from tests.doubles.scanner import connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "/api/v1/device"
DEVICE = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a01"
UNKNOWN = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a02"
TASK = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a03"
FIRST = {"header_xml": "<h/>", "sequence_data": "[VERSION]", "acquisition_data": "{}"}
IDENTITY = {"x": 1.0, "y": 1.0, "z": 1.0}
NOTHING = {"x": 0.0, "y": 0.0, "z": 0.0}
VIEW = {"fov_scaling": IDENTITY, "fov_offset": NOTHING, "fov_rotation": NOTHING}
SCAN = {
    "id": TASK,
    "name": "knee",
    "description": "",
    "task_type": "ACQUISITION",
    "destination": "",
    "status": "NEW",
    "progress": 0,
    "is_template": False,
    "device_id": DEVICE,
    "sequence": SEQUENCE,
    "acquisition_parameter": VIEW,
}
SHOWN = {
    "id": DEVICE,
    "kind": "scanner",
    "name": "scanner 1",
    "description": "",
    "datetime_created": "2026-01-01T00:00:00+00:00",
    "status": "ONLINE",
    "condition": "ready",
    "ip_address": "10.0.0.7",
    "parameter": None,
    "registered_parameter": {"b0": 3},
    "lane_length": 0,
    "has_token": True,
}


def refuse(code, text="no"):
    """Return a refusal of the manager."""
    return {"success": False, "msg": text, "error": {"code": code, "details": {}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manager():
    """A manager that knows one device."""
    manager = DeviceManager()
    manager.tokens[DEVICE] = TOKEN
    yield manager
    await manager.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(manager, tmp_path_factory):
    """A gateway in front of it."""
    async with gateway_with_devices(manager, tmp_path_factory.mktemp("gateway")) as client:
        client.headers["Authorization"] = client.headers["Authorization"].replace("ApiKey", "Bearer")
        yield client


@pytest.fixture
def device():
    """The device as the manager shows it."""
    return dict(SHOWN)


@pytest.fixture
def client(manager, served, device):
    """A client, and a manager with its answers as they were."""
    known = dict(manager.answers)

    def get(params):
        return {"success": True, "device": device} if params["device_id"] == DEVICE else refuse("not_found")

    item = {"success": True, "item": {"item_uid": TASK}, "qsize": 3}
    manager.answers |= {"device_get": get, "queue_item_add": item, "queue_item_execute": item}
    manager.requests.clear()
    yield served
    manager.answers.clear()
    manager.answers |= known


def asked(manager, method):
    """Return the parameters of the only request for a method."""
    [request] = [each for each in manager.requests if each["method"] == method]
    return request["params"]


# --- records ----------------------------------------------------------------------------------------------------------


async def test_devices_are_listed_and_shown(client, manager):
    manager.answers["device_list"] = {"success": True, "devices": [SHOWN], "next_cursor": None}
    for path in (PREFIX, f"{PREFIX}/"):
        answer = await client.get(path)
        assert (answer.status_code, [each["id"] for each in answer.json()]) == (200, [DEVICE])
    shown = (await client.get(f"{PREFIX}/{DEVICE.upper()}")).json()
    assert shown == {name: value for name, value in SHOWN.items() if name not in ("kind", "has_token")}
    assert (await client.get(f"{PREFIX}/{DEVICE}/status")).json() == {"status": "ONLINE"}
    assert (await client.get(f"{PREFIX}/{DEVICE}/ip_address")).json() == {"ip_address": "10.0.0.7"}


@pytest.mark.parametrize("device_id", ["no uuid", UNKNOWN])
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/{}"),
        ("GET", "/{}/status"),
        ("GET", "/{}/ip_address"),
        ("POST", "/{}/clear-fault"),
        ("PUT", "/{}/start-scan?header_xml=a&sequence_data=b&acquisition_data=c"),
    ],
)
async def test_an_id_that_no_device_has_is_a_404(client, verb, path, device_id):
    answer = await client.request(verb, PREFIX + path.format(device_id))
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


async def test_credentials_are_a_file_that_is_shown_once(client, manager):
    credentials = {"device_id": DEVICE, "device_token": TOKEN}
    manager.answers |= {"device_create": {"success": True, **credentials}}
    manager.answers |= {"device_rotate_token": {"success": True, **credentials}}
    created = await client.post(f"{PREFIX}/createdevice", json={"name": "a", "description": "b", "status": "ONLINE"})
    rotated = await client.post(f"{PREFIX}/{DEVICE}/rotate-token?grace_s=60")
    assert (created.status_code, rotated.status_code) == (201, 200)
    for answer in (created, rotated):
        assert answer.json() == credentials
        assert answer.headers["content-disposition"] == 'attachment; filename="device_credentials.json"'
        assert answer.headers["cache-control"] == "no-store"
    assert asked(manager, "device_rotate_token")["grace_s"] == 60.0


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("POST", "/createdevice", {"name": " ", "description": "b"}, 400),
        ("POST", "/createdevice", {"name": "a", "description": ""}, 400),
        ("POST", "/createdevice", {"name": "a"}, 422),
        ("POST", "/createdevice", [], 422),
        ("PUT", f"/parameter/{DEVICE}", [1], 422),
        ("PUT", f"/parameter/{DEVICE}", "text", 422),
        ("POST", f"/{DEVICE}/rotate-token?grace_s=soon", None, 422),
        ("POST", f"/{DEVICE}/rotate-token?grace_s=86401", None, 422),
        ("DELETE", f"/{DEVICE}?force=perhaps", None, 422),
    ],
)
async def test_what_has_a_wrong_form_is_refused_and_the_manager_not_asked(client, manager, verb, path, body, status):
    answer = await client.request(verb, PREFIX + path, json=body)
    assert answer.status_code == status
    assert manager.asked == []


async def test_a_device_is_deleted_and_an_active_one_only_by_force(client, manager):
    manager.answers["device_delete"] = lambda params: (
        {"success": True, "held_items": 1} if params["force"] else refuse("wrong_state")
    )
    assert (await client.delete(f"{PREFIX}/{DEVICE}")).status_code == 409
    assert (await client.delete(f"{PREFIX}/{DEVICE}?force=true")).status_code == 204


async def test_parameters_are_replaced_as_a_whole(client, manager):
    manager.answers["device_parameter_set"] = {"success": True, "device": SHOWN}
    assert (await client.put(f"{PREFIX}/parameter/{DEVICE}", json={"b0": 3})).status_code == 200
    assert asked(manager, "device_parameter_set")["parameter"] == {"b0": 3}


async def test_a_token_is_needed(client):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = await client.get(PREFIX, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (await client.get(f"{PREFIX}/health/readiness", headers={"Authorization": ""})).json() == {"status": "ok"}


async def test_a_fault_is_cleared_by_a_person_and_the_next_scan_goes_out(client, manager):
    async with connected(client, DEVICE, TOKEN, "gen2") as scanner:
        await scanner.register()
        key = await manager.execute(DEVICE, str(uuid.uuid4()))
        await scanner.begin()
        await scanner.fail("the coil is hot")
        assert (await manager.outcome(key)).outcome == "failed"
        assert (await client.post(f"{PREFIX}/{DEVICE}/clear-fault")).status_code == 200
        key = await manager.execute(DEVICE, str(uuid.uuid4()), expected_uploads=0)
        await scanner.begin()
        await scanner.online()
        assert (await manager.outcome(key)).outcome == "completed"
        lost = await manager.execute(DEVICE, str(uuid.uuid4()))
        await scanner.begin()
    assert (await manager.outcome(lost)).outcome == "unknown"
    assert (await client.post(f"{PREFIX}/{DEVICE}/clear-fault")).status_code == 409


async def test_a_device_whose_connections_replaced_each_other_gets_items_once_a_person_has_looked(client, manager):
    device = str(uuid.uuid4())
    manager.tokens[device] = TOKEN
    manager.answers["device_get"] = lambda params: {"success": True, "device": {**SHOWN, "id": params["device_id"]}}
    async with AsyncExitStack() as stack:
        scanners = [await stack.enter_async_context(connected(client, device, TOKEN, "gen2")) for _ in range(4)]
        await scanners[-1].register()
        marked = (Hello, REStateChanged)
        await manager.lanes.wait_for(device, marked, lambda each: each.re_state == "duplicate_connection")
        assert (await client.post(f"{PREFIX}/{device}/clear-fault")).status_code == 200
        # Until then it was not ready for items.
        await manager.ready(device)
        key = await manager.execute(device, str(uuid.uuid4()), expected_uploads=0)
        await scanners[-1].begin()
        await scanners[-1].online()
        assert (await manager.outcome(key)).outcome == "completed"


# --- starting a scan ------------------------------------------------------------------------------------------------


async def test_a_scan_is_put_into_the_lane_of_its_device(client, manager, device):
    device["status"] = "OFFLINE"
    answer = await client.post(
        f"{PREFIX}/start_scan_via_websocket?expected_uploads=2", json={**SCAN, "upload_grace_s": 5}
    )
    assert answer.status_code == 202
    assert answer.json() == {
        "item_uid": TASK,
        "task_id": TASK,
        "device_id": DEVICE,
        "lane": DEVICE,
        "position": 2,
        "state": "queued",
        "device_status": "OFFLINE",
    }
    assert TASK in answer.headers["location"]
    params = asked(manager, "queue_item_add")
    assert (params["lane"], params["item"]["item_type"], params["item"]["name"]) == (DEVICE, "acquisition", "knee")
    kwargs = params["item"]["kwargs"]
    assert (kwargs["sequence"], kwargs["acquisition_parameter"], kwargs["task_id"]) == (SEQUENCE, VIEW, TASK)
    assert (kwargs["expected_uploads"], kwargs["upload_grace_s"]) == (2, 5.0)


async def test_a_sequence_may_be_named(client, manager):
    record = {"id": UNKNOWN, "name": "s", "seq_file": "x", "datetime_created": "2026-01-01T00:00:00+00:00"}
    manager.answers["exam_sequence_get"] = {"success": True, "sequence": record}
    scan = {name: value for name, value in SCAN.items() if name != "sequence"} | {"sequence_id": UNKNOWN}
    assert (await client.post(f"{PREFIX}/start_scan_via_websocket", json=scan)).status_code == 202
    assert asked(manager, "queue_item_add")["item"]["kwargs"]["sequence_id"] == UNKNOWN
    manager.answers["exam_sequence_get"] = refuse("not_found")
    assert (await client.post(f"{PREFIX}/start_scan_via_websocket", json=scan)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"device_id": None}, 400),
        ({"is_template": True}, 400),
        ({"task_type": "DAG"}, 400),
        ({"device_id": "no uuid"}, 404),
        ({"device_id": UNKNOWN}, 404),
        ({"sequence": None}, 422),
        ({"sequence": {"name": "without a file"}}, 422),
        ({"expected_uploads": -1}, 422),
        ({"acquisition_parameter": {"fov_scaling": 1}}, 422),
        ({"acquisition_limits": {"patient_age": "old"}}, 422),
        ({"name": 5}, 422),
    ],
)
async def test_a_scan_that_cannot_be_started_is_refused_and_not_stored(client, manager, changes, status):
    answer = await client.post(f"{PREFIX}/start_scan_via_websocket", json=SCAN | changes)
    assert answer.status_code == status
    assert "queue_item_add" not in manager.asked


@pytest.mark.parametrize("is_body", [False, True])
async def test_the_form_of_the_first_generation_is_the_same_scan(client, manager, is_body):
    given = {**FIRST, "acquisition_data": json.dumps(VIEW)}
    answer = await client.put(f"{PREFIX}/{DEVICE}/start-scan", **({"json": given} if is_body else {"params": given}))
    assert answer.status_code == 202
    kwargs = asked(manager, "queue_item_add")["item"]["kwargs"]
    assert kwargs["sequence"] == {"seq_file": "[VERSION]", "xml_file": "<h/>"}
    assert (kwargs["header_xml"], kwargs["acquisition_parameter"]) == ("<h/>", VIEW)


@pytest.mark.parametrize("raw", ["{}", "text", '{"fov_scaling": {"x": 1, "y": 1, "z": 1}}'])
async def test_acquisition_data_without_a_field_of_view_go_to_the_device_as_they_are(client, manager, raw):
    answer = await client.put(f"{PREFIX}/{DEVICE}/start-scan", params={**FIRST, "acquisition_data": raw})
    assert answer.status_code == 202
    kwargs = asked(manager, "queue_item_add")["item"]["kwargs"]
    assert kwargs["device_parameter"] == {"acquisition_data": raw}
    assert "acquisition_parameter" not in kwargs


@pytest.mark.parametrize("missing", sorted(FIRST))
async def test_each_part_of_the_first_form_is_needed(client, manager, missing):
    given = {name: value for name, value in FIRST.items() if name != missing}
    answer = await client.put(f"{PREFIX}/{DEVICE}/start-scan", params=given)
    assert (answer.status_code, missing in answer.json()["detail"]) == (422, True)
    assert manager.asked == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 202),
        ({"status": "OFFLINE"}, 503),
        ({"status": "BUSY"}, 409),
        ({"status": "ERROR"}, 409),
        ({"lane_length": 1}, 409),
    ],
)
async def test_at_once_means_now_or_not_at_all(client, manager, device, changes, status):
    device |= changes
    answer = await client.put(f"{PREFIX}/{DEVICE}/start-scan?immediate=true", json=FIRST)
    assert answer.status_code == status
    assert ("queue_item_execute" in manager.asked) is (status == 202)
    assert "queue_item_add" not in manager.asked


@pytest.mark.parametrize(("query", "body"), [("?held=true", {}), ("", {"held": True})])
async def test_a_scan_that_is_to_be_held_is_added_so(client, manager, query, body):
    manager.answers["queue_item_add"]["item"] = {"item_uid": TASK, "state": "held"}
    scan = await client.post(f"{PREFIX}/start_scan_via_websocket{query}", json=SCAN | body)
    first = await client.put(f"{PREFIX}/{DEVICE}/start-scan{query}", json=FIRST | body)
    for answer in (scan, first):
        assert (answer.status_code, answer.json()["state"]) == (202, "held")
    assert [each["params"]["held"] for each in manager.requests if each["method"] == "queue_item_add"] == [True, True]


@pytest.mark.parametrize("query", ["?held=perhaps", "?held=true&immediate=true"])
async def test_what_is_to_be_held_cannot_begin_at_once(client, manager, query):
    answer = await client.post(f"{PREFIX}/start_scan_via_websocket{query}", json=SCAN)
    assert (answer.status_code, "'held'" in answer.json()["detail"]) == (422, True)
    assert "queue_item_add" not in manager.asked


async def test_a_key_is_handed_on_so_that_a_scan_is_started_once(client, manager):
    await client.put(f"{PREFIX}/{DEVICE}/start-scan", json=FIRST, headers={"Idempotency-Key": "k"})
    [request] = [each for each in manager.requests if each["method"] == "queue_item_add"]
    assert request["idempotency_key"] == "k"


async def test_a_start_that_the_device_could_not_read_is_a_413(client, manager):
    given = {**FIRST, "sequence_data": "x" * 1_100_000}
    async with connected(client, DEVICE, TOKEN, "gen2") as scanner:
        await scanner.register()
        assert (await client.put(f"{PREFIX}/{DEVICE}/start-scan", json=given)).status_code == 413
        assert "queue_item_add" not in manager.asked
    async with connected(client, DEVICE, TOKEN, "gen3") as scanner:
        await scanner.register()
        assert (await client.put(f"{PREFIX}/{DEVICE}/start-scan", json=given)).status_code == 202
